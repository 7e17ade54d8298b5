/**
 * `chinese-clip few-shot fit`: a classifier of a folder of images for each class, as a JSON file.
 */
import { open, stat } from "node:fs/promises";
import { writeWhole } from "@chinese-clip/dataset";
import { fewShot, type FewShotResult, formatClassifier } from "@chinese-clip/training/few-shot";
import type { Command, CommandContext } from "../command.js";
import { formatPercent } from "../reports/zero-shot-page.js";
import { oneLine } from "../terminal/printable.js";
import { formatTable } from "../terminal/table.js";
import { t } from "../translation/translate.js";
import { type ClassImages, FEATURES_OPTION, withClassFolder } from "./class-folder.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { BARE_LABEL, TEMPLATE_OPTIONS, templatesOf } from "./template-options.js";
import { choiceValue, type CommandOptions, oneOperand, requiredValue, setting, UsageError } from "../option.js";

const METHODS = ["auto", "linear", "tip-adapter", "tip-adapter-f"] as const;

/** How a classifier is fitted. */
const FIT_OPTIONS: CommandOptions = {
  output: setting("file", "the classifier, a .json file", "分类器文件（.json）"),
  method: setting(
    "name",
    "linear, tip-adapter, tip-adapter-f, or auto: the best by cross-validation (default)",
    "linear、tip-adapter、tip-adapter-f，或 auto：由交叉验证选择（默认）",
  ),
};

/** The command. */
export const fewShotFit: Command = {
  operands: "<folder>",
  options: { ...MODEL_OPTION, ...FIT_OPTIONS, ...TEMPLATE_OPTIONS, ...FEATURES_OPTION, ...RUN_OPTIONS, ...HUB_OPTIONS },
  examples: ["kinds --model OFA-Sys/chinese-clip-vit-base-patch16 --output kinds.json"],

  async run(values, context, operands) {
    const folder = oneOperand(operands, t`a folder with a folder of images for each class`);
    const output = requiredValue(values, "output");
    const method = choiceValue(values, "method", METHODS) ?? "auto";
    const templates = await templatesOf(values, BARE_LABEL);
    await checkOutput(output);
    return withClassFolder(folder, values, context, async ({ classes, clip, unreadable, onProgress, below }) => {
      const result = await fewShot({
        embedder: clip,
        classes: classes.map(({ label, embeddings }) => ({ label, examples: embeddings })),
        method,
        templates,
        logitScale: clip.model.logitScale,
        signal: context.signal,
        onProgress: (_, done, total) => onProgress(context.language === "zh" ? "拟合" : "fit", done, total),
      });
      await writeWhole(output, [formatClassifier(result.classifier)]);
      printFit(result, classes, unreadable, output, below);
      return unreadable > 0 ? 1 : 0;
    });
  },
};

/** @throws UsageError - a file that is no classifier, which a slip of the fingers would cost. */
async function checkOutput(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  // A pipe and standard output have no content to lose; to open a pipe would wait for a writer.
  if (found === undefined || found.isFIFO() || found.isCharacterDevice()) return;
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(200), 0, 200, 0).catch(() => ({ buffer: Buffer.alloc(0), bytesRead: 0 }));
    if (buffer.toString("utf8", 0, bytesRead).includes('"chinese-clip-classifier"')) return;
  } finally {
    await handle.close();
  }
  throw new UsageError(t`--output: ${file} exists and is no classifier; name another file`);
}

function printFit(
  { classifier, counts, skipped, folds, validation }: FewShotResult,
  classes: readonly ClassImages[],
  unreadable: number,
  output: string,
  { json, language, print, note }: CommandContext,
): void {
  const { method, classes: labels } = classifier.head;
  const left = skipped.map(({ label, index, reason }) => ({
    file: classes.find((one) => one.label === label)?.files[index] ?? "",
    reason,
  }));
  if (json) {
    const scores = validation.map(({ method: name, accuracy, confusion }) => ({
      method: name,
      accuracy,
      confusion: confusion.map((row) => [...row]),
    }));
    const images = Object.fromEntries(labels.map((label, i) => [label, counts[i]]));
    print(JSON.stringify({ output, method, classes: labels, images, skipped: left, unreadable, folds, validation: scores }, null, 2));
    return;
  }
  const zh = language === "zh";
  print(formatTable([[zh ? "类别" : "class", zh ? "图片" : "images"], ...labels.map((label, i) => [oneLine(label), String(counts[i])])]));
  if (validation.length > 0) {
    print(zh ? `\n${folds} 折交叉验证的准确率` : `\naccuracy by cross-validation (${folds} folds)`);
    print(formatTable(validation.map(({ method: name, accuracy }) => [`${name}${name === method ? " ←" : ""}`, formatPercent(accuracy)])));
  } else
    print(
      zh ? `\n每类只有一张图片，无法验证：使用 ${method}` : `\none image of each class, so nothing could be measured: ${method} is taken`,
    );
  const reasons: Readonly<Record<string, string>> = zh
    ? { repeated: "同类中重复", "in-two-classes": "同一图片出现在两个类别中" }
    : { repeated: "its class has it already", "in-two-classes": "another class has the same image" };
  for (const { file, reason } of left)
    note(zh ? `跳过 ${oneLine(file)}：${reasons[reason] ?? reason}` : `skipped: ${oneLine(file)}: ${reasons[reason] ?? reason}`);
  note(`→ ${output}`);
}
