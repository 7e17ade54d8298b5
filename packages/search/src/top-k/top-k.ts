/**
 * Exact nearest neighbours in memory.
 */
import { checkNumbers } from "@chinese-clip/pipeline/vectors";
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
  checkNumbers("topK", query);
  const best = new TopRows(k);
  if (typeof rows === "object" && rows !== null && "data" in rows) {
    checkNumbers("topK", rows.data);
    checkDimension(rows.dim, query.length);
    scoreRows(rows.data, 0, query, best);
  } else {
    if (!Array.isArray(rows)) throw new TypeError("topK: expected rows to be { data, dim } or an array of vectors");
    for (const [i, row] of rows.entries()) {
      checkNumbers("topK", row);
      checkDimension(row.length, query.length);
      scoreRows(row, i, query, best);
    }
  }
  return best.sorted();
}

function checkDimension(actual: number, expected: number): void {
  if (actual !== expected) throw new RangeError(`topK: expected rows of ${expected} values, as the query has, got ${actual}`);
}
