/**
 * Vectors brought to L2 norm 1, and sums of several. A zero vector has no direction: its result is NaN throughout.
 */
import { checkNumbers, dotAt } from "./products.js";

/** The L2 norm of a vector. */
export function norm(vector: Float32Array | Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

/** A float32 copy of a vector, divided by its L2 norm. */
export function normalize(vector: Float32Array | Float64Array): Float32Array {
  checkNumbers("normalize", vector);
  const length = norm(vector);
  return Float32Array.from(vector, (value) => value / length);
}

/** Writes rows of `features`, float32 `[rows.length, dim]`, each divided by its L2 norm, to `target` at the row numbers `rows`. */
export function writeNormalizedRows(features: Float32Array, target: Float32Array, rows: readonly number[]): void {
  const dim = features.length / rows.length;
  for (const [i, row] of rows.entries()) {
    const length = Math.sqrt(dotAt(features, i * dim, features, i * dim, dim));
    for (let e = 0; e < dim; e++) target[row * dim + e] = features[i * dim + e]! / length;
  }
}

/**
 * The sum of vectors of one length, in float64.
 *
 * @param weights - one for each vector; default 1.
 */
export function weightedSum(vectors: readonly Float32Array[], weights?: readonly number[]): Float64Array {
  const sums = new Float64Array(vectors[0]?.length ?? 0);
  for (const [i, vector] of vectors.entries()) {
    const weight = weights?.[i] ?? 1;
    for (let e = 0; e < sums.length; e++) sums[e]! += weight * vector[e]!;
  }
  return sums;
}

/** The mean of vectors of one length, at L2 norm 1. */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  return normalize(weightedSum(vectors));
}
