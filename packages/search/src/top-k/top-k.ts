/**
 * Exact nearest neighbours in memory.
 */
import { type FoundRow, scoreRows, TopRows } from "./top-rows.js";

/**
 * The `k` rows with the largest inner product with a query: for rows and a query with L2 norm 1, the largest cosines.
 *
 * @param query - float32 `[dim]`, such as an embedding's `data`.
 * @param rows - embeddings as `embedText` gives them, or a list of vectors as `embedImages` gives one by one.
 * @returns at most `k`, best first, equal ones in the order of the rows.
 * @throws RangeError - `k` is not a positive integer, or rows and query are of different lengths.
 */
export function topK(
  query: Float32Array,
  rows: { readonly data: Float32Array; readonly dim: number } | readonly Float32Array[],
  k: number,
): FoundRow[] {
  if (!(Number.isInteger(k) && k >= 1)) throw new RangeError(`topK: expected k to be a positive integer, got ${k}`);
  const best = new TopRows(k);
  if ("data" in rows) {
    checkDimension(rows.dim, query.length);
    scoreRows(rows.data, 0, query, best);
  } else {
    for (const [i, row] of rows.entries()) {
      checkDimension(row.length, query.length);
      scoreRows(row, i, query, best);
    }
  }
  return best.sorted();
}

function checkDimension(actual: number, expected: number): void {
  if (actual !== expected) throw new RangeError(`topK: expected rows of ${expected} values, as the query has, got ${actual}`);
}
