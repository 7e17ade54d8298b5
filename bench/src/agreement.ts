/**
 * How alike two sets of embeddings are.
 */

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
  let [difference, cosine] = [0, 1];
  for (let start = 0; start < a.length; start += dim) {
    let [dot, squareA, squareB] = [0, 0, 0];
    for (let i = start; i < start + dim; i++) {
      const [x, y] = [a[i] ?? Number.NaN, b[i] ?? Number.NaN];
      difference = Math.max(difference, Math.abs(x - y));
      dot += x * y;
      squareA += x * x;
      squareB += y * y;
    }
    cosine = Math.min(cosine, dot / Math.sqrt(squareA * squareB));
  }
  return { difference, cosine };
}

/** The same rows, each divided by its length. */
export function normalized(rows: Float32Array, dim: number): Float32Array {
  const result = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += dim) {
    const row = rows.subarray(start, start + dim);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (const [i, value] of row.entries()) result[start + i] = value / norm;
  }
  return result;
}
