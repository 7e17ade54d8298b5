/**
 * The fixed-point weights of an antialiased bicubic resize along one axis.
 *
 * Follows Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` (`src/libImaging/Resample.c`) and PyTorch's
 * `_compute_indices_min_size_weights_aa` and `_compute_index_ranges_int16_weights` (`aten/src/ATen/native/cpu/UpSampleKernel.cpp`). The two
 * compute the same doubles: their second pieces of the cubic differ only in where they multiply by a = -1/2, which is exact. They part where
 * the doubles become integers: Pillow always keeps 22 fractional bits; PyTorch keeps as many as leave the axis's maximum weight below
 * 2^15, at most 22.
 */

/** Whose integers to reproduce: Pillow's `Image.resize(..., BICUBIC)` or PyTorch's `interpolate(uint8, mode="bicubic", antialias=True)`. */
export type ResizeLibrary = "pillow" | "torch";

/** Weights of the outputs `first .. first + starts.length` of one axis. */
export interface AxisWeights {
  /** [outputs] the first input index that each output reads; never decreases. */
  readonly starts: Int32Array;
  /** [outputs] how many inputs it reads, from `starts` on; at least 1. */
  readonly counts: Int32Array;
  /** [outputs, taps] fixed-point weights; those beyond `counts` are 0. */
  readonly weights: Int32Array;
  /** Row length of `weights`. */
  readonly taps: number;
  /** Fractional bits of the weights. */
  readonly precision: number;
}

/** Fractional bits that Pillow keeps: 32 less 8 of data less 2 of headroom for the cubic's overshoot. PyTorch's upper limit as well. */
const MAX_PRECISION = 22;

/** The cubic convolution kernel (Keys 1981) with a = -1/2, zero from 2 on, evaluated in Pillow's order. */
function bicubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/** One axis's geometry: how far the filter reaches, and the doubles of any one output. */
class AxisFilter {
  readonly taps: number;
  /** First input, number of inputs and `values[0..count)` of the output last given to `at`. */
  start = 0;
  count = 0;
  readonly values: Float64Array;
  readonly #inputSize: number;
  readonly #scale: number;
  readonly #support: number;
  readonly #inverse: number;

  constructor(inputSize: number, outputSize: number) {
    this.#inputSize = inputSize;
    this.#scale = inputSize / outputSize;
    const widening = Math.max(this.#scale, 1);
    this.#support = 2 * widening;
    this.#inverse = 1 / widening;
    this.taps = Math.ceil(this.#support) * 2 + 1;
    this.values = new Float64Array(this.taps);
  }

  at(output: number): void {
    const { values } = this;
    const center = (output + 0.5) * this.#scale;
    const start = Math.max(Math.trunc(center - this.#support + 0.5), 0);
    const end = Math.min(Math.trunc(center + this.#support + 0.5), this.#inputSize);
    const count = Math.min(end - start, this.taps);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const weight = bicubic((i + start - center + 0.5) * this.#inverse);
      values[i] = weight;
      total += weight;
    }
    if (total !== 0) for (let i = 0; i < count; i++) values[i]! /= total;
    this.start = start;
    this.count = count;
  }
}

/**
 * PyTorch's number of fractional bits. It is found from the maximum weight of the *whole* axis, so a window's weights do not depend on
 * where the window lies.
 */
function torchPrecision(filter: AxisFilter, outputSize: number): number {
  let maximum = 0;
  for (let output = 0; output < outputSize; output++) {
    filter.at(output);
    for (let i = 0; i < filter.count; i++) maximum = Math.max(maximum, filter.values[i]!);
  }
  let precision = 0;
  while (precision < MAX_PRECISION && Math.trunc(0.5 + maximum * 2 ** (precision + 1)) < 2 ** 15) precision++;
  return precision;
}

/** The weights of outputs `first .. first + outputs` when an axis of `inputSize` becomes one of `outputSize`. */
export function axisWeights(inputSize: number, outputSize: number, first: number, outputs: number, library: ResizeLibrary): AxisWeights {
  const filter = new AxisFilter(inputSize, outputSize);
  const precision = library === "torch" ? torchPrecision(filter, outputSize) : MAX_PRECISION;
  const one = 2 ** precision;
  const { taps, values } = filter;
  const starts = new Int32Array(outputs);
  const counts = new Int32Array(outputs);
  const weights = new Int32Array(outputs * taps);
  for (let i = 0; i < outputs; i++) {
    filter.at(first + i);
    starts[i] = filter.start;
    counts[i] = filter.count;
    for (let tap = 0; tap < filter.count; tap++) {
      const weight = values[tap]! * one;
      weights[i * taps + tap] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return { starts, counts, weights, taps, precision };
}
