/**
 * `chinese-clip compare`: what another dtype, checkpoint or device changes, on the user's own images and texts.
 */
import { ChineseCLIP, type PretrainedOptions } from "@chinese-clip/node";
import type { Command, CommandContext } from "../command.js";
import { readLabelList } from "../input/read-label-list.js";
import { type Agreement, type Changes, compareRows, compareSearches, type Rows } from "../reports/compare-embeddings.js";
import { type FilePath, findImages, imageInputs, SkippedFiles } from "@chinese-clip/dataset";
import { noteSkipped } from "../input/skipped-files.js";
import { standardInput } from "../input/standard-input.js";
import { TerminalProgress } from "../terminal/progress.js";
import { formatTable } from "../terminal/table.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, parseDtype, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { CommandError, t } from "../translation/translate.js";
import { skippedText } from "../translation/translate-error.js";
import { type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const compare: Command = {
  operands: "[image | folder | -]...",
  options: {
    ...MODEL_OPTION,
    dtypes: setting("two", "dtypes of --model: fp32,q8", "两种 dtype：fp32,q8"),
    models: setting("two", "checkpoints: a.pt,b.pt", "两个检查点：a.pt,b.pt"),
    devices: setting("two", "devices for --model: cpu,cuda", "两种设备：cpu,cuda"),
    texts: setting("list", "texts separated by commas, or a file with one per line", "文本：用逗号分隔，或每行一条的文件"),
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "photos --texts queries.txt --model OFA-Sys/chinese-clip-vit-base-patch16 --dtypes fp32,q8",
    "photos --texts queries.txt --models OFA-Sys/chinese-clip-vit-base-patch16,./tuned.pt",
  ],

  async run(values, context, operands) {
    const transfer = new TransferProgress(process.stderr);
    const [first, second] = contestantsOf(values, pretrainedOptions(values, context, transfer));
    if (operands.length === 0 && values["texts"] === undefined) {
      throw new UsageError(t`expected images, or --texts, or both; see chinese-clip compare --help`);
    }
    const textList = stringValue(values, "texts");
    const texts = textList === undefined ? [] : await readLabelList(textList);
    const skipped = new SkippedFiles();
    const found = await findImages(operands, standardInput(context), skipped, context.signal);
    const paths = found.map(({ label }) => label);
    const before = await embedAll(first, found, texts, transfer, context);
    const after = await embedAll(second, found, texts, transfer, context);
    const unreadable = new Set([...before.unreadable, ...after.unreadable]);
    for (const index of unreadable) {
      context.note(skippedText(paths[index] ?? "", before.errors.get(index) ?? after.errors.get(index), context.language));
    }
    const readable = paths.filter((_, index) => !unreadable.has(index));
    if (readable.length === 0 && texts.length === 0) {
      throw new CommandError(t`none of the images can be read; replace them and run again`);
    }
    const [images, otherImages] = [before, after].map(({ images: rows, unreadable: own }) => rowsOf(rows, own, unreadable));
    const result = {
      first: first.name,
      second: second.name,
      images: named(compareRows(images ?? NOTHING, otherImages ?? NOTHING), readable),
      texts: named(compareRows(before.texts, after.texts), texts),
      search: searches(before.texts, images ?? NOTHING, after.texts, otherImages ?? NOTHING),
      unreadable: [...unreadable].map((index) => paths[index]),
    };
    if (context.json) context.print(JSON.stringify(result, null, 2));
    else printComparison(result, before.images.dim !== after.images.dim, context);
    return noteSkipped(skipped, context) || (unreadable.size > 0 ? 1 : 0);
  },
};

interface Contestant {
  readonly name: string;
  readonly model: string;
  readonly options: PretrainedOptions;
}

/** @throws UsageError - not exactly one of the three, or not two values. */
function contestantsOf(values: OptionValues, options: PretrainedOptions): readonly [Contestant, Contestant] {
  const given = (["dtypes", "models", "devices"] as const).filter((name) => values[name] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    throw new UsageError(t`give one of --dtypes fp32,q8, --models a,b and --devices cpu,cuda: two things to compare`);
  }
  if (kind !== "models" && stringValue(values, kind.slice(0, -1)) !== undefined)
    throw new UsageError(t`give --${kind} or --${kind.slice(0, -1)}, not both`);
  if (kind === "models" && values["model"] !== undefined) throw new UsageError(t`give --${"models"} or --${"model"}, not both`);
  const names = (stringValue(values, kind) ?? "").split(/[,，]/).map((name) => name.trim());
  const [first, second] = names;
  if (first === undefined || second === undefined || names.length !== 2 || names.includes("") || first === second) {
    throw new UsageError(t`--${kind}: expected two different values with a comma between them, got ${names.join(",")}`);
  }
  const contestant = (name: string): Contestant => {
    if (kind === "models") return { name, model: name, options };
    const model = requiredValue(values, "model");
    return { name, model, options: kind === "dtypes" ? { ...options, dtype: parseDtype("--dtypes", name) } : { ...options, device: name } };
  };
  return [contestant(first), contestant(second)];
}

interface Embedded {
  /** Rows of the images that can be read. */
  readonly images: Rows;
  readonly texts: Rows;
  /** Indices of the others. */
  readonly unreadable: readonly number[];
  readonly errors: ReadonlyMap<number, unknown>;
}

const NOTHING: Rows = { data: new Float32Array(), dim: 0, count: 0 };

/** One model after the other, so that only one is in memory. */
async function embedAll(
  { name, model, options }: Contestant,
  images: readonly FilePath[],
  texts: readonly string[],
  transfer: TransferProgress,
  { language, signal }: CommandContext,
): Promise<Embedded> {
  const progress = new TerminalProgress(process.stderr);
  const clip = await ChineseCLIP.fromPretrained(model, options).finally(() => transfer.end());
  try {
    const text = texts.length === 0 ? NOTHING : await clip.embedText(texts, { signal });
    const rows: Float32Array[] = [];
    const errors = new Map<number, unknown>();
    for await (const result of clip.embedImages(imageInputs(images), { signal })) {
      if ("error" in result) errors.set(result.index, result.error);
      else rows.push(result.embedding);
      progress.report(`${name}: ${language === "zh" ? "图片" : "images"}`, result.index + 1, images.length);
    }
    const dim = clip.model.config.projectionDim;
    const data = new Float32Array(rows.length * dim);
    for (const [row, embedding] of rows.entries()) data.set(embedding, row * dim);
    return { images: { data, dim, count: rows.length }, texts: text, unreadable: [...errors.keys()], errors };
  } finally {
    progress.end();
    await clip.dispose();
  }
}

/** The rows of those images that both models have. */
function rowsOf({ data, dim, count }: Rows, own: readonly number[], unreadable: ReadonlySet<number>): Rows {
  if (own.length === unreadable.size) return { data, dim, count };
  const rows: Float32Array[] = [];
  let row = 0;
  for (let index = 0; row < count; index++) {
    if (own.includes(index)) continue;
    if (!unreadable.has(index)) rows.push(data.subarray(row * dim, (row + 1) * dim));
    row++;
  }
  const shared = new Float32Array(rows.length * dim);
  for (const [at, values] of rows.entries()) shared.set(values, at * dim);
  return { data: shared, dim, count: rows.length };
}

interface NamedAgreement extends Omit<Agreement, "worst"> {
  /** The image or text with the least cosine. */
  readonly worst: string;
}

function named(agreement: Agreement | undefined, names: readonly string[]): NamedAgreement | null {
  return agreement === undefined ? null : { ...agreement, worst: names[agreement.worst] ?? "" };
}

interface Searches {
  readonly textToImage: Changes;
  readonly imageToText: Changes;
}

function searches(texts: Rows, images: Rows, otherTexts: Rows, otherImages: Rows): Searches | null {
  if (texts.count === 0 || images.count === 0) return null;
  return {
    textToImage: compareSearches({ queries: texts, gallery: images }, { queries: otherTexts, gallery: otherImages }),
    imageToText: compareSearches({ queries: images, gallery: texts }, { queries: otherImages, gallery: otherTexts }),
  };
}

interface Comparison {
  readonly first: string;
  readonly second: string;
  readonly images: NamedAgreement | null;
  readonly texts: NamedAgreement | null;
  readonly search: Searches | null;
}

function printComparison(
  { first, second, images, texts, search }: Comparison,
  differ: boolean,
  { language, print, note }: CommandContext,
): void {
  const zh = language === "zh";
  print(zh ? `${first} 与 ${second}` : `${first} and ${second}`);
  const towers = [
    { name: zh ? "图像塔" : "image tower", agreement: images },
    { name: zh ? "文本塔" : "text tower", agreement: texts },
  ].flatMap(({ name, agreement }) =>
    agreement === null ? [] : [[name, agreement.min.toFixed(5), agreement.mean.toFixed(5), String(agreement.count), agreement.worst]],
  );
  if (towers.length > 0) {
    const head = zh ? ["余弦", "最小", "平均", "数量", "最小者"] : ["cosine", "min", "mean", "count", "least alike"];
    print(`\n${formatTable([head, ...towers])}`);
  }
  if (differ)
    note(zh ? "两个模型的特征维度不同，无法比较余弦" : "the two models' embeddings are of different lengths: no cosines between them");
  if (search === null) {
    note(zh ? "同时给出图片和 --texts 可比较检索结果" : "with images and --texts both, search results are compared too");
    return;
  }
  const row = (name: string, { queries, gallery, top1, top10, depth }: Changes): string[] => [
    name,
    `${top1} / ${queries}`,
    depth < gallery ? `${top10} / ${queries * depth}` : "-",
    String(gallery),
  ];
  print(
    `\n${formatTable([
      zh ? ["结果变化", "前 1", "前 10", "候选数"] : ["changed", "top-1", "top-10", "gallery"],
      row(zh ? "文搜图" : "text to image", search.textToImage),
      row(zh ? "图搜文" : "image to text", search.imageToText),
    ])}`,
  );
}
