/**
 * The two passes of scalar-resample.ts on the WebAssembly kernel, bit for bit the same. The image goes through a small memory four rows at a time:
 * what that holds is the weights and a window of rows, a few hundred kB for a photograph, cached for the next image.
 */
import { axisWeights, type ResizeLibrary } from "./bicubic-coefficients.js";
import { copyRow, type ResampleSource, type ResampleTarget } from "./resample-source.js";
import { type SimdKernel, simdKernel } from "./simd-kernel.js";
import { MemoryPlan, PackedWeights, padded } from "./simd-memory.js";
import { GROUP, SimdRowReader } from "./simd-row-reader.js";

/** Maximum memory, 8 MiB, which is never given back; the largest JPEG, 65,535 x 65,535, becomes 224 x 224 in less. */
const MAX_MEMORY = 2 ** 23;
const PAGE = 2 ** 16;

/** Makes the memory hold so many bytes. False if it may not, or cannot. */
function reserve({ memory }: SimdKernel, bytes: number): boolean {
  if (bytes > MAX_MEMORY) return false;
  const missing = bytes - memory.buffer.byteLength;
  try {
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    return true;
  } catch {
    return false;
  }
}

/**
 * The window's pixels, as `scalarResample` gives them; or undefined where this way is not open: there is no kernel, or the image would need
 * more than 8 MiB of its memory, or neither side changes.
 */
export function simdResample(source: ResampleSource, target: ResampleTarget, library: ResizeLibrary): Uint8Array | undefined {
  const { window } = target;
  const changesWidth = source.width !== target.width;
  const changesHeight = source.height !== target.height;
  const kernel = changesWidth || changesHeight ? simdKernel() : undefined;
  if (kernel === undefined) return undefined;
  const plan = new MemoryPlan();
  const rowBytes = window.width * source.channels;
  // The kernel writes three bytes as four.
  const rowPitch = padded(rowBytes + 1);
  const reader = changesWidth ? new SimdRowReader(kernel, plan, source, target, library, rowPitch) : undefined;
  const vertical = changesHeight ? axisWeights(source.height, target.height, window.top, window.height, library) : undefined;
  const weights = vertical && new PackedWeights(plan, vertical, library === "pillow", new Uint8Array(window.height));
  // Rows slide as in scalar-resample.ts; a group may reach three rows beyond those asked for, and the last pair of rows one more.
  const slots = (vertical === undefined ? 0 : Math.min(vertical.taps * 2, source.height)) + GROUP;
  const rows = plan.take((slots + 1) * rowPitch);
  const blended = plan.take(padded(rowBytes));
  if (!reserve(kernel, plan.end)) return undefined;
  reader?.start();
  weights?.write(new DataView(kernel.memory.buffer));
  const bytes = new Uint8Array(kernel.memory.buffer);
  const readGroup = (y: number, count: number, into: number): void => {
    if (reader !== undefined) {
      reader.read(y, count, into);
      return;
    }
    for (let row = 0; row < count; row++) copyRow(source, y + row, window.left, window.width, bytes, into + row * rowPitch);
  };
  const output = new Uint8Array(window.height * rowBytes);
  const writeRow = (row: number, from: number): void => output.set(bytes.subarray(from, from + rowBytes), row * rowBytes);
  if (vertical === undefined || weights === undefined) {
    for (let row = 0; row < window.height; row += GROUP) {
      const count = Math.min(GROUP, window.height - row);
      readGroup(window.top + row, count, rows);
      for (let i = 0; i < count; i++) writeRow(row + i, rows + i * rowPitch);
    }
    return output;
  }
  const { starts, counts, precision } = vertical;
  let first = starts[0]!;
  let next = first;
  for (let row = 0; row < window.height; row++) {
    const start = starts[row]!;
    const end = start + counts[row]!;
    if (end + GROUP - 1 - first > slots) {
      bytes.copyWithin(rows, rows + (start - first) * rowPitch, rows + (next - first) * rowPitch);
      first = start;
    }
    while (next < end) {
      const count = Math.min(GROUP, source.height - next);
      readGroup(next, count, rows + (next - first) * rowPitch);
      next += count;
    }
    // Windows at the bottom are shorter than the others; what lies below them may be no memory of ours.
    const pairs = Math.ceil(counts[row]! / 2);
    const from = rows + (start - first) * rowPitch;
    kernel.down(from, rowPitch, weights.address + row * weights.pairs * 4, pairs, weights.split, precision, blended, rowBytes);
    writeRow(row, blended);
  }
  return output;
}
