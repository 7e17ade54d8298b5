/**
 * `chinese-clip classify`: zero-shot classification of images by the user's labels.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { type Classification, embedClasses, type ImageLabels, labelImage, type LabelSet } from "@chinese-clip/pipeline/zero-shot";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import { readLabelList } from "../input/read-label-list.js";
import { type Command, type CommandContext, type OptionValues, requiredValue, stringValue, UsageError } from "../command.js";
import { type FilePath, findImages, imageInputs, SkippedFiles } from "@chinese-clip/dataset";
import { noteSkipped } from "../input/skipped-files.js";
import { standardInput } from "../input/standard-input.js";
import { TerminalProgress } from "../terminal/progress.js";
import { displayWidth } from "../terminal/table.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, parseCount, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { BARE_LABEL, TEMPLATE_OPTIONS, templatesOf } from "./template-options.js";
import { t } from "../translation/translate.js";
import { skippedText } from "../translation/translate-error.js";

/** Columns that an image's path takes at most before the others move to the right. */
const WIDEST_PATH = 48;

/** The command. */
export const classify: Command = {
  operands: "<image | folder | ->...",
  options: {
    ...MODEL_OPTION,
    labels: {
      type: "string",
      value: "list",
      help: { en: "labels separated by commas, or a file with one per line", zh: "标签：用逗号分隔，或每行一个的文件" },
    },
    none: {
      type: "string",
      value: "list",
      help: {
        en: "labels for 'none of these', given like --labels; an image that fits one of them best gets no label",
        zh: "“以上都不是”的反面标签（写法相同）：其中之一最像时不给出标签",
      },
    },
    threshold: {
      type: "string",
      value: "cosine",
      help: { en: "minimum cosine of a label, such as 0.3", zh: "标签的余弦相似度下限，如 0.3" },
    },
    top: { type: "string", value: "k", help: { en: "labels for each image (default: 1)", zh: "每张图片给出几个标签（默认 1）" } },
    ...TEMPLATE_OPTIONS,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "photos --model OFA-Sys/chinese-clip-vit-base-patch16 --labels 猫,狗,鸟 --templates photo",
    "photos --model ./tuned.pt --labels labels.txt --none 风景,人像 --threshold 0.3 --top 3",
  ],

  async run(values, context, operands) {
    const top = parseCount("--top", stringValue(values, "top") ?? "1");
    const threshold = thresholdOf(values);
    const model = requiredValue(values, "model");
    const labelList = requiredValue(values, "labels");
    const transfer = new TransferProgress(process.stderr);
    const options = pretrainedOptions(values, context, transfer);
    if (operands.length === 0 && process.stdin.isTTY) {
      throw new UsageError(t`expected images or folders, got none; see chinese-clip classify --help`);
    }
    const templates = await templatesOf(values, BARE_LABEL);
    const [labels, negatives] = await labelsOf(labelList, stringValue(values, "none"));
    const skipped = new SkippedFiles();
    const images = await findImages(operands.length === 0 ? ["-"] : operands, standardInput(context), skipped, context.signal);
    const clip = await ChineseCLIP.fromPretrained(model, options).finally(() => transfer.end());
    try {
      const all = [...labels, ...negatives];
      const classes = await embedClasses(all, templates, (texts) => clip.embedText(texts, { signal: context.signal }), {
        prepare: preprocessEvalText,
      });
      const set = { labels: all, positives: labels.length, classes, logitScale: clip.model.logitScale };
      const code = await classifyAll(clip, images, set, { threshold, top }, context);
      return noteSkipped(skipped, context) || code;
    } finally {
      await clip.dispose();
    }
  },
};

function thresholdOf(values: OptionValues): number | undefined {
  const text = stringValue(values, "threshold");
  if (text === undefined) return undefined;
  const threshold = Number(text);
  if (text.trim() !== "" && threshold >= -1 && threshold <= 1) return threshold;
  throw new UsageError(t`--threshold: expected a cosine between -1 and 1, got ${text}`);
}

