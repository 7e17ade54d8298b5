/**
 * Matrices in 4 bits, as ONNX Runtime's MatMulNBits takes them: along K in blocks, each with a scale and a zero point of its own.
 */

/** A weight of a linear layer in 4 bits. */
export interface Int4Matrix {
  /** `[N, K / block, block / 2]`, two elements in a byte, the first in the lower half. */
  readonly values: Uint8Array;
  /** `[N, K / block]`: what a step is worth. */
  readonly scales: Float32Array;
  /** `[N, ceil(K / block / 2)]`, packed alike: which step is zero. */
  readonly zeroPoints: Uint8Array;
}

/** How much of a block's range is tried: cutting a rare extreme off makes the steps of all the others finer. */
const RANGES: readonly number[] = [1, 0.95, 0.9, 0.85, 0.8];

/**
 * A weight `[N, K]` in 4 bits, 16 steps from the least to the greatest of each block; of several cuts the one with the least squared error.
 *
 * @param inputScale - `[K]`: what the inputs are divided by, and the weight's columns are to be multiplied by.
 * @param block - even, divides K.
 */
export function quantizeInt4(weight: Float32Array, [N, K]: readonly [number, number], inputScale: Float32Array, block: number): Int4Matrix {
  const blocks = K / block;
  const values = new Uint8Array((N * K) / 2);
  const scales = new Float32Array(N * blocks);
  const zeroBytes = Math.ceil(blocks / 2);
  const zeroPoints = new Uint8Array(N * zeroBytes);
  const scaled = new Float32Array(block);
  for (let n = 0; n < N; n++) {
    for (let b = 0; b < blocks; b++) {
      let [low, high] = [0, 0];
      for (let i = 0, at = n * K + b * block; i < block; i++, at++) {
        const value = weight[at]! * inputScale[b * block + i]!;
        scaled[i] = value;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      const { step, scale, zero } = bestGrid(scaled, low, high);
      scales[n * blocks + b] = scale;
      zeroPoints[n * zeroBytes + (b >> 1)]! |= b % 2 === 0 ? zero : zero << 4;
      const inverse = step === 0 ? 0 : 1 / step;
      const start = (n * K + b * block) / 2;
      for (let i = 0; i < block; i += 2)
        values[start + i / 2] = nearest(scaled[i]! * inverse, zero) | (nearest(scaled[i + 1]! * inverse, zero) << 4);
    }
  }
  return { values, scales, zeroPoints };
}

/** How a block is rounded, by `step` and `zero`, and what a step is then best taken to be worth: the least squares' `scale`. */
interface Grid {
  readonly step: number;
  readonly scale: number;
  readonly zero: number;
}

function bestGrid(values: Float32Array, low: number, high: number): Grid {
  let best: Grid = { step: 0, scale: 0, zero: 8 };
  let most = 0;
  if (low === high) return best; // all zero
  for (const range of RANGES) {
    const step = ((high - low) * range) / 15;
    const zero = Math.min(15, Math.max(0, Math.round((-low * range) / step)));
    const inverse = 1 / step;
    let [products, squares] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const steps = nearest(value * inverse, zero) - zero;
      products += value * steps;
      squares += steps * steps;
    }
    // The squared error at the best scale is that of zeros less this.
    const explained = squares === 0 ? 0 : (products * products) / squares;
    if (explained > most) [most, best] = [explained, { step, scale: products / squares, zero }];
  }
  return best;
}

/** The nearest of the 16 steps; the sum is above -1 or cut off, so that `| 0` rounds down. */
function nearest(steps: number, zero: number): number {
  const step = steps + zero + 0.5;
  return step <= 0 ? 0 : step >= 15 ? 15 : step | 0;
}
