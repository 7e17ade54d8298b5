/** `chinese-clip embed --source`: the shards of a source, or an array job's part of them, each whole or not at all. */
import {
  DatasetError,
  embedShard,
  openManifest,
  openSource,
  openStore,
  type Shard,
  type SourceShard,
  writeManifest,
} from "@chinese-clip/dataset";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import { existsSync } from "node:fs";
import type { CommandContext } from "../command.js";
import { t } from "../translation/translate.js";
import { skippedNotes } from "../input/skipped-files.js";
import { decodeSettings } from "./loading-options.js";
import { withEmbedder } from "./with-embedder.js";
import { countValue, type OptionValues, requiredValue, stringValue, UsageError } from "../option.js";

/**
 * Embeds a source.
 *
 * @param part - which of its shards: every `count`-th from `index`.
 * @returns the exit code: 1 where an image has no row.
 */
export async function embedSource(values: OptionValues, context: CommandContext, part: Shard): Promise<number> {
  if (values["images"] !== undefined || values["texts"] !== undefined)
    throw new UsageError(t`give --images, --texts or --source, one of them; see --help`);
  const output = openStore(requiredValue(values, "output"));
  requiredValue(values, "model");
  const source = openSource(stringValue(values, "source") ?? "", { allowPrivateAddresses: "location" });
  const shardSize = countValue(values, "shard-size");
  const { signal } = context;
  const manifest = stringValue(values, "manifest");
  if (manifest !== undefined && !existsSync(manifest))
    await writeManifest(manifest, source, { shardSize, signal }).catch((error: unknown) => {
      // Another job of the array was faster.
      if (!(error instanceof DatasetError && error.code === "manifest-exists")) throw error;
    });
  const shards = manifest === undefined ? source.list({ shardSize, signal }) : (await openManifest(manifest)).shards();
  return withEmbedder(values, context, async ({ openEmbedder, model, onProgress, below }) => {
    const totals = { shards: 0, skipped: 0, rows: 0, failed: 0 };
    const noteSkip = skippedNotes(below);
    for await (const shard of shards) {
      if (shard.index % part.count !== part.index) continue;
      if (model() === undefined) await openEmbedder();
      await embedOne(shard);
    }
    return printTotals(totals, output.label, below);

    async function embedOne(shard: SourceShard): Promise<void> {
      const embedder = model();
      if (embedder === undefined) return;
      const { rows, failed, skipped } = await embedShard(embedder, source, shard, {
        output,
        towers: values["captions"] === true ? ["image", "text"] : ["image"],
        prepareText: preprocessEvalText,
        settings: decodeSettings(values),
        signal,
        onProgress: ({ done, count }) => onProgress("embed-images", done, count),
        onFailure: ({ key, error }) => noteSkip(key, error),
      });
      totals.shards++;
      if (skipped) totals.skipped++;
      totals.rows += rows;
      totals.failed += failed;
    }
  });
}

function printTotals(
  totals: { readonly shards: number; readonly skipped: number; readonly rows: number; readonly failed: number },
  output: string,
  { json, language, print, note }: CommandContext,
): number {
  const { shards, skipped, rows, failed } = totals;
  if (json) print(JSON.stringify({ ...totals, output }, null, 2));
  else if (language === "zh")
    print(
      `${shards} 个分片（${skipped} 个此前已完成），${rows} 条特征${failed === 0 ? "" : `，${failed} 张无法读取，见 ${output}/failed`}`,
    );
  else
    print(
      `${shards} shards (${skipped} complete before), ${rows} features${failed === 0 ? "" : `, ${failed} unreadable: see ${output}/failed`}`,
    );
  if (!json) note(`→ ${output}`);
  return failed > 0 ? 1 : 0;
}
