/**
 * Matrices in int8: whole numbers in [-127, 127] and one scale for each output, symmetric around zero, rounded to nearest.
 */

/** A weight of a linear layer in int8. */
export interface Int8Matrix {
  /** `[K, N]`: the other way round than the layer has it, as the integer kernels take it. */
  readonly values: Int8Array;
  /** `[N]`: what a step is worth. */
  readonly scales: Float32Array;
}

/** Side of the square that is turned at a time: 64 rows of both source and result stay in the first-level cache. */
const TILE = 64;

/**
 * A weight `[N, K]` in int8.
 *
 * @param inputScale - `[K]`: what the inputs are divided by, and the weight's columns are to be multiplied by.
 */
export function quantizeInt8(weight: Float32Array, [N, K]: readonly [number, number], inputScale: Float32Array): Int8Matrix {
  const values = new Int8Array(N * K);
  const scales = new Float32Array(N);
  const inverse = new Float32Array(N);
  for (let n = 0; n < N; n++) {
    let max = 0;
    for (let k = 0, at = n * K; k < K; k++, at++) {
      const value = weight[at]! * inputScale[k]!;
      if (value > max) max = value;
      else if (-value > max) max = -value;
    }
    scales[n] = max / 127;
    inverse[n] = max === 0 ? 0 : 127 / max;
  }
  for (let startN = 0; startN < N; startN += TILE) {
    const endN = Math.min(startN + TILE, N);
    for (let startK = 0; startK < K; startK += TILE) {
      const endK = Math.min(startK + TILE, K);
      for (let n = startN; n < endN; n++) {
        const steps = inverse[n]!;
        for (let k = startK; k < endK; k++) values[k * N + n] = roundHalfAway(weight[n * K + k]! * inputScale[k]! * steps);
      }
    }
  }
  return { values, scales };
}

/** A table `[rows, size]` in int8, row by row: `values [rows, size]`, `scales [rows]`. */
export function quantizeInt8Rows(table: Float32Array, [rows, size]: readonly [number, number]): Int8Matrix {
  const values = new Int8Array(rows * size);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let max = 0;
    for (let at = row * size; at < (row + 1) * size; at++) {
      const value = table[at]!;
      if (value > max) max = value;
      else if (-value > max) max = -value;
    }
    scales[row] = max / 127;
    const inverse = max === 0 ? 0 : 127 / max;
    for (let at = row * size; at < (row + 1) * size; at++) values[at] = roundHalfAway(table[at]! * inverse);
  }
  return { values, scales };
}

function roundHalfAway(value: number): number {
  return (value + (value < 0 ? -0.5 : 0.5)) | 0;
}
