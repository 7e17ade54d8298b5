/**
 * Zero-shot classification from a folder of classes to accuracy.
 */
import { type DatasetEmbedder, type ImageFolder, readImageFolder } from "@chinese-clip/dataset";
import { embedClasses } from "@chinese-clip/pipeline/zero-shot";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import { logitsOf, softmax, ZeroShotTally, type ZeroShotScores } from "../elevater/zero-shot.js";
import { unreadableImages } from "../unreadable-images.js";
import type { ReportProgress } from "./progress.js";
import { readIndex } from "./read-index.js";
import { readLabels } from "./read-labels.js";

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
  readonly openEmbedder: () => Promise<DatasetEmbedder>;
  readonly onProgress: ReportProgress;
}

/** The result. */
export interface ZeroShotResult {
  readonly labels: readonly string[];
  readonly scores: ZeroShotScores;
  /** Probabilities, one row for each image in the folder's order. */
  readonly probabilities: readonly Float32Array[];
  readonly index: readonly number[] | undefined;
}

/** Unreadable images that are named in a message. */
const MOST_NAMED = 5;

/**
 * Evaluates zero-shot classification.
 *
 * @throws EvaluationError - files that cannot be used, unreadable images among them: all are tried before that is said.
 */
export async function runZeroShot({ files, templates, openEmbedder, onProgress }: ZeroShotRequest): Promise<ZeroShotResult> {
  const folder = await readImageFolder(files.images);
  const labels = await readLabels(files.labels, folder.classes);
  const index = files.index === undefined ? undefined : await readIndex(files.index, folder.images.length);
  const embedder = await openEmbedder();
  const classes = await embedClasses(labels, templates, (texts) => embedder.embedText(texts), {
    prepare: preprocessEvalText,
    onProgress: (done) => onProgress("embed-labels", done, labels.length),
  });
  const tally = new ZeroShotTally(labels.length);
  const probabilities: Float32Array[] = [];
  const unreadable: { readonly file: string; readonly error: unknown }[] = [];
  for await (const result of embedder.embedImages(imagesOf(folder), { imageOf: ({ file }) => file })) {
    const { input: image } = result;
    if ("error" in result) unreadable.push({ file: image.file, error: result.error });
    else {
      const logits = logitsOf(result.embedding, classes);
      tally.add(logits, image.target);
      probabilities.push(softmax(logits));
    }
    onProgress("embed-images", result.index + 1, folder.images.length);
  }
  rejectUnreadable(unreadable);
  return { labels, scores: tally.scores(), probabilities, index };
}

async function* imagesOf({ images }: ImageFolder): AsyncGenerator<ImageFolder["images"][number], void, undefined> {
  yield* images;
}

function rejectUnreadable(unreadable: readonly { readonly file: string; readonly error: unknown }[]): void {
  const [first] = unreadable;
  if (first === undefined) return;
  const reason = first.error instanceof Error ? first.error.message : String(first.error);
  const others = unreadable.slice(1, MOST_NAMED).map(({ file }) => file);
  throw unreadableImages(reason, others, unreadable.length, { file: first.file }, first.error);
}
