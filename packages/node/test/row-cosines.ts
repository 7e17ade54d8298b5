import { cosine } from "@chinese-clip/pipeline/vectors";
import { expect } from "vitest";

/** The cosines of rows `[B, E]` with the rows of the same place, of which there must be as many. */
export function rowCosines(a: Float32Array, b: Float32Array, dim: number): number[] {
  expect(a).toHaveLength(b.length);
  return Array.from({ length: a.length / dim }, (_, row) =>
    cosine(a.subarray(row * dim, (row + 1) * dim), b.subarray(row * dim, (row + 1) * dim)),
  );
}
