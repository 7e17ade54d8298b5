/** Embeddings of several texts or images, row by row. */
export interface Embeddings {
  /** float32 `[count, dim]`, row-major; every row has L2 norm 1, so that the dot product of two rows is their cosine. */
  readonly data: Float32Array;
  /** Number of rows. */
  readonly count: number;
  /** Length of a row: the model's `projectionDim`. */
  readonly dim: number;
}

/** Embeddings of texts, and which of them were too long for the tokenizer's limit. */
export interface TextEmbeddings extends Embeddings {
  /** For each text, whether it was cut. */
  readonly truncated: readonly boolean[];
}

/** Writes rows of `features`, each divided by its L2 norm, to `target` at the row numbers `rows`. */
export function writeNormalizedRows(features: Float32Array, target: Float32Array, rows: readonly number[]): void {
  const dim = features.length / rows.length;
  for (const [i, row] of rows.entries()) {
    const source = features.subarray(i * dim, (i + 1) * dim);
    const norm = Math.sqrt(source.reduce((sum, value) => sum + value * value, 0));
    for (let e = 0; e < dim; e++) target[row * dim + e] = source[e]! / norm;
  }
}

/** The dot product of two vectors of one length: of normalised rows, their cosine. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
