/**
 * The exact nearest rows of a `.npy` file for many queries at once, by none of our own kernels: ONNX Runtime multiplies blocks of rows with all queries in
 * float32, and every row that its rounding could have left out of the best is scored again in float64. One pass over the file serves a thousand queries.
 */
import { open } from "node:fs/promises";
import { encodeModel } from "@chinese-clip/model/graph";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** Bytes before a file's first row. */
const HEAD = 128;

/** Rows that are multiplied at once. */
const ROWS = 8192;

interface Candidate {
  readonly row: number;
  readonly score: number;
  /** The row itself, for its score in float64. */
  readonly values: Float32Array;
}

/**
 * The numbers of the rows with the largest inner products, best first, for each query; of equal ones the first row.
 *
 * @param file - float32 `[n, dim]` after 128 bytes, rows of length 1.
 * @param queries - of length 1.
 */
export async function exactNeighbours(file: string, dim: number, queries: readonly Float32Array[], top: number): Promise<number[][]> {
  // The error of a float32 inner product of two vectors of length 1, in whatever order it is summed, is at most dim * 2^-24; of a difference of two, twice that.
  const margin = 2 * dim * 2 ** -24 * 1.01;
  const session = await InferenceSession.create(
    encodeModel({
      name: "product",
      inputs: [
        { name: "rows", type: "float32", dims: ["n", dim] },
        { name: "queries", type: "float32", dims: [dim, "m"] },
      ],
      outputs: [{ name: "scores", type: "float32", dims: ["n", "m"] }],
      initializers: [],
      nodes: [{ opType: "MatMul", domain: "", inputs: ["rows", "queries"], outputs: ["scores"], attributes: {} }],
    }),
  );
  const columns = new Float32Array(dim * queries.length);
  for (const [q, query] of queries.entries()) for (let i = 0; i < dim; i++) columns[i * queries.length + q] = query[i] as number;
  const best: Candidate[][] = queries.map(() => []);
  const floors = new Float64Array(queries.length).fill(Number.NEGATIVE_INFINITY);
  await using handle = await open(file, "r");
  const block = new Float32Array(ROWS * dim);
  for (let first = 0; ; first += ROWS) {
    const { bytesRead } = await handle.read(block, 0, block.byteLength, HEAD + 4 * dim * first);
    const count = Math.floor(bytesRead / (4 * dim));
    if (count === 0) break;
    const rows = new Tensor("float32", block.subarray(0, count * dim), [count, dim]);
    const { scores } = await session.run({ rows, queries: new Tensor("float32", columns, [dim, queries.length]) });
    const data = scores?.data as Float32Array;
    for (let row = 0, at = 0; row < count; row++) {
      for (let q = 0; q < queries.length; q++, at++) {
        const score = data[at] as number;
        if (score < (floors[q] as number)) continue;
        const candidates = best[q] as Candidate[];
        candidates.push({ row: first + row, score, values: block.slice(row * dim, (row + 1) * dim) });
        if (candidates.length % (8 * top) === 0) floors[q] = prune(candidates, top, margin);
      }
    }
  }
  await session.release();
  return queries.map((query, q) => {
    const candidates = best[q] as Candidate[];
    prune(candidates, top, margin);
    const scored = candidates.map(({ row, values }) => ({
      row,
      score: values.reduce((sum, value, i) => sum + value * (query[i] as number), 0),
    }));
    return scored
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, top)
      .map(({ row }) => row);
  });
}

/** Removes what cannot be among the best. @returns the least score of what can be. */
function prune(candidates: Candidate[], top: number, margin: number): number {
  candidates.sort((a, b) => b.score - a.score);
  const floor = (candidates[top - 1]?.score ?? Number.NEGATIVE_INFINITY) - margin;
  while ((candidates.at(-1)?.score ?? floor) < floor) candidates.pop();
  return floor;
}
