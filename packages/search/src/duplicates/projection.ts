/**
 * Vectors shortened to a few values so that no inner product is underestimated: most pairs are told to be too far apart without reading the rest.
 *
 * With the mean m and an orthonormal basis P of the directions in which the vectors differ most, h(a) = (P(a - m), |the rest of a - m|) brings no two
 * vectors further apart: |h(a) - h(b)| <= |a - b|. Since a·b = (|a|² + |b|² - |a - b|²) / 2, the inner product is at most
 * h(a)·h(b) + c(a) + c(b) with c(a) = (|a|² - |h(a)|²) / 2.
 */
import { dot, norm } from "@chinese-clip/pipeline/vectors";

/** Values of a shortened vector: a multiple of what the score kernel takes at a time. */
const LENGTH = 32;
/** Directions among them; the others are the length of the rest, c and 1. */
const DIRECTIONS = LENGTH - 3;
/** Rounds of the power iteration: any basis bounds, a better one bounds more tightly. */
const ROUNDS = 5;

/** A vector in both roles, float32 `[length]`. */
export interface Shortened {
  readonly row: Float32Array;
  readonly query: Float32Array;
}

/** A way to shorten vectors, made from a sample of them. */
export class Projection {
  /** Values of a shortened vector. */
  readonly length: number = LENGTH;
  readonly #mean: Float64Array;
  /** Orthonormal, each `[dim]`. */
  readonly #basis: readonly Float32Array[];
  /** What was shortened last, which is looked for first and then added. */
  #last: { readonly vector: Float32Array; readonly shortened: Shortened } | undefined;

  /** @param sample - some of the vectors, more than 32, of more than 32 values. */
  constructor(sample: readonly Float32Array[]) {
    const dim = sample[0]?.length ?? 0;
    this.#mean = new Float64Array(dim);
    for (const vector of sample)
      for (let i = 0; i < dim; i++) this.#mean[i] = (this.#mean[i] as number) + (vector[i] as number) / sample.length;
    this.#basis = mainDirections(sample.map((vector) => this.#centered(vector)));
  }

  /**
   * Shortens a vector.
   *
   * @returns both roles, float32 `[length]`: the inner product of one vector's `row` with another's `query` is at least that of the vectors, but for
   * the rounding of float32.
   */
  shorten(vector: Float32Array): Shortened {
    if (this.#last?.vector !== vector) this.#last = { vector, shortened: this.#shorten(vector) };
    return this.#last.shortened;
  }

  #shorten(vector: Float32Array): Shortened {
    const centered = this.#centered(vector);
    const row = new Float32Array(LENGTH);
    let rest = dot(centered, centered);
    for (const [i, direction] of this.#basis.entries()) {
      const along = dot(direction, centered);
      row[i] = along;
      rest -= along * along;
    }
    row[DIRECTIONS] = Math.sqrt(Math.max(0, rest));
    const bound = (dot(vector, vector) - dot(row, row)) / 2;
    const query = row.slice();
    [row[LENGTH - 2], row[LENGTH - 1]] = [bound, 1];
    [query[LENGTH - 2], query[LENGTH - 1]] = [1, bound];
    return { row, query };
  }

  #centered(vector: Float32Array): Float32Array {
    const centered = new Float32Array(vector.length);
    for (let i = 0; i < vector.length; i++) centered[i] = (vector[i] as number) - (this.#mean[i] as number);
    return centered;
  }
}

/** The directions in which centred vectors extend most, by power iteration from some of the vectors. */
function mainDirections(vectors: readonly Float32Array[]): Float32Array[] {
  const dim = vectors[0]?.length ?? 0;
  const step = Math.max(1, Math.floor(vectors.length / DIRECTIONS));
  let basis = orthonormal(Array.from({ length: DIRECTIONS }, (_, i) => Float64Array.from(vectors[i * step] as Float32Array)));
  for (let round = 0; round < ROUNDS; round++) {
    const sums = basis.map(() => new Float64Array(dim));
    for (const vector of vectors) {
      for (const [i, direction] of basis.entries()) {
        const along = dot(direction, vector);
        const sum = sums[i] as Float64Array;
        for (let k = 0; k < dim; k++) sum[k] = (sum[k] as number) + along * (vector[k] as number);
      }
    }
    basis = orthonormal(sums);
  }
  return basis;
}

/** Gram and Schmidt, two rounds, so that no rounding remains. A direction that the others have already becomes zero, which bounds nothing. */
function orthonormal(directions: readonly Float64Array[]): Float32Array[] {
  const basis: Float64Array[] = [];
  for (const direction of directions) {
    const length = norm(direction);
    for (const other of [...basis, ...basis]) {
      const along = direction.reduce((sum, value, k) => sum + value * (other[k] as number), 0);
      for (let k = 0; k < direction.length; k++) direction[k] = (direction[k] as number) - along * (other[k] as number);
    }
    const left = norm(direction);
    basis.push(left > 1e-6 * length ? direction.map((value) => value / left) : new Float64Array(direction.length));
  }
  return basis.map((direction) => Float32Array.from(direction));
}
