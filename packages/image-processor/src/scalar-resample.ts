/**
 * The two passes of a separable resize on bytes: as a rule horizontal first, each pass rounded and clipped to a byte, a pass whose size does not
 * change left out; as Pillow's `ImagingResampleInner` (`src/libImaging/Resample.c`) and PyTorch's `upsample_avx_bilinear_bicubic_uint8`
 * (`UpSampleKernelAVXAntialias.h`) do.
 *
 * Departs from both in memory only: horizontally resized rows live in a short sliding window instead of a whole intermediate image, alpha
 * is dropped while reading, and only the asked window of the result is computed.
 */
import { type AxisWeights, axisWeights, type ResizeLibrary } from "./bicubic-coefficients.js";
import { copyRow, type ResampleSource, type ResampleTarget } from "./resample-source.js";

/** The window's pixels, [window.height, window.width, channels] new bytes: the horizontal pass, then the vertical. */
export function scalarResample(source: ResampleSource, target: ResampleTarget, library: ResizeLibrary): Uint8Array {
  const { window } = target;
  const rowBytes = window.width * source.channels;
  const output = new Uint8Array(window.height * rowBytes);
  const horizontal =
    source.width === target.width ? undefined : axisWeights(source.width, target.width, window.left, window.width, library);
  const readRow = (y: number, into: Uint8Array, at: number): void => {
    if (horizontal === undefined) copyRow(source, y, window.left, window.width, into, at);
    else resizeRow(source, y, horizontal, into, at);
  };
  if (source.height === target.height) {
    for (let row = 0; row < window.height; row++) readRow(window.top + row, output, row * rowBytes);
    return output;
  }
  const vertical = axisWeights(source.height, target.height, window.top, window.height, library);
  // Rows slide through a buffer of twice the filter's height, so that the rows under the filter always lie one after the other.
  const slots = Math.min(vertical.taps * 2, source.height);
  const rows = new Uint8Array(slots * rowBytes);
  let first = vertical.starts[0]!;
  let next = first;
  for (let row = 0; row < window.height; row++) {
    const start = vertical.starts[row]!;
    const end = start + vertical.counts[row]!;
    if (end - first > slots) {
      rows.copyWithin(0, (start - first) * rowBytes, (next - first) * rowBytes);
      first = start;
    }
    for (; next < end; next++) readRow(next, rows, (next - first) * rowBytes);
    blendRows(rows, (start - first) * rowBytes, rowBytes, vertical, row, output, row * rowBytes);
  }
  return output;
}

/** The horizontal pass of one row: three channels at once where there are three, so that a weight is loaded once for all. */
function resizeRow(source: ResampleSource, y: number, axis: AxisWeights, into: Uint8Array, at: number): void {
  const { data, stride, channels } = source;
  const from = y * source.width * stride;
  let done = 0;
  if (channels >= 3) {
    resizeThree(data, from, stride, axis.starts, axis.counts, axis.weights, axis.taps, axis.precision, into, at, channels);
    done = 3;
  }
  for (; done < channels; done++) {
    resizeOne(data, from + done, stride, axis.starts, axis.counts, axis.weights, axis.taps, axis.precision, into, at + done, channels);
  }
}

/** Three interleaved channels of one row. The bodies of these kernels are written for V8: plain int32 locals, no calls, no views. */
function resizeThree(
  data: Uint8Array,
  from: number,
  stride: number,
  starts: Int32Array,
  counts: Int32Array,
  weights: Int32Array,
  taps: number,
  precision: number,
  into: Uint8Array,
  at: number,
  step: number,
): void {
  const half = 1 << (precision - 1);
  const outputs = starts.length;
  for (let x = 0; x < outputs; x++) {
    let p = from + starts[x]! * stride;
    let q = x * taps;
    const end = q + counts[x]!;
    let r = half;
    let g = half;
    let b = half;
    for (; q < end; q++) {
      const weight = weights[q]!;
      r = (r + Math.imul(weight, data[p]!)) | 0;
      g = (g + Math.imul(weight, data[p + 1]!)) | 0;
      b = (b + Math.imul(weight, data[p + 2]!)) | 0;
      p += stride;
    }
    r >>= precision;
    g >>= precision;
    b >>= precision;
    into[at] = r < 0 ? 0 : r > 255 ? 255 : r;
    into[at + 1] = g < 0 ? 0 : g > 255 ? 255 : g;
    into[at + 2] = b < 0 ? 0 : b > 255 ? 255 : b;
    at += step;
  }
}

/** One channel of one row, wherever its neighbours are. */
function resizeOne(
  data: Uint8Array,
  from: number,
  stride: number,
  starts: Int32Array,
  counts: Int32Array,
  weights: Int32Array,
  taps: number,
  precision: number,
  into: Uint8Array,
  at: number,
  step: number,
): void {
  const half = 1 << (precision - 1);
  const outputs = starts.length;
  for (let x = 0; x < outputs; x++) {
    let p = from + starts[x]! * stride;
    let q = x * taps;
    const end = q + counts[x]!;
    let sum = half;
    for (; q < end; q++) {
      sum = (sum + Math.imul(weights[q]!, data[p]!)) | 0;
      p += stride;
    }
    sum >>= precision;
    into[at] = sum < 0 ? 0 : sum > 255 ? 255 : sum;
    at += step;
  }
}

/** The vertical pass of one output row: four neighbouring bytes at once down the rows under the filter. */
function blendRows(rows: Uint8Array, from: number, rowBytes: number, axis: AxisWeights, row: number, into: Uint8Array, at: number): void {
  const { weights, precision } = axis;
  const half = 1 << (precision - 1);
  const first = row * axis.taps;
  const end = first + axis.counts[row]!;
  let i = 0;
  for (; i + 3 < rowBytes; i += 4) {
    let p = from + i;
    let s0 = half;
    let s1 = half;
    let s2 = half;
    let s3 = half;
    for (let q = first; q < end; q++) {
      const weight = weights[q]!;
      s0 = (s0 + Math.imul(weight, rows[p]!)) | 0;
      s1 = (s1 + Math.imul(weight, rows[p + 1]!)) | 0;
      s2 = (s2 + Math.imul(weight, rows[p + 2]!)) | 0;
      s3 = (s3 + Math.imul(weight, rows[p + 3]!)) | 0;
      p += rowBytes;
    }
    s0 >>= precision;
    s1 >>= precision;
    s2 >>= precision;
    s3 >>= precision;
    into[at + i] = s0 < 0 ? 0 : s0 > 255 ? 255 : s0;
    into[at + i + 1] = s1 < 0 ? 0 : s1 > 255 ? 255 : s1;
    into[at + i + 2] = s2 < 0 ? 0 : s2 > 255 ? 255 : s2;
    into[at + i + 3] = s3 < 0 ? 0 : s3 > 255 ? 255 : s3;
  }
  for (; i < rowBytes; i++) {
    let p = from + i;
    let sum = half;
    for (let q = first; q < end; q++) {
      sum = (sum + Math.imul(weights[q]!, rows[p]!)) | 0;
      p += rowBytes;
    }
    sum >>= precision;
    into[at + i] = sum < 0 ? 0 : sum > 255 ? 255 : sum;
  }
}
