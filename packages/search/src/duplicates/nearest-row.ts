/**
 * The nearest of many vectors, if it is near enough: exact, though few are compared in full. For thousands of vectors a projection bounds what the
 * inner product can be, at a sixteenth of its cost for 512 values.
 */
import { dotAt } from "@chinese-clip/pipeline/vectors";
import { RowMatrix } from "../top-k/row-matrix.js";
import type { FoundRow } from "../top-k/top-rows.js";
import { Projection } from "./projection.js";

/** What float32 may lack of a bound, for vectors of L2 norm 1. */
const SLACK = 1e-5;
/** Vectors below this number, or this length, are compared in full. */
const [FEW, SHORT] = [4096, 64];

/** How many vectors a projection is made from, for so many of a length; 0 where none is of use. */
export function sampleSize(count: number, dim: number): number {
  return count < FEW || dim < SHORT ? 0 : 1024;
}

/** Vectors of L2 norm 1, from row 0 on. */
export class NearestRow {
  readonly #rows: RowMatrix;
  readonly #projection: Projection | undefined;
  readonly #bounds: RowMatrix | undefined;

  /** @param sample - some of the vectors that will come; none of them: all are compared in full. */
  constructor(dim: number, sample: readonly Float32Array[] = []) {
    this.#rows = new RowMatrix(dim);
    if (sample.length === 0) return;
    this.#projection = new Projection(sample);
    this.#bounds = new RowMatrix(this.#projection.length);
  }

  /** Adds a vector. */
  append(vector: Float32Array): void {
    this.#rows.append(vector);
    if (this.#projection !== undefined) this.#bounds?.append(this.#projection.shorten(vector).row);
  }

  /** One vector: a view, valid until the next is added. */
  row(row: number): Float32Array {
    return this.#rows.row(row);
  }

  /**
   * The accepted row with the largest inner product, of equal ones the first; undefined where none has at least `minScore`.
   */
  nearest(vector: Float32Array, minScore: number, accepts: (row: number) => boolean): FoundRow | undefined {
    if (this.#projection === undefined || this.#bounds === undefined) return this.#rows.search(vector, { top: 1, minScore, accepts })[0];
    const { query } = this.#projection.shorten(vector);
    const dim = vector.length;
    let best: FoundRow | undefined;
    const visit = (row: number): boolean => {
      if (!accepts(row)) return false;
      const score = dotAt(vector, 0, this.#rows.row(row), 0, dim);
      if (score >= minScore && score > (best?.score ?? -Infinity)) best = { row, score };
      return false; // what the bounds say is no result
    };
    this.#bounds.search(query, { top: 1, minScore: minScore - SLACK, accepts: visit });
    return best;
  }
}
