/**
 * Retrieval evaluated from features to recall, in cn_clip's steps and with its files: `make_topk_predictions.py`,
 * `transform_ir_annotation_to_tr.py`, `evaluation.py`, and the same for the other direction.
 */
import { type AnnotatedText, invertAnnotation } from "./annotation.js";
import { type Direction } from "./direction.js";
import type { Features } from "@chinese-clip/dataset/formats";
import { EvaluationError } from "../evaluation-error.js";
import { JUDGED, type Judgement, judgePredictions } from "./recall.js";
import { formatPrediction, searchTopK } from "./top-k.js";

/** An annotation file: its text, and what it says. */
export interface Annotation {
  /** Its path. */
  readonly file: string;
  /** Its text. */
  readonly content: string;
  /** What it says. */
  readonly texts: readonly AnnotatedText[];
}

/** One direction's result. */
export interface RetrievalResult {
  /** What was searched by what. */
  readonly direction: Direction;
  /** Recall, or why there is none. */
  readonly judgement: Judgement;
  /** Images or texts that were searched. */
  readonly gallery: number;
  /** The prediction file's text. */
  readonly predictions: string;
}

/**
 * Evaluates one direction.
 *
 * @param onProgress - told how many queries are done.
 * @throws EvaluationError - `mixed-models`.
 */
export async function evaluateDirection(
  direction: Direction,
  annotation: Annotation,
  { images, texts }: { readonly images: Features; readonly texts: Features },
  onProgress: (done: number, total: number) => void = () => {},
): Promise<RetrievalResult> {
  if (images.dim !== texts.dim) throw new EvaluationError("mixed-models", { images: images.dim, texts: texts.dim });
  const [queries, gallery] = direction === "text-to-image" ? [texts, images] : [images, texts];
  const lines: string[] = [];
  for (const block of searchTopK(queries, gallery, JUDGED)) {
    for (const found of block) lines.push(formatPrediction(found, direction));
    onProgress(lines.length, queries.ids.length);
    await new Promise((resolve) => setTimeout(resolve, 0)); // signals and the progress bar have their turn
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
  // Empty lines are skipped when features are extracted; evaluation.py would stop at one.
  return content
    .split("\n")
    .filter((line) => line.trim() !== "")
    .join("\n");
}

/** What to do about a failed judgement, where that is known. */
export function adviceFor({ direction, gallery }: Pick<RetrievalResult, "direction" | "gallery">): string | undefined {
  if (gallery >= JUDGED) return undefined;
  const things = direction === "text-to-image" ? "images" : "texts";
  return `cn_clip judges ${JUDGED} ${things} for each query, and there are only ${gallery}: add ${things}, or evaluate the other direction alone`;
}
