/**
 * Matrices in 4 bits, as ONNX Runtime's MatMulNBits takes them: along K in blocks, each with a scale and a zero point of its own.
 *
 * How a block is rounded is chosen for what it does to the layer's outputs: an error counts as much as the input that it is multiplied by is
 * large. An outlier among the inputs thus gets a weight that is nearly exact, at the cost of its neighbours'.
 */
import { toFloat16 } from "../weights/float16.js";

/** A weight of a linear layer in 4 bits. */
export interface Int4Matrix {
  /** `[N, K / block, block / 2]`, two elements in a byte, the first in the lower half. */
  readonly values: Uint8Array;
  /** `[N, K / block]` in half precision: what a step is worth. */
  readonly scales: Uint16Array;
  /** `[N, ceil(K / block / 2)]`, packed alike: which step is zero. */
  readonly zeroPoints: Uint8Array;
}

/** Parts of a block's range, from 1.1 down to 0.65: each puts the steps elsewhere, and a cut extreme makes those of all others finer. */
const RANGES: readonly number[] = Array.from({ length: 16 }, (_, i) => 1.1 - 0.03 * i);

/**
 * A weight `[N, K]` in 4 bits, 16 steps from the least to the maximum of each block; of several ranges the one with the least squared error.
 *
 * @param squares - `[K]`: the inputs' mean squares.
 * @param block - even, divides K.
 */
export function quantizeInt4(weight: Float32Array, [N, K]: readonly [number, number], squares: Float32Array, block: number): Int4Matrix {
  const blocks = K / block;
  const values = new Uint8Array((N * K) / 2);
  const scales = new Float32Array(N * blocks);
  const zeroBytes = Math.ceil(blocks / 2);
  const zeroPoints = new Uint8Array(N * zeroBytes);
  for (let n = 0; n < N; n++) {
    for (let b = 0; b < blocks; b++) {
      const start = n * K + b * block;
      const { step, scale, zero } = bestGrid(weight, start, squares, b * block, block);
      scales[n * blocks + b] = scale;
      zeroPoints[n * zeroBytes + (b >> 1)]! |= b % 2 === 0 ? zero : zero << 4;
      const inverse = step === 0 ? 0 : 1 / step;
      const offset = zero + 0.5;
      for (let i = 0; i < block; i += 2) {
        const [low, high] = [nearest(weight[start + i]! * inverse + offset), nearest(weight[start + i + 1]! * inverse + offset)];
        values[(start + i) / 2] = low | (high << 4);
      }
    }
  }
  return { values, scales: toFloat16(scales), zeroPoints };
}

/** How a block is rounded, by `step` and `zero`, and what a step is then best taken to be worth: the least squares' `scale`. */
interface Grid {
  step: number;
  scale: number;
  zero: number;
}

/** The grid for the block of `weight` at `start`; the mean squares of its inputs begin at `column`. */
function bestGrid(weight: Float32Array, start: number, squares: Float32Array, column: number, block: number): Grid {
  let [low, high] = [0, 0];
  for (let i = 0; i < block; i++) {
    const value = weight[start + i]!;
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  const best: Grid = { step: 0, scale: 0, zero: 8 };
  let most = 0;
  if (low === high) return best; // all zero
  // The zero point keeps its place whatever the range.
  const zero = Math.floor((-low / (high - low)) * 15 + 0.5);
  const [least, maximum] = [-zero, 15 - zero];
  for (let r = 0; r < RANGES.length; r++) {
    const inverse = 15 / ((high - low) * RANGES[r]!);
    let [products, norm] = [0, 0];
    for (let i = 0; i < block; i++) {
      const value = weight[start + i]!;
      const nearestSteps = Math.floor(value * inverse + 0.5);
      const steps = nearestSteps < least ? least : nearestSteps > maximum ? maximum : nearestSteps;
      const weighted = squares[column + i]! * steps;
      products += weighted * value;
      norm += weighted * steps;
    }
    // The squared error at the best scale is that of zeros less this.
    const explained = norm === 0 ? 0 : (products * products) / norm;
    if (explained > most) {
      most = explained;
      best.step = 1 / inverse;
      best.scale = products / norm;
      best.zero = zero;
    }
  }
  return best;
}

/** The nearest of the 16 steps, of a number of steps from the least that has a half added; `| 0` rounds down, since what is below zero is cut off. */
function nearest(steps: number): number {
  return steps <= 0 ? 0 : steps >= 15 ? 15 : steps | 0;
}
