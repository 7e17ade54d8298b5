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
