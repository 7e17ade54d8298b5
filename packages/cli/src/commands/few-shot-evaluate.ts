/**
 * `chinese-clip few-shot evaluate`: how a classifier does on a folder of images for each class; or what each method makes of 1, 2, 4, … images.
 */
import { writeWhole } from "@chinese-clip/dataset";
import { type ZeroShotScores, ZeroShotTally } from "@chinese-clip/evaluation";
import { checkClassifierModel, classLogits, type ImageClassifier } from "@chinese-clip/pipeline/classifier";
import { embedClasses } from "@chinese-clip/pipeline/zero-shot";
import { compareShots, type FewShotExamples, type ShotsRow } from "@chinese-clip/training/few-shot";
import type { Command } from "../command.js";
import { readClassifier } from "../input/read-classifier.js";
import { formatMistakes } from "../reports/mistakes.js";
import { formatPercent, formatZeroShotPage } from "../reports/zero-shot-page.js";
import { oneLine } from "../terminal/printable.js";
import { formatTable } from "../terminal/table.js";
import { CommandError, t } from "../translation/translate.js";
import { type ClassFolderTools, type ClassImages, FEATURES_OPTION, withClassFolder } from "./class-folder.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { BARE_LABEL, TEMPLATE_OPTIONS, templatesOf } from "./template-options.js";
import { oneOperand, parseCount, setting, stringValue, UsageError } from "../option.js";

/** Classes of which the whole confusion matrix is printed. */
const MATRIX = 12;
/** Mistakes that are printed of more. */
const MISTAKES = 10;

/** The command. */
export const fewShotEvaluate: Command = {
  operands: "<folder>",
  options: {
    ...MODEL_OPTION,
    classifier: setting(
      "file",
      "the classifier to measure, on images that it was not fitted on",
      "要评测的分类器；请用训练时没有用过的图片",
    ),
    shots: setting(
      "list",
      "without --classifier: images of each class to fit on, the rest to measure on (default: 1,2,4,8,16)",
      "不给 --classifier 时：每类用于拟合的图片数，其余用于评测（默认 1,2,4,8,16）",
    ),
    html: setting(
      "file",
      "with --classifier: a page with the confusion matrix and the mistakes",
      "与 --classifier 同用：写出含混淆矩阵与错误的网页",
    ),
    ...TEMPLATE_OPTIONS,
    ...FEATURES_OPTION,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "held-out --model OFA-Sys/chinese-clip-vit-base-patch16 --classifier kinds.json --html report.html",
    "kinds --model OFA-Sys/chinese-clip-vit-base-patch16 --shots 1,2,4,8,16",
  ],

  async run(values, context, operands) {
    const folder = oneOperand(operands, t`a folder with a folder of images for each class`);
    const file = stringValue(values, "classifier");
    if (file !== undefined && values["shots"] !== undefined) throw new UsageError(t`give --${"classifier"} or --${"shots"}, not both`);
    const html = stringValue(values, "html");
    if (html !== undefined && file === undefined) throw new UsageError(t`--${"html"} needs --${"classifier"}`);
    const shots = (stringValue(values, "shots") ?? "1,2,4,8,16").split(/[,，]/u).map((count) => parseCount("--shots", count.trim()));
    const templates = await templatesOf(values, BARE_LABEL);
    const classifier = file === undefined ? undefined : await readClassifier(file);
    return withClassFolder(folder, values, context, async (tools) => {
      if (classifier === undefined) await printShots(tools, shots, templates, context.signal);
      else
        await printScores(
          tools,
          classifier,
          context.signal,
          html === undefined ? undefined : { html, folder, model: stringValue(values, "model") ?? tools.clip.fingerprint },
        );
      return tools.unreadable > 0 ? 1 : 0;
    });
  },
};

