/**
 * The two passes of scalar-resample.ts on the WebAssembly kernel, bit for bit the same. The picture goes through a small memory row by row: what it needs is
 * a window of rows and the weights, a few hundred kB for a photograph, kept for the next picture.
 */
import { type AxisWeights, axisWeights, type ResizeLibrary } from "./bicubic-coefficients.js";
import { copyRow, type ResampleSource, type ResampleTarget } from "./resample-source.js";
import { type SimdKernel, simdKernel } from "./simd-kernel.js";

/** Most of the memory that is ever taken, 8 MiB, since it is never given back: a window of 224 rows of RGB as wide as a JPEG can be, 65,535. */
const MAX_MEMORY = 2 ** 23;
const PAGE = 2 ** 16;
/** How many rows the horizontal pass takes at once. */
const GROUP = 4;
/** What a load or store of 16 bytes may touch beyond the bytes that are meant; two of them, for the second load of "widen". */
const SLACK = 32;
/** Fractional bits of a split weight's low half. */
const LOW_BITS = 15;

/** An axis's weights in the memory: int16, each output's filled up with zeros to `taps`. */
interface PackedWeights {
  readonly address: number;
  readonly taps: number;
  /** Distance in bytes to the high halves, 0 if the weights are whole. */
  readonly split: number;
}

/** Hands out the memory from its beginning. Every address is a multiple of 16, so that aligned loads stay within a cache line. */
class Layout {
  end = 0;

  take(bytes: number): number {
    const address = this.end;
    this.end += (bytes + 15) & ~15;
    return address;
  }

  /** The place of `axis`' weights, each output's filled up to a multiple of `multiple`. Pillow's exceed int16, so they are split. */
  takeWeights(axis: AxisWeights, multiple: number, library: ResizeLibrary): PackedWeights {
    const taps = Math.ceil(axis.counts.reduce((most, count) => Math.max(most, count), 1) / multiple) * multiple;
    const bytes = axis.starts.length * taps * 2;
    const address = this.take(bytes);
    return { address, taps, split: library === "pillow" ? this.take(bytes) - address : 0 };
  }
}

function writeWeights(view: DataView, axis: AxisWeights, { address, taps, split }: PackedWeights): void {
  for (const [output, count] of axis.counts.entries()) {
    for (let tap = 0; tap < taps; tap++) {
      const weight = tap < count ? axis.weights[output * axis.taps + tap]! : 0;
      const at = address + (output * taps + tap) * 2;
      if (split === 0) {
        view.setInt16(at, weight, true);
      } else {
        const high = (weight + (1 << (LOW_BITS - 1))) >> LOW_BITS;
        view.setInt16(at, weight - (high << LOW_BITS), true);
        view.setInt16(at + split, high, true);
      }
    }
  }
}

/** The horizontal pass: writes the rows `y .. y + count` to `into`, and garbage to what is left of the group of four. */
type ReadGroup = (y: number, count: number, into: number) => void;

/** Lays out and fills what the horizontal pass needs; the function it returns is called when the memory is there. */
function planAcross(
  kernel: SimdKernel,
  layout: Layout,
  source: ResampleSource,
  axis: AxisWeights,
  library: ResizeLibrary,
  rowPitch: number,
): () => ReadGroup {
  const { data, stride, channels } = source;
  const outputs = axis.starts.length;
  const weights = layout.takeWeights(axis, 8, library);
  const starts = layout.take(outputs * 4);
  // Of each row only the columns that the window's outputs read.
  const from = axis.starts[0]!;
  const pixels = axis.starts[outputs - 1]! + axis.counts[outputs - 1]! - from;
  const masks = layout.take(channels * 32);
  const raw = layout.take(pixels * stride + SLACK);
  // Windows at the right edge are shorter than the weights are long; "widen" writes up to seven pixels too many.
  const pitch = ((pixels + weights.taps + 15) * 2) & ~15;
  const planes = layout.take(channels * GROUP * pitch);
  const second = Math.max(0, stride * 8 - 16);
  return () => {
    const view = new DataView(kernel.memory.buffer);
    const bytes = new Uint8Array(kernel.memory.buffer);
    writeWeights(view, axis, weights);
    for (const [x, start] of axis.starts.entries()) view.setInt32(starts + x * 4, (start - from) * 2, true);
    bytes.fill(255, masks, masks + channels * 32);
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < 8; pixel++) {
        const byte = pixel * stride + channel;
        bytes[masks + channel * 32 + pixel * 2 + (byte < 16 ? 0 : 16)] = byte < 16 ? byte : byte - second;
      }
    }
    return (y, count, into) => {
      for (let row = 0; row < count; row++) {
        const at = ((y + row) * source.width + from) * stride;
        bytes.set(data.subarray(at, at + pixels * stride), raw);
        if (stride === 3 && channels === 3) {
          kernel.widenRgb(raw, planes + row * pitch, GROUP * pitch, pixels);
          continue;
        }
        for (let channel = 0; channel < channels; channel++) {
          kernel.widen(raw, stride, second, masks + channel * 32, planes + (channel * GROUP + row) * pitch, pixels);
        }
      }
      for (let channel = 0; channel < channels; channel++) {
        kernel.across(
          planes + channel * GROUP * pitch,
          pitch,
          starts,
          outputs,
          weights.address,
          weights.taps,
          weights.split,
          axis.precision,
          into + channel,
          rowPitch,
          channels,
        );
      }
    };
  };
}

