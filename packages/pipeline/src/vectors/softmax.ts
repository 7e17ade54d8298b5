/**
 * The softmax of scores. The maximum is subtracted first, so that no exponential overflows.
 */

/**
 * The softmax of `scale` times `scores`, in float64.
 *
 * @returns one probability for each score, their sum 1; for no scores, none.
 */
export function softmax(scores: ArrayLike<number>, scale = 1): Float64Array {
  const weights = Float64Array.from(scores);
  let maximum = Number.NEGATIVE_INFINITY;
  for (const score of weights) maximum = Math.max(maximum, score);
  let total = 0;
  for (const [i, score] of weights.entries()) total += weights[i] = Math.exp(scale * (score - maximum));
  for (let i = 0; i < weights.length; i++) weights[i]! /= total;
  return weights;
}
