/**
 * `chinese-clip evaluate zero-shot`: cn_clip's zero-shot classification of a folder for each class.
 */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Command, CommandContext } from "../command.js";
import { countParameters, publishedName } from "@chinese-clip/evaluation";
import { runZeroShot, type ZeroShotFiles, type ZeroShotResult } from "@chinese-clip/evaluation/node";
import { formatMistakes } from "../reports/mistakes.js";
import { formatPercent } from "../reports/zero-shot-page.js";
import { writeZeroShotFiles } from "../reports/zero-shot-files.js";
import { formatTable } from "../terminal/table.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { withEmbedder } from "./with-embedder.js";
import { GENERAL_SET, TEMPLATE_OPTIONS, templatesOf } from "./template-options.js";
import { t } from "../translation/translate.js";
import { type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** Classes and mistakes that are printed. */
const SHOWN = 5;

/** The command. */
export const evaluateZeroShot: Command = {
  options: {
    ...MODEL_OPTION,
    data: setting("folder", "a data set with label_cn.txt and test/<class>/*", "数据集文件夹，内有 label_cn.txt 和 test/<类别>/*"),
    split: setting("name", "folder of the images in it (default: test)", "其中图片所在的文件夹（默认 test）"),
    labels: setting(
      "file",
      "labels, one a line, in the order of the folders' names (default: label_cn.txt)",
      "标签文件，每行一个，顺序同文件夹名排序（默认 label_cn.txt）",
    ),
    ...TEMPLATE_OPTIONS,
    index: setting(
      "file",
      "ELEVATER's index.json: the order of the rows in the prediction file",
      "ELEVATER 的 index.json：预测文件中各行的顺序",
    ),
    dataset: setting("name", "the data set's name in the files (default: the folder's)", "写入文件的数据集名（默认为文件夹名）"),
    output: setting(
      "folder",
      "write ELEVATER's prediction file and a page with the confusion matrix there",
      "写出 ELEVATER 预测文件和含混淆矩阵的网页",
    ),
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: ["--model OFA-Sys/chinese-clip-vit-base-patch16 --data ELEVATER/food-101 --templates food --output results"],

  async run(values, context) {
    const data = requiredValue(values, "data");
    const dataset = stringValue(values, "dataset") ?? basename(resolve(data));
    if (dataset === "" || /[\\/]/.test(dataset)) throw new UsageError(t`--dataset: expected a name without slashes, got ${dataset}`);
    const templates = await templatesOf(values, GENERAL_SET);
    const output = stringValue(values, "output");
    return withEmbedder(values, context, async ({ openEmbedder, onProgress, model, below }) => {
      requiredValue(values, "model");
      const result = await runZeroShot({ files: filesOf(data, values), templates, openEmbedder, onProgress });
      const config = model()?.model.config;
      const name = (config === undefined ? undefined : publishedName(config)) ?? basename(resolve(requiredValue(values, "model")));
      const { total, visual } = config === undefined ? { total: 0, visual: 0 } : countParameters(config);
      const names = { modelName: `CN-CLIP-${name}`, datasetName: dataset, parameters: total, visualParameters: visual, templates };
      const files = output === undefined ? [] : await writeZeroShotFiles(output, names, result);
      printResult(result, templates, files, below);
      return 0;
    });
  },
};

/** Images below `test/` where there is such a folder, else below the folder itself. */
function filesOf(data: string, values: OptionValues): ZeroShotFiles {
  const split = stringValue(values, "split");
  const below = join(data, split ?? "test");
  const images = split !== undefined || existsSync(below) ? below : data;
  return { images, labels: stringValue(values, "labels") ?? join(data, "label_cn.txt"), index: stringValue(values, "index") };
}

function printResult(
  { labels, scores, probabilities }: ZeroShotResult,
  templates: readonly string[],
  files: readonly string[],
  { json, language, print, note }: CommandContext,
): void {
  const { top1, top5, meanPerClass, perClass, confusion } = scores;
  if (json) {
    const classes = labels.map((label, i) => ({ label, ...perClass[i] }));
    print(
      JSON.stringify(
        {
          top1,
          top5,
          meanPerClass,
          images: probabilities.length,
          templates: templates.length,
          classes,
          confusion: confusion.map((row) => [...row]),
          files,
        },
        null,
        2,
      ),
    );
    return;
  }
  const zh = language === "zh";
  const numbers = [
    ["top-1", formatPercent(top1)],
    ...(labels.length > 5 ? [["top-5", formatPercent(top5)]] : []),
    [zh ? "各类平均" : "mean per class", formatPercent(meanPerClass)],
  ];
  print(formatTable(numbers));
  print(
    zh
      ? `${probabilities.length} 张图片，${labels.length} 个类别，${templates.length} 个模板`
      : `${probabilities.length} images, ${labels.length} classes, ${templates.length} ${templates.length === 1 ? "template" : "templates"}`,
  );
  const worst = labels
    .map((label, i) => ({ label, images: perClass[i]?.images ?? 0, correct: perClass[i]?.correct ?? 0 }))
    .filter(({ images, correct }) => correct < images)
    .sort((a, b) => a.correct / a.images - b.correct / b.images)
    .slice(0, SHOWN)
    .map(({ label, images, correct }) => [label, formatPercent(correct / images), `${correct} / ${images}`]);
  if (worst.length > 0) print(`\n${zh ? "最差的类别" : "weakest classes"}\n${formatTable(worst)}`);
  const mistakes = formatMistakes(scores, labels, SHOWN, language);
  if (mistakes !== "") print(mistakes);
  for (const file of files) note(`→ ${file}`);
}
