/**
 * Retrieval evaluated from features to recall, in cn_clip's steps and with its files: `make_topk_predictions.py`,
 * `transform_ir_annotation_to_tr.py`, `evaluation.py`, and the same for the other direction.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type AnnotatedText, invertAnnotation, parseAnnotation } from "./annotation.js";
import { type Direction } from "./direction.js";
import { checkSameDimension, type Features } from "./features.js";
import { missingFile } from "./read-lines.js";
import { formatJudgement, JUDGED, type Judgement, judgePredictions } from "./recall.js";
import { formatPrediction, searchTopK } from "./top-k.js";
import { writeWhole } from "./write-whole.js";

/** An annotation file: its text, and what it says. */
export interface Annotation {
  readonly file: string;
  readonly content: string;
  readonly texts: readonly AnnotatedText[];
}

/**
 * Reads a `*_texts.jsonl`.
 *
 * @throws EvaluationError
 */
export async function readAnnotation(file: string): Promise<Annotation> {
  const content = await readTextFile(file);
  return { file, content, texts: parseAnnotation(content, file) };
}

/** A file's text. */
export async function readTextFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
}

/** One direction's result. */
export interface RetrievalResult {
  readonly direction: Direction;
  readonly judgement: Judgement;
  /** Pictures or texts that were searched. */
  readonly gallery: number;
  /** The prediction file's text. */
  readonly predictions: string;
}

/**
 * Evaluates one direction.
 *
 * @param onProgress - told how many queries are done.
 * @throws EvaluationError - `dimension`: features of different models.
 */
export async function evaluateDirection(
  direction: Direction,
  annotation: Annotation,
  { images, texts }: { readonly images: Features; readonly texts: Features },
  onProgress: (done: number, total: number) => void = () => {},
): Promise<RetrievalResult> {
  checkSameDimension(images, texts);
  const [queries, gallery] = direction === "text-to-image" ? [texts, images] : [images, texts];
  const lines: string[] = [];
  for (const block of searchTopK(queries, gallery, JUDGED)) {
    lines.push(...block.map((found) => formatPrediction(found, direction)));
    onProgress(lines.length, queries.ids.length);
    await new Promise(setImmediate); // signals and the progress bar have their turn
  }
  const predictions = lines.join("");
  return {
    direction,
    judgement: judgePredictions(referenceOf(annotation, direction), predictions, direction),
    gallery: gallery.ids.length,
    predictions,
  };
}

/** The lines that predictions are judged by. */
export function referenceOf({ content, texts }: Pick<Annotation, "content" | "texts">, direction: Direction): string {
  if (direction === "image-to-text") return invertAnnotation(texts);
  // Empty lines are passed over when features are made; evaluation.py would stop at one.
  return content
    .split("\n")
    .filter((line) => line.trim() !== "")
    .join("\n");
}

/** What a set's files are called: of `valid_texts.jsonl`, `valid`. */
export function setName(annotationFile: string): string {
  return basename(annotationFile)
    .replace(/\.jsonl$/, "")
    .replace(/_texts$/, "");
}

/**
 * Writes a direction's files under cn_clip's names: `valid_predictions.jsonl` and `valid_output.json`; for the other direction
 * `valid_texts.tr.jsonl`, `valid_tr_predictions.jsonl` and `valid_tr_output.json`.
 *
 * @returns their paths.
 */
export async function writeRetrievalFiles(folder: string, annotation: Annotation, result: RetrievalResult): Promise<string[]> {
  const prefix = join(folder, setName(annotation.file));
  const infix = result.direction === "image-to-text" ? "_tr" : "";
  const files: (readonly [file: string, content: string])[] = [
    [`${prefix}${infix}_predictions.jsonl`, result.predictions],
    [`${prefix}${infix}_output.json`, formatJudgement(result.judgement)],
  ];
  if (result.direction === "image-to-text") files.unshift([`${prefix}_texts.tr.jsonl`, invertAnnotation(annotation.texts)]);
  for (const [file, content] of files) await writeWhole(file, [content]);
  return files.map(([file]) => file);
}

/** What to do about a failed judgement, where that is known. */
export function adviceFor({ direction, gallery }: Pick<RetrievalResult, "direction" | "gallery">): string | undefined {
  if (gallery >= JUDGED) return undefined;
  const things = direction === "text-to-image" ? "pictures" : "texts";
  return `cn_clip judges ${JUDGED} ${things} for each query, and there are only ${gallery}: add ${things}, or evaluate the other direction alone`;
}
