/**
 * The odds of labels for an image, from cosines.
 */
import { softmax } from "@chinese-clip/web";

/** A sentence or a word that an image may be labelled with. */
export interface Candidate {
  readonly key: number;
  readonly label: string;
  /** How much it counts among the others, in [0, 1]. */
  readonly weight: number;
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