async function labelsOf(labels: string, none: string | undefined): Promise<readonly [labels: string[], negatives: string[]]> {
  const positive = await readLabelList(labels);
  const negative = none === undefined ? [] : await readLabelList(none);
  const both = negative.filter((label) => positive.includes(label));
  if (both.length > 0) throw new UsageError(t`--none: expected other labels than those of --labels, got ${both.join(", ")} in both`);
  return [positive, negative];
}

/** @returns the exit code: 1 if there were images that cannot be read. */
async function classifyAll(
  clip: ChineseCLIP,
  images: readonly FilePath[],
  set: LabelSet,
  { threshold, top }: { readonly threshold: number | undefined; readonly top: number },
  context: CommandContext,
): Promise<number> {
  const { json, language, print, note } = context;
  // Results on the same terminal are progress enough, and a line that is drawn again and again would run into them.
  const progress = process.stdout.isTTY ? undefined : new TerminalProgress(process.stderr);
  const print1 = json ? undefined : tableRow(images, set, context);
  let unreadable = 0;
  for await (const result of clip.embedImages(imageInputs(images), { signal: context.signal })) {
    const file = images[result.index]?.label ?? "";
    if ("error" in result) {
      unreadable++;
      const reason = result.error instanceof Error ? result.error.message : String(result.error);
      progress?.end();
      if (json) print(JSON.stringify({ file, error: reason }));
      note(skippedText(file, result.error, language));
    } else {
      const found = labelImage(result.embedding, set, threshold, top);
      if (json) print(formatJson(file, found));
      else print1?.(file, found);
    }
    progress?.report(language === "zh" ? "图片" : "images", result.index + 1, images.length);
  }
  progress?.end();
  if (unreadable > 0) {
    note(
      language === "zh"
        ? `${images.length} 张图片中有 ${unreadable} 张无法读取，请替换或删除`
        : `${unreadable} of ${images.length} ${images.length === 1 ? "image" : "images"} could not be read; replace or remove them`,
    );
  }
  return unreadable > 0 ? 1 : 0;
}

/** A line of `--json`. */
function formatJson(file: string, { best, none, closest }: ImageLabels): string {
  const plain = ({ label, score, similarity }: Classification): unknown => ({ label, probability: score, similarity });
  const [first] = best;
  return JSON.stringify({
    file,
    label: first?.label ?? null,
    best: best.map(plain),
    none: none ?? null,
    closest: closest && plain(closest),
  });
}

/** Prints rows of columns whose widths are known before the first result is. */
function tableRow(
  images: readonly FilePath[],
  { labels, positives }: LabelSet,
  { language, print }: CommandContext,
): (file: string, found: ImageLabels) => void {
  const none = language === "zh" ? "（以上都不是）" : "(none of these)";
  const widest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, displayWidth(text)), 0);
  const fileWidth = Math.min(WIDEST_PATH, widest(images.map(({ label }) => label)));
  const labelWidth = Math.max(widest(labels.slice(0, positives)), displayWidth(none));
  const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - displayWidth(text)));
  const row = (file: string, label: string, score: Classification | undefined, remark = ""): void =>
    print(
      `${pad(file, fileWidth)}  ${pad(label, labelWidth)}  ${score === undefined ? "" : numbers(score)}${remark === "" ? "" : `  ${remark}`}`.trimEnd(),
    );
  const numbers = ({ score, similarity }: Classification): string =>
    `${(100 * score).toFixed(1).padStart(5)}%  ${similarity.toFixed(3).padStart(6)}`;
  const head = (): void =>
    print(
      language === "zh"
        ? `${pad("图片", fileWidth)}  ${pad("标签", labelWidth)}    概率    余弦`
        : `${pad("image", fileWidth)}  ${pad("label", labelWidth)}   prob.  cosine`,
    );
  let isEmpty = true;
  return (file, { best, closest }) => {
    if (isEmpty) head(); // where no image can be read, there is no table
    isEmpty = false;
    if (best.length === 0) row(file, none, closest, closest?.label);
    for (const [i, score] of best.entries()) row(i === 0 ? file : "", score.label, score);
  };
}
