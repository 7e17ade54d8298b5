/**
 * `chinese-clip evaluate retrieval`: cn_clip's retrieval protocol, in both directions.
 */
import type { Command, CommandContext } from "../command.js";
import { adviceFor, type Direction } from "@chinese-clip/evaluation";
import {
  type DirectionReport,
  directionsOf,
  findRetrievalFiles,
  judgePredictionFile,
  type RetrievalFiles,
  runRetrieval,
} from "@chinese-clip/evaluation/node";
import { formatTable } from "../terminal/table.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { withEmbedder } from "./with-embedder.js";
import { t } from "../translation/translate.js";
import { type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const evaluateRetrieval: Command = {
  options: {
    data: setting("folder", "a data set with cn_clip's file names", "数据集文件夹（cn_clip 的文件名）"),
    split: setting("name", "which part of it: <split>_texts.jsonl and so on (default: test)", "数据划分，即文件名前缀（默认 test）"),
    texts: setting("file", "the annotation, *_texts.jsonl", "标注文件 *_texts.jsonl"),
    images: setting("file", "the images, *_imgs.tsv; embedded with --model", "图片 *_imgs.tsv，用 --model 提取特征"),
    "image-features": setting("file", "their features, *.img_feat.jsonl", "图片特征 *.img_feat.jsonl"),
    "text-features": setting("file", "the texts' features, *.txt_feat.jsonl", "文本特征 *.txt_feat.jsonl"),
    predictions: setting(
      "file",
      "only judge this prediction file (with --texts and one --direction)",
      "只评判已有的预测文件（需 --texts 和单一 --direction）",
    ),
    ...MODEL_OPTION,
    direction: setting("name", "text-to-image, image-to-text or both (default)", "text-to-image、image-to-text 或 both（默认）"),
    output: setting(
      "folder",
      "write cn_clip's prediction and result files there (with --predictions: the result file)",
      "写出 cn_clip 格式的预测与结果文件（与 --predictions 同用时为结果文件名）",
    ),
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --data MUGE --split valid --output results",
    "--texts valid_texts.jsonl --image-features valid_imgs.img_feat.jsonl --text-features valid_texts.txt_feat.jsonl",
    "--texts valid_texts.jsonl --predictions valid_predictions.jsonl --direction text-to-image --output output.json",
  ],

  async run(values, context) {
    const directions = directionsOf(stringValue(values, "direction") ?? "both");
    if (directions === undefined) throw new UsageError(t`--direction: expected text-to-image, image-to-text or both`);
    const output = stringValue(values, "output");
    const predictions = stringValue(values, "predictions");
    const reports =
      predictions === undefined
        ? await withEmbedder(values, context, ({ openEmbedder, onProgress }) =>
            runRetrieval({ files: filesOf(values), directions, output, openEmbedder, onProgress }),
          )
        : [await judgePredictionFile({ reference: requiredValue(values, "texts"), predictions, direction: oneOf(directions) }, output)];
    printReports(reports, context);
    return reports.every(({ judgement }) => judgement.success) ? 0 : 1;
  },
};

function oneOf([direction, ...others]: readonly Direction[]): Direction {
  if (direction !== undefined && others.length === 0) return direction;
  throw new UsageError(t`--predictions holds one direction; name it with --direction text-to-image or image-to-text`);
}

/** The files that the options name; `--data` fills in what they leave out. */
function filesOf(values: OptionValues): RetrievalFiles {
  const [texts, images, imageFeatures] = ["texts", "images", "image-features"].map((name) => stringValue(values, name));
  const textFeatures = stringValue(values, "text-features");
  if (images !== undefined && imageFeatures !== undefined) throw new UsageError(t`give --${"images"} or --${"image-features"}, not both`);
  const named = images !== undefined ? { tsv: images } : imageFeatures !== undefined ? { features: imageFeatures } : undefined;
  const data = stringValue(values, "data");
  if (data === undefined) {
    if (texts === undefined || named === undefined) {
      throw new UsageError(t`give --data with a folder, or --texts with --images or --image-features; see --help`);
    }
    return { texts, images: named, textFeatures };
  }
  const found = findRetrievalFiles(data, stringValue(values, "split") ?? "test", stringValue(values, "model") !== undefined);
  return { texts: texts ?? found.texts, images: named ?? found.images, textFeatures: textFeatures ?? found.textFeatures };
}

function printReports(reports: readonly DirectionReport[], { json, language, print, note }: CommandContext): void {
  if (json) {
    const results = reports.map(({ direction, judgement, queries, gallery, files }) => ({
      direction,
      ...(judgement.success
        ? { success: true, queries: judgement.queries, gallery, ...judgement.recall }
        : { success: false, queries, gallery, reason: judgement.reason }),
      files,
    }));
    print(JSON.stringify({ results }, null, 2));
  } else {
    const names: Readonly<Record<Direction, string>> =
      language === "zh"
        ? { "text-to-image": "文搜图", "image-to-text": "图搜文" }
        : { "text-to-image": "text to image", "image-to-text": "image to text" };
    const head = language === "zh" ? ["", "R@1", "R@5", "R@10", "平均", "查询数"] : ["", "R@1", "R@5", "R@10", "mean", "queries"];
    const rows = reports.flatMap(({ direction, judgement }) =>
      judgement.success
        ? [
            [
              names[direction],
              ...[judgement.recall.r1, judgement.recall.r5, judgement.recall.r10, judgement.recall.meanRecall].map((value) =>
                value.toFixed(2),
              ),
              String(judgement.queries),
            ],
          ]
        : [],
    );
    if (rows.length > 0) print(formatTable([head, ...rows]));
  }
  for (const report of reports) {
    if (!json) for (const file of report.files) note(`→ ${file}`);
    if (report.judgement.success) continue;
    const { place, reason } = report.judgement;
    const where = place === undefined ? "" : `${place.file}, ${language === "zh" ? `第 ${place.line} 行` : `line ${place.line}`}: `;
    const advice = adviceFor(report);
    note(`${language === "zh" ? "错误：" : "error: "}${report.direction}: ${where}${reason}${advice === undefined ? "" : `\n${advice}`}`);
  }
}