async function printShots(
  { classes, clip, onProgress, below }: ClassFolderTools,
  shots: readonly number[],
  templates: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const usable = classes.filter(({ files }) => files.length > 0);
  if (usable.length < 2) throw new CommandError(t`expected at least 2 classes with images, got ${usable.length}`);
  const most = shots.reduce((a, b) => Math.max(a, b), 0);
  if (usable.every(({ files }) => files.length <= most))
    throw new CommandError(t`expected a class with more than ${most} images, to measure on the rest; give fewer with --shots`);
  const names = usable.map(({ label }) => label);
  const { data: texts } = await embedClasses(names, templates, (list) => clip.embedText(list, { signal }));
  const rows: ShotsRow[] = [];
  const sorted = [...new Set(shots)].sort((a, b) => a - b);
  onProgress("few-shot", 0, sorted.length);
  for await (const row of compareShots(examplesOf(usable, clip.dim), { shots: sorted, texts, scale: clip.model.logitScale, signal })) {
    rows.push(row);
    onProgress("few-shot", rows.length, sorted.length);
  }
  const { json, language, print } = below;
  if (json) return print(JSON.stringify(rows, null, 2));
  const zh = language === "zh";
  const head = [zh ? "每类图片" : "images a class", zh ? "零样本" : "zero-shot", "linear", "Tip-Adapter", "Tip-Adapter-F", "auto"];
  const percent = (share: number): string => (100 * share).toFixed(1);
  print(
    formatTable([
      head,
      ...rows.map(({ shots: count, zeroShot, accuracy }) =>
        [
          count,
          percent(zeroShot),
          ...(["linear", "tip-adapter", "tip-adapter-f", "auto"] as const).map((name) => percent(accuracy[name])),
        ].map(String),
      ),
    ]),
  );
  const tested = rows[0]?.tested ?? 0;
  print(zh ? `准确率（%），${tested} 张测试图` : `accuracy in percent, ${tested} test images`);
}

/** A page to write, and what it is about. */
interface ScoresPage {
  readonly html: string;
  readonly folder: string;
  readonly model: string;
}

async function printScores(
  { classes, clip, below }: ClassFolderTools,
  classifier: ImageClassifier,
  signal: AbortSignal,
  page: ScoresPage | undefined,
): Promise<void> {
  await checkClassifierModel(classifier, clip, { signal });
  const { head } = classifier;
  const labels = new Map(head.classes.map((label, i) => [label, i]));
  const images = classes.filter(({ files }) => files.length > 0);
  const unknown = images.map(({ label }) => label).filter((label) => !labels.has(label));
  if (unknown.length > 0)
    throw new CommandError(
      t`${unknown.map(oneLine).join(", ")}: no class of the classifier, which has ${head.classes.map(oneLine).join(", ")}`,
    );
  const tally = new ZeroShotTally(head.classes.length);
  for (const { label, embeddings } of images)
    for (const embedding of embeddings) tally.add(Float32Array.from(classLogits(head, embedding)), labels.get(label) ?? 0);
  const scores = tally.scores();
  if (page !== undefined) await writeScores(page, head, scores);
  const { json, language, print, note } = below;
  if (page !== undefined) note(`→ ${page.html}`);
  const { top1, meanPerClass, perClass, confusion } = scores;
  const total = images.reduce((sum, { files }) => sum + files.length, 0);
  if (json) {
    const named = head.classes.map((label, i) => ({ label, ...perClass[i] }));
    const matrix = confusion.map((row) => [...row]);
    return print(
      JSON.stringify({ accuracy: top1, meanPerClass, images: total, method: head.method, classes: named, confusion: matrix }, null, 2),
    );
  }
  const zh = language === "zh";
  print(
    formatTable([
      [zh ? "准确率" : "accuracy", formatPercent(top1)],
      [zh ? "各类平均" : "mean per class", formatPercent(meanPerClass)],
    ]),
  );
  print(
    zh
      ? `${total} 张图片，${head.classes.length} 个类别，${head.method}`
      : `${total} images, ${head.classes.length} classes, ${head.method}`,
  );
  const names = head.classes.map(oneLine);
  if (names.length <= MATRIX) {
    print(zh ? "\n混淆矩阵（行：实际，列：预测）" : "\nconfusion (rows: actual, columns: predicted)");
    print(formatTable([["", ...names], ...confusion.map((row, i) => [names[i] ?? "", ...Array.from(row, String)])]));
    return;
  }
  const mistakes = formatMistakes(scores, names, MISTAKES, language);
  if (mistakes !== "") print(mistakes);
}

function writeScores(
  { html, folder, model }: ScoresPage,
  { classes, method }: ImageClassifier["head"],
  scores: ZeroShotScores,
): Promise<void> {
  const [dataset, name] = [folder, model].map((path) => path.split(/[/\\]/u).findLast((part) => part !== "") ?? path);
  return writeWhole(html, [
    formatZeroShotPage({ model: name ?? "", dataset: dataset ?? "", labels: classes, templates: [], scores, method }),
  ]);
}

function examplesOf(classes: readonly ClassImages[], dim: number): FewShotExamples {
  const rows = classes.flatMap(({ embeddings }, label) => embeddings.map((embedding) => ({ label, embedding })));
  const features = new Float32Array(rows.length * dim);
  for (const [i, { embedding }] of rows.entries()) features.set(embedding, i * dim);
  return { features, dim, labels: rows.map(({ label }) => label), classes: classes.map(({ label }) => label) };
}