/**
 * The window's pixels, as `resample` gives them; or undefined where this way is not open, because there is no kernel, because the picture would need
 * more than 8 MiB of its memory, or because neither side changes.
 */
export function simdResample(source: ResampleSource, target: ResampleTarget, library: ResizeLibrary): Uint8Array | undefined {
  const { window } = target;
  const isWide = source.width !== target.width;
  const isHigh = source.height !== target.height;
  if (!isWide && !isHigh) return undefined;
  const kernel = simdKernel();
  if (kernel === undefined) return undefined;
  const layout = new Layout();
  const rowBytes = window.width * source.channels;
  const rowPitch = (rowBytes + 15) & ~15;
  const horizontal = isWide ? axisWeights(source.width, target.width, window.left, window.width, library) : undefined;
  const start = horizontal && planAcross(kernel, layout, source, horizontal, library, rowPitch);
  const vertical = isHigh ? axisWeights(source.height, target.height, window.top, window.height, library) : undefined;
  const weights = vertical && layout.takeWeights(vertical, 2, library);
  // Rows slide as in scalar-resample.ts; a group may reach three rows beyond those asked for, and the last pair of rows one more.
  const slots = vertical === undefined ? GROUP : Math.min(vertical.taps * 2, source.height) + GROUP;
  const rows = layout.take((slots + 1) * rowPitch + SLACK);
  const blended = layout.take(rowPitch);
  if (layout.end > MAX_MEMORY) return undefined;
  const missing = layout.end - kernel.memory.buffer.byteLength;
  if (missing > 0) {
    try {
      kernel.memory.grow(Math.ceil(missing / PAGE));
    } catch {
      return undefined;
    }
  }
  const bytes = new Uint8Array(kernel.memory.buffer);
  const readGroup: ReadGroup =
    start?.() ??
    ((y, count, into) => {
      for (let row = 0; row < count; row++) copyRow(source, y + row, window.left, window.width, bytes, into + row * rowPitch);
    });
  const output = new Uint8Array(window.height * rowBytes);
  if (vertical === undefined || weights === undefined) {
    for (let row = 0; row < window.height; row += GROUP) {
      const count = Math.min(GROUP, window.height - row);
      readGroup(window.top + row, count, rows);
      for (let i = 0; i < count; i++) output.set(bytes.subarray(rows + i * rowPitch, rows + i * rowPitch + rowBytes), (row + i) * rowBytes);
    }
    return output;
  }
  writeWeights(new DataView(kernel.memory.buffer), vertical, weights);
  let first = vertical.starts[0]!;
  let next = first;
  for (let row = 0; row < window.height; row++) {
    const from = vertical.starts[row]!;
    const end = from + vertical.counts[row]!;
    if (end + GROUP - 1 - first > slots) {
      bytes.copyWithin(rows, rows + (from - first) * rowPitch, rows + (next - first) * rowPitch);
      first = from;
    }
    while (next < end) {
      const count = Math.min(GROUP, source.height - next);
      readGroup(next, count, rows + (next - first) * rowPitch);
      next += count;
    }
    kernel.down(
      rows + (from - first) * rowPitch,
      rowPitch,
      weights.address + row * weights.taps * 2,
      // A window at the edge is shorter; what lies below it may lie beyond the memory.
      Math.ceil(vertical.counts[row]! / 2),
      weights.split,
      vertical.precision,
      blended,
      rowBytes,
    );
    output.set(bytes.subarray(blended, blended + rowBytes), row * rowBytes);
  }
  return output;
}
