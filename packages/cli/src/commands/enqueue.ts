/**
 * `chinese-clip enqueue`: lists a source into a manifest, once, and adds its shards to a queue.
 */
import { existsSync } from "node:fs";
import { type DataSource, openManifest, openSource, writeManifest } from "@chinese-clip/dataset";
import type { Command, CommandContext } from "../command.js";
import { TerminalProgress } from "../terminal/progress.js";
import { CommandError, t } from "../translation/translate.js";
import { loadQueuePackage, MANIFEST_OPTION, manifestOf, QUEUE_OPTIONS, queueOf } from "./queue-options.js";
import { countValue, flag, type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const enqueue: Command = {
  operands: "[source]",
  options: {
    ...MANIFEST_OPTION,
    "shard-size": setting("n", "images of a shard (default: 1000)", "每个分片的图片数（默认 1000）"),
    ...QUEUE_OPTIONS,
    shards: setting("ids", "only these, separated by commas", "只加入这些分片，用逗号分隔"),
    again: flag("add shards that are done or failed once more, and write their output again", "已完成或失败的分片也重新加入，并重写结果"),
    "retry-failed": flag("put the queue's failed shards back, and add nothing", "把失败的分片放回队列，不加入其他分片"),
    status: flag("print the queue's progress, and add nothing", "只显示队列的进度，不加入分片"),
  },
  examples: [
    "folder:photos --manifest photos.manifest",
    "--manifest photos.manifest --shards 00003-b07351402654 --again",
    "--status --address redis://queue-host:6379",
  ],

  async run(values, context, operands) {
    const queue = await loadQueuePackage();
    if (values["status"] === true) return printStatus(values, context, queue);
    if (values["retry-failed"] === true) {
      const retried = await queue.retryFailedShards({ ...queueOf(values), signal: context.signal });
      print(context, { retried }, t`${retried} failed shards are in the queue again`);
      return 0;
    }
    if (operands.length > 1) throw new UsageError(t`expected ${t`one source`}, got also ${operands[1]}; see --help`);
    await listSource(values, context, operands[0]);
    const manifest = await manifestOf(values, queue, context.signal);
    const shards = chosenShards(values, manifest.ids);
    const progress = new TerminalProgress(process.stderr);
    try {
      const summary = await queue.enqueueShards({
        ...queueOf(values),
        manifest: manifest.digest,
        shards,
        again: values["again"] === true,
        signal: context.signal,
        onProgress: (done) => progress.report(({ en: "shards", zh: "分片" } as const)[context.language], done, shards.length),
      });
      progress.end();
      const { added, existing, running } = summary;
      print(context, summary, t`${added} shards added; ${existing} were in the queue before`);
      if (running.length > 0)
        context.note(t`${running.length} shards are being embedded and were left alone; try again later`[context.language]);
      return running.length > 0 ? 1 : 0;
    } finally {
      progress.end();
    }
  },
};

/** Writes the manifest, unless it is there. @throws UsageError - neither; CommandError - it is of another source. */
async function listSource(values: OptionValues, { signal, note, language }: CommandContext, spec: string | undefined): Promise<void> {
  const file = requiredValue(values, "manifest");
  if (existsSync(file)) {
    if (spec === undefined) return;
    const { source } = await openManifest(file);
    if (source !== sourceOf(spec).spec) throw new CommandError(t`${file}: lists ${source}, not ${spec}; name another manifest`);
    return;
  }
  if (spec === undefined) throw new UsageError(t`${file}: no such manifest; name the source that it is to list, as folder:photos`);
  const { shards, items } = await writeManifest(file, sourceOf(spec), {
    shardSize: countValue(values, "shard-size"),
    signal,
  });
  note(t`${file}: ${shards} shards, ${items ?? "?"} images`[language]);
}

/** Its own files may be on this machine and its network; URLs that are written in them may not. */
function sourceOf(spec: string): DataSource {
  return openSource(spec, { allowPrivateAddresses: "location" });
}

/** @throws UsageError - an id that the manifest does not have. */
function chosenShards(values: OptionValues, ids: readonly string[]): readonly string[] {
  const given = stringValue(values, "shards");
  if (given === undefined) return ids;
  const known = new Set(ids);
  const chosen = given.split(",").map((id) => id.trim());
  const unknown = chosen.find((id) => !known.has(id));
  if (unknown !== undefined) throw new UsageError(t`--shards: the manifest has no shard ${unknown}`);
  return chosen;
}

async function printStatus(
  values: OptionValues,
  context: CommandContext,
  queue: Awaited<ReturnType<typeof loadQueuePackage>>,
): Promise<number> {
  const status = await queue.readQueueStatus(queueOf(values));
  const { waiting, active, delayed, completed, failed, failures } = status;
  print(context, status, t`${completed} done, ${waiting} waiting, ${active} in work, ${delayed} to be tried again, ${failed} failed`);
  if (!context.json) for (const { shard, reason } of failures) context.print(`${shard}  ${reason}`);
  return failed > 0 ? 1 : 0;
}

function print({ json, print: write, language }: CommandContext, value: object, text: ReturnType<typeof t>): void {
  write(json ? JSON.stringify(value) : text[language]);
}
