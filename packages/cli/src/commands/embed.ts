/**
 * `chinese-clip embed`: writes the features of images or texts to files, shard by shard, and resumes after a kill.
 */
import { stat } from "node:fs/promises";
import type { Command, CommandContext } from "../command.js";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import {
  checkSameRecord,
  type RecordedEmbedder,
  type EmbedItem,
  embedItems,
  type EmbedSummary,
  type FeatureOutput,
  folderImages,
  jsonlTexts,
  listedImages,
  missingFile,
  openJsonlOutput,
  openNpyOutput,
  readRecord,
  type RowNames,
  type Shard,
  shardFile,
  SkippedFiles,
  tsvImages,
  writeRecord,
} from "@chinese-clip/dataset";
import { shardOf } from "../input/shard-options.js";
import { noteSkipped, skippedNotes } from "../input/skipped-files.js";
import { standardInput } from "../input/standard-input.js";
import { embedSource } from "./embed-source.js";
import { DECODE_OPTION, HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { withEmbedder } from "./with-embedder.js";
import { t } from "../translation/translate.js";
import { flag, type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const embed: Command = {
  options: {
    ...MODEL_OPTION,
    images: setting(
      "source",
      "a folder, cn_clip's *_imgs.tsv, or - for a list of files on stdin",
      "文件夹、*_imgs.tsv，或 -（从标准输入读文件名）",
    ),
    source: setting(
      "source",
      "images shard by shard: folder:, list:, webdataset:, parquet:, s3://…; see docs/many-machines.md",
      "按分片处理的图片来源：folder:、list:、webdataset:、parquet:、s3://… 等，见 docs/many-machines.md",
    ),
    manifest: setting("file", "the source's list of shards; made if it is not there", "数据来源的分片清单；没有则新建"),
    "shard-size": setting("n", "images of a shard of --source (default: 1000)", "--source 每个分片的图片数（默认 1000）"),
    captions: flag("embed the captions of --source as well", "同时计算 --source 中图片说明的特征"),
    texts: setting("file", "cn_clip's *_texts.jsonl", "*_texts.jsonl"),
    output: setting(
      "name",
      "a .jsonl file in cn_clip's format, else a folder of .npy files in clip-retrieval's layout",
      "以 .jsonl 结尾则写 cn_clip 特征文件，否则为文件夹，写 clip-retrieval 布局的 .npy",
    ),
    "shard-index": setting(
      "n",
      "index of this shard, from 0 (default: JOB_COMPLETION_INDEX, or Slurm's array task)",
      "第几份，从 0 起（默认取 JOB_COMPLETION_INDEX 或 Slurm 的任务编号）",
    ),
    "shard-count": setting(
      "n",
      "number of shards (default: SLURM_ARRAY_TASK_COUNT, or 1)",
      "共几份（默认取 SLURM_ARRAY_TASK_COUNT，否则为 1）",
    ),
    ...DECODE_OPTION,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --images photos --output photos.img_feat.jsonl",
    "--model model --images - --output features < list.txt",
    "--model model --texts valid_texts.jsonl --output valid_texts.txt_feat.jsonl",
    "--model model --source webdataset:s3://data/{00000..00099}.tar --captions --output s3://data/features",
  ],

  async run(values, context) {
    const shard = shardOf(stringValue(values, "shard-index"), stringValue(values, "shard-count"), process.env);
    if (values["source"] !== undefined) return embedSource(values, context, shard);
    const [name, output] = [requiredValue(values, "output"), sourceOf(values, context)];
    requiredValue(values, "model");
    return withEmbedder(values, context, async ({ openEmbedder, onProgress, below }) => {
      // What names no input at all shows before the model is loaded.
      const total = await output.check();
      const embedder = await openEmbedder();
      const features = name.endsWith(".jsonl")
        ? await openJsonlOutput(shardFile(name, shard), output.names, embedder.dim)
        : await openNpyOutput(name, output.names, embedder.dim, shard);
      const failures = `${features.files[0]}.failed.jsonl`;
      const skipped = new SkippedFiles();
      const noteSkip = skippedNotes(below);
      const step = output.kind === "texts" ? ("embed-texts" as const) : ("embed-images" as const);
      const mine = total === undefined ? undefined : Math.ceil((total - shard.index) / shard.count);
      try {
        await matchRecord(features, output.kind, embedder);
        const summary = await embedItems({
          items: output.items(skipped),
          kind: output.kind,
          shard,
          output: features,
          failures,
          embedder,
          signal: context.signal,
          onFailure: ({ id, label, error }) => noteSkip(label ?? String(id), error),
          onProgress: (done, existing) => onProgress(step, done - existing, mine === undefined ? undefined : mine - existing),
        });
        const code = printSummary(summary, features.files, failures, shard, below);
        return noteSkipped(skipped, below) || code;
      } finally {
        await features.close();
      }
    });
  },
};

/** Notes which model the features are of, or makes sure that they were created with this one. */
async function matchRecord({ files: [file = ""], rows }: FeatureOutput, kind: Source["kind"], embedder: RecordedEmbedder): Promise<void> {
  const record = await embedder.record(kind === "texts" ? "text" : "image");
  const before = await readRecord(file);
  if (rows === 0) return writeRecord(file, record);
  if (before !== undefined) checkSameRecord(file, before, record);
}

interface Source {
  readonly kind: "images" | "texts";
  readonly names: RowNames;
  /** @returns how many there are, where that is asked for and can be known. */
  check(): Promise<number | undefined>;
  /** @param skipped - gets what is no image. */
  items(skipped?: SkippedFiles): AsyncIterable<EmbedItem>;
}

function sourceOf(values: OptionValues, context: CommandContext): Source {
  const [images, texts] = [stringValue(values, "images"), stringValue(values, "texts")];
  if ((images === undefined) === (texts === undefined))
    throw new UsageError(t`give --images, --texts or --source, one of them; see --help`);
  if (texts !== undefined) {
    const prepared = async function* (): AsyncGenerator<EmbedItem, void, undefined> {
      for await (const item of jsonlTexts(texts)) yield { ...item, content: preprocessEvalText(String(item.content)) };
    };
    return {
      kind: "texts",
      names: { id: "text_id", label: "caption", labelled: false, kind: "text" },
      check: () => counted(texts, prepared, context),
      items: prepared,
    };
  }
  const names: RowNames = { id: "image_id", label: "image_path", labelled: true, kind: "img" };
  const file = images ?? "";
  if (file === "-") return { kind: "images", names, check: async () => undefined, items: () => listedImages(standardInput(context)) };
  const items = file.endsWith(".tsv") ? () => tsvImages(file) : (skipped?: SkippedFiles) => folderImages(file, skipped);
  return { kind: "images", names: { ...names, labelled: !file.endsWith(".tsv") }, check: () => counted(file, items, context), items };
}

/** Counts the inputs for somebody who looks on; else only sees that there is one. */
async function counted(file: string, items: () => AsyncIterable<EmbedItem>, { signal }: CommandContext): Promise<number | undefined> {
  try {
    await stat(file);
  } catch (cause) {
    throw missingFile(file, cause);
  }
  let count = 0;
  for await (const _ of items()) {
    signal.throwIfAborted();
    count++;
    if (!process.stderr.isTTY) return undefined;
  }
  return count;
}

function printSummary(
  { existing, added, failed }: EmbedSummary,
  files: readonly string[],
  failures: string,
  shard: Shard,
  { json, language, print, note }: CommandContext,
): number {
  if (json) print(JSON.stringify({ added, existing, failed, shard, files, failures: failed > 0 ? failures : null }, null, 2));
  else {
    const before = existing === 0 ? "" : language === "zh" ? `，已有 ${existing} 条` : `, ${existing} there before`;
    const skipped =
      failed === 0
        ? ""
        : language === "zh"
          ? `，${failed} 张无法读取，见 ${failures}；要重试，请连同输出一起删除它`
          : `, ${failed} unreadable: see ${failures}; to try them again, delete it and the output`;
    print(language === "zh" ? `写入 ${added} 条特征${before}${skipped}` : `${added} features written${before}${skipped}`);
    for (const file of files) note(`→ ${file}`);
  }
  return failed > 0 ? 1 : 0;
}
