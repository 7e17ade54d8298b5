/** Rows that are read into the matrix rather than copied. */
import { describe, expect, it } from "vitest";
import { RowMatrix } from "../../src/top-k/row-matrix.js";

const LIMITS = { top: 1, minScore: -Infinity, accepts: (): boolean => true };

describe("space for rows", () => {
  it("is searched when the rows are accepted, whatever is reserved after it", () => {
    const matrix = new RowMatrix(2);
    matrix.append(Float32Array.of(1, 0));
    const spaces = [matrix.space(1, 3, 1000), matrix.space(4, 996, 1000)];
    expect(spaces.map((space) => space?.length)).toEqual([6, 1992]);
    spaces[1]?.fill(2);
    spaces[0]?.set([0, 1, 0, 3, 0, 1]);
    expect(matrix.count).toBe(1);
    expect(matrix.search(Float32Array.of(0, 1), LIMITS)).toEqual([{ row: 0, score: 0 }]);
    matrix.accept(3);
    expect(matrix.search(Float32Array.of(0, 1), LIMITS)).toEqual([{ row: 2, score: 3 }]);
    matrix.accept(996);
    expect(matrix.search(Float32Array.of(1, 0), LIMITS)).toEqual([{ row: 4, score: 2 }]);
    matrix.append(Float32Array.of(9, 9));
    expect([...matrix.row(999)]).toEqual([2, 2]);
    expect(matrix.search(Float32Array.of(1, 0), LIMITS)).toEqual([{ row: 1000, score: 9 }]);
  });

  it("is not given beyond the limit, nor where rows lie in two memories", () => {
    const dim = 65_536; // 1024 rows in one memory
    const matrix = new RowMatrix(dim);
    expect(matrix.space(0, 11, 10)).toBeUndefined();
    expect(matrix.space(1000, 25, 2000)).toBeUndefined();
    expect(matrix.space(1000, 24, 2000)?.length).toBe(24 * dim);
    expect(matrix.space(1024, 10, 2000)?.length).toBe(10 * dim);
    expect(matrix.space(1990, 11, 2000)).toBeUndefined();
  });
});
