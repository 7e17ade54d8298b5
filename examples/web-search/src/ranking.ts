/**
 * The order of pictures for a query, and the odds of labels for a picture: both from cosines, which for vectors of norm 1 are dot products.
 */
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

/** Of two vectors of norm 1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
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
  const best = Math.max(...similarities.values());
  const odds = candidates.map(({ key, weight }) => {
    const similarity = similarities.get(key);
    return [key, similarity === undefined ? 0 : weight * Math.exp(logitScale * (similarity - best))] as const;
  });
  const total = odds.reduce((sum, [, value]) => sum + value, 0);
  return new Map(odds.filter(([, value]) => value > 0).map(([key, value]) => [key, value / total]));
}
