import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Int8Matrix } from "../../src/top-k/int8-matrix.js";
import { RowMatrix, type RowLimits } from "../../src/top-k/row-matrix.js";
import type { FoundRow } from "../../src/top-k/top-rows.js";

const ALL = { minScore: Number.NEGATIVE_INFINITY, accepts: () => true };

/** Both kinds of matrix with the same rows; `read` counts the rows that were scored again. */
class Pair {
  readonly exact: RowMatrix;
  readonly int8: Int8Matrix;
  read = 0;

  constructor(dim: number, rows: readonly Float32Array[] = []) {
    [this.exact, this.int8] = [new RowMatrix(dim), new Int8Matrix(dim)];
    this.int8.source = (row) => {
      this.read++;
      return this.exact.row(row).slice();
    };
    for (const row of rows) this.append(row);
  }

  append(values: Float32Array): void {
    this.exact.append(values);
    this.int8.append(values);
  }

  search(query: Float32Array, limits: RowLimits): FoundRow[] {
    const found = this.int8.search(query, limits);
    expect(found).toEqual(this.exact.search(query, limits));
    return found;
  }
}

/** Numbers from -1 to 1, the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

describe("a search in 8-bit integers", () => {
  it("finds the rows that one in float32 finds, with the same scores, whatever the values", () => {
    const finite = { noNaN: true, noDefaultInfinity: true };
    const value = fc.oneof(
      fc.float({ ...finite }),
      fc.float({ ...finite, min: -1, max: 1 }),
      fc.constantFrom(0, -0, 1e-45, -1e-40, 1e-30, 1e-16, 3.4e38, -3.4e38, 1, -1, 0.5).map(Math.fround),
    );
    const problems = fc.integer({ min: 1, max: 40 }).chain((dim) => {
      const vector = fc.array(value, { minLength: dim, maxLength: dim }).map((values) => Float32Array.from(values));
      const top = fc.integer({ min: 1, max: 5 });
      return fc.record({ dim: fc.constant(dim), rows: fc.array(vector, { minLength: 1, maxLength: 20 }), query: vector, top });
    });
    fc.assert(
      fc.property(problems, ({ dim, rows, query, top }) => {
        const pair = new Pair(dim, rows);
        pair.search(query, { ...ALL, top });
        pair.search(query, { ...ALL, top, minScore: 0 });
        pair.search(query, { ...ALL, top, accepts: (row) => row % 3 !== 1 });
      }),
      { numRuns: 2000 },
    );
  });

  it("prefers the earlier of equal rows", () => {
    const rows = [0.3, 0.5, 0.5, 0.1, 0.5].map((x) => Float32Array.of(x, 1 - x, 0.25));
    expect(new Pair(3, rows).search(Float32Array.of(1, 0, 0), { ...ALL, top: 2 }).map(({ row }) => row)).toEqual([1, 2]);
  });

  it("scores few of many rows again, clustered ones too", () => {
    const [dim, clusters, next] = [64, 20, random(5)];
    const centres = Array.from({ length: clusters }, () => Float32Array.from({ length: dim }, next));
    const pair = new Pair(dim);
    for (let block = 0; block < 10; block++) {
      const values = new Float32Array(1000 * dim);
      for (let i = 0; i < values.length; i++) {
        values[i] = (centres[Math.floor(i / dim) % clusters]?.[i % dim] as number) + 0.4 * next();
      }
      pair.append(values);
    }
    const query = Float32Array.from({ length: dim }, (_, i) => (centres[3]?.[i] as number) + 0.4 * next());
    expect(pair.search(query, { ...ALL, top: 10 })).toHaveLength(10);
    expect(pair.read).toBeLessThan(600);
    expect(pair.int8.byteLength).toBeLessThan(pair.exact.byteLength / 2);
    // Moved and cut rows are those that they were.
    for (const matrix of [pair.exact, pair.int8]) {
      for (let row = 0; row < 5000; row++) matrix.copyRow(2 * row, row);
      matrix.truncate(5000);
    }
    pair.search(query, { ...ALL, top: 10 });
    expect(pair.int8.count).toBe(5000);
  });
});
