/**
 * `chinese-clip classify`: images by the user's labels, without training, or by a few-shot classifier.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { readClassifier } from "../input/read-classifier.js";
import { readLabelList } from "../input/read-label-list.js";
import type { Command, CommandContext } from "../command.js";
import { type FilePath, findImages, imageInputs, SkippedFiles } from "@chinese-clip/dataset";
import { FILTER_OPTION } from "../input/filters.js";
import { noteSkipped } from "../input/skipped-files.js";
import { standardInput } from "../input/standard-input.js";
import { TerminalProgress } from "../terminal/progress.js";
import { TransferProgress } from "../terminal/transfer.js";
import { formatLabels, labelRows } from "../reports/label-rows.js";
import { classifyIndex } from "./classify-index.js";
import { LABEL_OPTIONS, LabelOutput } from "./label-output.js";
import { classifierLabeller, type Labeller, type OpenLabeller, zeroShotLabeller } from "./labeller.js";
import { DECODE_OPTION, HUB_OPTIONS, MODEL_OPTION, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { BARE_LABEL, TEMPLATE_OPTIONS, templatesOf } from "./template-options.js";
import { t } from "../translation/translate.js";
import { skippedText } from "../translation/translate-error.js";
import { type OptionValues, parseCount, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const classify: Command = {
  operands: "<image | folder | ->...",
  options: {
    ...MODEL_OPTION,
    labels: setting("list", "labels separated by commas, or a file with one per line", "标签：用逗号分隔，或每行一个的文件"),
    classifier: setting(
      "file",
      "in place of --labels: a few-shot classifier, as `few-shot fit` or the page writes it",
      "代替 --labels：少样本分类器文件（由 few-shot fit 或网页生成）",
    ),
    none: setting(
      "list",
      "labels for 'none of these', given like --labels; an image that fits one of them best gets no label",
      "“以上都不是”的反面标签（写法相同）：其中之一最像时不给出标签",
    ),
    threshold: setting(
      "cosine",
      "minimum cosine of a label, such as 0.3; with --classifier its minimum probability",
      "标签的余弦相似度下限，如 0.3；与 --classifier 同用时是概率下限",
    ),
    top: setting("k", "labels for each image (default: 1)", "每张图片给出几个标签（默认 1）"),
    ...TEMPLATE_OPTIONS,
    index: setting("folder", "classify the images of this index: nothing is embedded again", "给该索引中的图片分类，无需再次提取特征"),
    ...FILTER_OPTION,
    ...LABEL_OPTIONS,
    ...DECODE_OPTION,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "photos --model OFA-Sys/chinese-clip-vit-base-patch16 --labels 猫,狗,鸟 --templates photo",
    "--index photos.index --labels 猫,狗 --none 其他 --copy-to sorted",
    "photos --model OFA-Sys/chinese-clip-vit-base-patch16 --classifier kinds.json",
    "photos --model ./tuned.pt --labels labels.txt --none 风景,人像 --threshold 0.3 --top 3",
  ],

  async run(values, context, operands) {
    const top = parseCount("--top", stringValue(values, "top") ?? "1");
    const output = new LabelOutput(values);
    const isIndexed = values["index"] !== undefined;
    checkMode(isIndexed, values, operands);
    const model = isIndexed ? "" : requiredValue(values, "model");
    checkLabelOptions(values);
    const transfer = new TransferProgress(process.stderr);
    const options = pretrainedOptions(values, context, transfer);
    if (!isIndexed && operands.length === 0 && process.stdin.isTTY) {
      throw new UsageError(t`expected images or folders, got none; see chinese-clip classify --help`);
    }
    const openLabeller = await labellerOf(values, top);
    if (isIndexed) return classifyIndex(values, context, openLabeller, output);
    const skipped = new SkippedFiles();
    const images = await findImages(operands.length === 0 ? ["-"] : operands, standardInput(context), skipped, context.signal);
    const clip = await ChineseCLIP.fromPretrained(model, options).finally(() => transfer.end());
    try {
      const labeller = await openLabeller(clip, context.signal);
      const code = await classifyAll(clip, images, labeller, output, context);
      return noteSkipped(skipped, context) || code;
    } finally {
      await clip.dispose();
    }
  },
};

/** @throws UsageError - options that are of no use with an index, or without one. */
function checkMode(isIndexed: boolean, values: OptionValues, operands: readonly string[]): void {
  if (isIndexed && operands.length > 0) throw new UsageError(t`give --index or images, not both`);
  if (!isIndexed && values["filter"] !== undefined) throw new UsageError(t`--filter is of use only with --index`);
}

/** @throws UsageError - options of labels beside a classifier, which has its own. */
function checkLabelOptions(values: OptionValues): void {
  if (values["classifier"] === undefined) return void requiredValue(values, "labels");
  for (const name of ["labels", "none", "template", "templates"])
    if (values[name] !== undefined) throw new UsageError(t`give --${"classifier"} or --${name}, not both`);
}

/** @throws UsageError - a value that cannot be; ClassifierError, TemplateError - a file of something else. */
async function labellerOf(values: OptionValues, top: number): Promise<OpenLabeller> {
  const file = stringValue(values, "classifier");
  const threshold = thresholdOf(values);
  if (file !== undefined) return classifierLabeller(await readClassifier(file), threshold, top);
  const templates = await templatesOf(values, BARE_LABEL);
  const [labels, negatives] = await labelsOf(requiredValue(values, "labels"), stringValue(values, "none"));
  return zeroShotLabeller({ labels, negatives, templates, threshold, top });
}

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
  labeller: Labeller,
  output: LabelOutput,
  context: CommandContext,
): Promise<number> {
  const { json, language, print, note } = context;
  // Results on the same terminal are progress enough, and a line that is drawn again and again would run into them.
  const progress = process.stdout.isTTY ? undefined : new TerminalProgress(process.stderr);
  const print1 = json
    ? undefined
    : labelRows(
        images.map(({ label }) => label),
        labeller.labels,
        context,
      );
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
      const found = labeller.label(result.embedding);
      if (json) print(formatLabels(file, found));
      else print1?.(file, found);
      output.add(file, found);
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
  const code = await output.finish(labeller.labels, context);
  return unreadable > 0 ? 1 : code;
}
