/**
 * From features to similarities: L2 normalisation, scaled cosine, and the contrastive loss of training, as
 * `ChineseCLIPModel.forward` of transformers computes them.
 */
import { Tensor } from "onnxruntime-common";

/** Rows of `features [B, E]`, each divided by its L2 norm: a new tensor. */
export function normalizeRows(features: Tensor): Tensor {
  const { data, rows, columns } = matrix(features);
  const normalized = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let squares = 0;
    for (let i = start; i < start + columns; i++) squares += data[i]! * data[i]!;
    const norm = Math.sqrt(squares);
    for (let i = start; i < start + columns; i++) normalized[i] = data[i]! / norm;
  }
  return new Tensor("float32", normalized, [rows, columns]);
}

/** `a [M, E]`, `b [N, E]` -> `scale * a @ b^T`, `[M, N]`. */
export function scaledProducts(a: Tensor, b: Tensor, scale: number): Tensor {
  const left = matrix(a);
  const right = matrix(b);
  const products = new Float32Array(left.rows * right.rows);
  for (let m = 0; m < left.rows; m++) {
    for (let n = 0; n < right.rows; n++) {
      let sum = 0;
      for (let e = 0; e < left.columns; e++) sum += left.data[m * left.columns + e]! * right.data[n * right.columns + e]!;
      products[m * right.rows + n] = scale * sum;
    }
  }
  return new Tensor("float32", products, [left.rows, right.rows]);
}

/** `[M, N]` -> `[N, M]`: a new tensor. */
export function transposed(tensor: Tensor): Tensor {
  const { data, rows, columns } = matrix(tensor);
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]!;
  return new Tensor("float32", result, [columns, rows]);
}

/** The symmetric contrastive loss of square logits whose diagonal holds the true pairs: the mean of both directions' cross entropies. */
export function contrastiveLoss(logitsPerText: Tensor): number {
  return (crossEntropyOfDiagonal(logitsPerText) + crossEntropyOfDiagonal(transposed(logitsPerText))) / 2;
}

function crossEntropyOfDiagonal(logits: Tensor): number {
  const { data, rows, columns } = matrix(logits);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * columns, (row + 1) * columns);
    const max = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = values.reduce((a, b) => a + Math.exp(b - max), 0);
    total += Math.log(sum) + max - values[row]!;
  }
  return total / rows;
}

function matrix({ data, dims }: Tensor): { data: Float32Array; rows: number; columns: number } {
  const [rows, columns] = dims;
  if (!(data instanceof Float32Array) || rows === undefined || columns === undefined || dims.length !== 2) {
    throw new TypeError(`similarity: expected a float32 matrix, got [${dims.join(", ")}]`);
  }
  return { data, rows, columns };
}
