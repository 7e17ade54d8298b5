/**
 * How alike two sets of embeddings are.
 */

import { cosine, normalize } from "@chinese-clip/search";

/** How far two arrays of rows are apart, each row compared with its counterpart. */
export interface Agreement {
  /** The largest absolute difference of two numbers; not a number where a result is missing. */
  readonly difference: number;
  /** The smallest cosine of two rows. */
  readonly cosine: number;
}

/** Compares rows of `dim` numbers; rows need not be normalised. */
export function agreement(a: Float32Array, b: Float32Array, dim: number): Agreement {
  if (a.length !== b.length) return { difference: Number.NaN, cosine: Number.NaN };
  let [difference, least] = [0, 1];
  for (let start = 0; start < a.length; start += dim) {
    for (let i = start; i < start + dim; i++) difference = Math.max(difference, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)));
    least = Math.min(least, cosine(a.subarray(start, start + dim), b.subarray(start, start + dim)));
  }
  return { difference, cosine: least };
}

/** The same rows, each divided by its length. */
export function normalized(rows: Float32Array, dim: number): Float32Array {
  const result = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += dim) result.set(normalize(rows.subarray(start, start + dim)), start);
  return result;
}
