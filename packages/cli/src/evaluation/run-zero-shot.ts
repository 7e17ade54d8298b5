/**
 * `evaluate zero-shot`: from a folder of classes to accuracy, ELEVATER's prediction file and a page with the confusion matrix.
 */
import { join } from "node:path";
import { formatConfusionChart } from "./confusion-chart.js";
import { type ElevaterHead, formatElevater, readIndex } from "./elevater.js";
import { unreadableImages } from "./unreadable-images.js";
import type { Embedder, ReportProgress } from "./evaluator.js";
import { type ImageFolder, readImageFolder, readLabels } from "./image-folder.js";
import { writeWhole } from "./write-whole.js";
import { embedClasses, logitsOf, softmax, ZeroShotTally, type ZeroShotScores } from "./zero-shot.js";
import { formatZeroShotPage } from "./zero-shot-page.js";

/** The files of a zero-shot evaluation. */
export interface ZeroShotFiles {
  /** The folder of class folders. */
  readonly images: string;
  /** Labels, one a line. */
  readonly labels: string;
  /** ELEVATER's order of the rows. */
  readonly index: string | undefined;
}

/** What is evaluated and how. */
export interface ZeroShotRequest {
  readonly files: ZeroShotFiles;
  /** Sentences with `{}` where the label goes. */
  readonly templates: readonly string[];
  readonly openEmbedder: () => Promise<Embedder>;
  readonly onProgress: ReportProgress;
}

/** The result. */
export interface ZeroShotResult {
  readonly labels: readonly string[];
  readonly scores: ZeroShotScores;
  /** Probabilities, one row for each picture in the folder's order. */
  readonly probabilities: readonly Float32Array[];
  readonly index: readonly number[] | undefined;
}

/** Unreadable pictures that are named in a message. */
const MOST_NAMED = 5;

/**
 * Evaluates zero-shot classification.
 *
 * @throws EvaluationError - files that cannot be used, unreadable pictures among them: all are tried before that is said.
 */
export async function runZeroShot({ files, templates, openEmbedder, onProgress }: ZeroShotRequest): Promise<ZeroShotResult> {
  const folder = await readImageFolder(files.images);
  const labels = await readLabels(files.labels, folder.classes);
  const index = files.index === undefined ? undefined : await readIndex(files.index, folder.pictures.length);
  const embedder = await openEmbedder();
  const classes = await embedClasses(labels, templates, embedder.embedTexts, (done) => onProgress("embed-labels", done, labels.length));
  const tally = new ZeroShotTally(labels.length);
  const probabilities: Float32Array[] = [];
  const unreadable: { readonly file: string; readonly error: unknown }[] = [];
  for await (const result of embedder.embedPictures(filesOf(folder))) {
    const picture = folder.pictures[result.index];
    if (picture === undefined) continue;
    if ("error" in result) unreadable.push({ file: picture.file, error: result.error });
    else {
      const logits = logitsOf(result.embedding, classes);
      tally.add(logits, picture.target);
      probabilities.push(softmax(logits));
    }
    onProgress("embed-images", result.index + 1, folder.pictures.length);
  }
  refuseUnreadable(unreadable);
  return { labels, scores: tally.scores(), probabilities, index };
}

async function* filesOf({ pictures }: ImageFolder): AsyncGenerator<string, void, undefined> {
  for (const { file } of pictures) yield file;
}

function refuseUnreadable(unreadable: readonly { readonly file: string; readonly error: unknown }[]): void {
  const [first] = unreadable;
  if (first === undefined) return;
  const reason = first.error instanceof Error ? first.error.message : String(first.error);
  const others = unreadable.slice(1, MOST_NAMED).map(({ file }) => file);
  throw unreadableImages(reason, others, unreadable.length, { file: first.file }, first.error);
}

/** What the written files say beside the result. */
export interface ZeroShotNames extends ElevaterHead {
  readonly templates: readonly string[];
}

/**
 * Writes `<dataset>.json` as cn_clip does, `<dataset>.confusion.svg` and `<dataset>.html`.
 *
 * @returns their paths.
 */
export async function writeZeroShotFiles(folder: string, names: ZeroShotNames, result: ZeroShotResult): Promise<string[]> {
  const { labels, scores } = result;
  const page = formatZeroShotPage({ model: names.modelName, dataset: names.datasetName, labels, templates: names.templates, scores });
  const files: (readonly [file: string, pieces: Iterable<string>])[] = [
    [join(folder, `${names.datasetName}.json`), formatElevater(names, result.probabilities, result.index)],
    [join(folder, `${names.datasetName}.confusion.svg`), [formatConfusionChart(scores, labels)]],
    [join(folder, `${names.datasetName}.html`), [page]],
  ];
  for (const [file, pieces] of files) await writeWhole(file, pieces);
  return files.map(([file]) => file);
}
