/**
 * The order of pictures for a query, and the odds of labels for a picture: both from cosines, which for vectors of norm 1 are dot products.
 */
import { cosine, softmax } from "@chinese-clip/web";
import type { Picture } from "./picture-library.js";

/** A picture and how well it fits. */
export interface Match {
  readonly picture: Picture;
  /** Cosine to the query, in [-1, 1]; undefined without one. */
  readonly similarity: number | undefined;
}

/** A sentence or a word that a picture may be labelled with. */
export interface Candidate {
  readonly key: number;
  readonly label: string;
  /** How much it counts among the others, in [0, 1]. */
  readonly weight: number;
}

/** Best first; without a query, newest first. */
export function rank(pictures: readonly Picture[], query: Float32Array | undefined): Match[] {
  if (query === undefined) return pictures.map((picture) => ({ picture, similarity: undefined })).reverse();
  return pictures.map((picture) => ({ picture, similarity: cosine(picture.embedding, query) })).sort((a, b) => b.similarity - a.similarity);
}

/**
 * How probable each candidate is: softmax over scale times cosine, each candidate counting by its weight. Those without a cosine, or whose
 * weight is 0, have none.
 *
 * @returns by key, in [0, 1], their sum 1.
 */
export function probabilities(
  candidates: readonly Candidate[],
  similarities: ReadonlyMap<number, number>,
  logitScale: number,
): Map<number, number> {
  const counted = candidates.filter(({ key, weight }) => similarities.has(key) && weight > 0);
  // A weight in front of an exponential is its logarithm in the exponent.
  const odds = softmax(counted.map(({ key, weight }) => logitScale * (similarities.get(key) ?? 0) + Math.log(weight)));
  return new Map(counted.map(({ key }, i) => [key, odds[i] ?? 0]));
}
