/**
 * Labels against an image: cosines, probabilities, and whether any label applies.
 */
import type { Embeddings } from "../embedding/embeddings.js";
import { dotAt } from "../vectors/products.js";
import { softmax } from "../vectors/softmax.js";

/** How well one label fits. */
export interface Classification {
  /** The label, as it was given. */
  readonly label: string;
  /** Probability among the given labels: softmax over logit scale times similarity. With a single label it is always 1. */
  readonly score: number;
  /** Cosine between image and label, in [-1, 1]: comparable between calls, and the one to set a threshold on. */
  readonly similarity: number;
}

/**
 * How well each label fits an image.
 *
 * @param image - its embedding, with L2 norm 1.
 * @param classes - one row for each label, as {@link embedClasses} gives them.
 * @param logitScale - the factor of the cosines in the softmax.
 * @returns one entry for each label, best first; equal ones in the labels' order.
 */
export function scoreLabels(image: Float32Array, labels: readonly string[], classes: Embeddings, logitScale: number): Classification[] {
  const { data, dim } = classes;
  const similarities = Float64Array.from(labels, (_, row) => dotAt(image, 0, data, row * dim, dim));
  const scores = softmax(similarities, logitScale);
  return labels
    .map((label, i) => ({ label, score: scores[i] as number, similarity: similarities[i] as number }))
    .sort((a, b) => b.similarity - a.similarity);
}

/** Labels with their vectors, some of which stand for "none of these". */
export interface LabelSet {
  /** Positive labels, then negative ones. */
  readonly labels: readonly string[];
  /** How many of them are positive. */
  readonly positives: number;
  /** One row for each label. */
  readonly classes: Embeddings;
  /** The factor of the cosines in the softmax. */
  readonly logitScale: number;
}

/** The labels of an image. */
export interface ImageLabels {
  /** Positive labels at or above the threshold, best first; empty: none of these. */
  readonly best: readonly Classification[];
  /** Why there is none: a negative label fits best, or no cosine reaches the threshold. */
  readonly none: "negative" | "threshold" | undefined;
  /** The best of all labels, negative ones and those below the threshold included. */
  readonly closest: Classification | undefined;
}

/**
 * Labels one image.
 *
 * @param image - its embedding, with L2 norm 1.
 * @param threshold - smallest cosine.
 * @param top - maximum number of labels.
 */
export function labelImage(image: Float32Array, set: LabelSet, threshold: number | undefined, top: number): ImageLabels {
  const { labels, positives, classes, logitScale } = set;
  const ranked = scoreLabels(image, labels, classes, logitScale);
  const [closest] = ranked;
  const negatives = new Set(labels.slice(positives));
  if (closest !== undefined && negatives.has(closest.label)) return { best: [], none: "negative", closest };
  const reached = ranked.filter(({ label, similarity }) => !negatives.has(label) && similarity >= (threshold ?? -Infinity));
  return { best: reached.slice(0, top), none: reached.length === 0 ? "threshold" : undefined, closest };
}
