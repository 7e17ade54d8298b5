/**
 * Matrices in int8: integers in [-127, 127] and one scale for each output, symmetric around zero, rounded to nearest.
 */

/** A weight of a linear layer in int8. */
export interface Int8Matrix {
  /** `[K, N]`: the other way round than the layer has it, as the integer kernels take it. */
  readonly values: Int8Array;
  /** `[N]`: what a step is worth. */
  readonly scales: Float32Array;
}

/** Side of the square that is turned at a time: its bytes, and the rows that they go to, stay in the first-level cache. */
const TILE = 64;

/**
 * A weight `[N, K]` in int8.
 *
 * @param inputScale - `[K]`: what the inputs are divided by, and the weight's columns are to be multiplied by.
 */
export function quantizeInt8(weight: Float32Array, [N, K]: readonly [number, number], inputScale?: Float32Array): Int8Matrix {
  const columns = inputScale ?? new Float32Array(K).fill(1);
  const values = new Int8Array(N * K);
  const scales = new Float32Array(N);
  const tile = new Float32Array(TILE * TILE);
  for (let startN = 0; startN < N; startN += TILE) {
    const endN = Math.min(startN + TILE, N);
    for (let n = startN; n < endN; n++) scales[n] = maximum(weight, n * K, columns) / 127;
    for (let startK = 0; startK < K; startK += TILE) {
      const endK = Math.min(startK + TILE, K);
      // Along the rows first: steps of a row in memory are multiples of a page, which few lines of the cache are there for.
      for (let n = startN; n < endN; n++) {
        const inverse = scales[n] === 0 ? 0 : 1 / scales[n]!;
        const end = (n - startN) * TILE + endK - startK;
        for (let i = (n - startN) * TILE, at = n * K + startK, k = startK; i < end; i++, at++, k++)
          tile[i] = weight[at]! * columns[k]! * inverse + ROUNDING;
      }
      turn(new Int32Array(tile.buffer), values, startK * N + startN, N, endN - startN, endK - startK);
    }
  }
  return { values, scales };
}

/** Added to a float32 below 2^22 it leaves no bits for a fraction: the sum is rounded to the nearest integer, which is in its lowest bits. */
const ROUNDING = 1.5 * 2 ** 23;

/** The maximum magnitude in the row that begins at `start`. */
function maximum(weight: Float32Array, start: number, columns: Float32Array): number {
  let max = 0;
  for (let k = 0, at = start; k < columns.length; k++, at++) {
    const value = Math.abs(weight[at]! * columns[k]!);
    if (value > max) max = value;
  }
  return max;
}

/** The lowest bytes of `rows` rows of a tile as columns of `target`, from `start`, whose rows are `N` long. */
function turn(tile: Int32Array, target: Int8Array, start: number, N: number, rows: number, columns: number): void {
  if (rows % 4 !== 0 || N % 4 !== 0) {
    for (let k = 0; k < columns; k++) for (let n = 0; n < rows; n++) target[start + k * N + n] = tile[n * TILE + k]!;
    return;
  }
  // Four at a time, which is what a store can take.
  const words = new Int32Array(target.buffer);
  for (let k = 0; k < columns; k++) {
    for (let n = 0, at = (start + k * N) >> 2, i = k; n < rows; n += 4, at++, i += 4 * TILE)
      words[at] = (tile[i]! & 255) | ((tile[i + TILE]! & 255) << 8) | ((tile[i + 2 * TILE]! & 255) << 16) | (tile[i + 3 * TILE]! << 24);
  }
}

/** Moves integers around zero by 128, in place: their bytes as uint8. */
export function moveToUint8({ buffer, byteOffset, byteLength }: ArrayBufferView): void {
  const whole = byteOffset % 4 === 0 ? byteLength >> 2 : 0;
  const words = new Uint32Array(buffer, whole === 0 ? 0 : byteOffset, whole);
  for (let i = 0; i < whole; i++) words[i]! ^= 0x80808080;
  const rest = new Uint8Array(buffer, byteOffset + 4 * whole, byteLength - 4 * whole);
  for (let i = 0; i < rest.length; i++) rest[i]! ^= 0x80;
}

/** A table in 8 bits, as ONNX Runtime's GatherBlockQuantized takes it: integers around 128, with a scale for each block of a row. */
export function quantizeTable(table: Float32Array, block: number): { readonly values: Uint8Array; readonly scales: Float32Array } {
  const values = new Uint8Array(table.length);
  const scales = new Float32Array(table.length / block);
  for (let i = 0; i < scales.length; i++) {
    let max = 0;
    for (let at = i * block; at < (i + 1) * block; at++) {
      const value = table[at]!;
      if (value > max) max = value;
      else if (-value > max) max = -value;
    }
    scales[i] = max / 127;
    const inverse = max === 0 ? 0 : 127 / max;
    // The sum is positive, so that `| 0` rounds down.
    for (let at = i * block; at < (i + 1) * block; at++) values[at] = (table[at]! * inverse + 128.5) | 0;
  }
  return { values, scales };
}
