/**
 * A matrix whose rows are in memory as 8-bit integers with a scale each: a quarter of the bytes to scan. Its searches are exact all the same. A row is
 * `scale * integers + error`, and the norm of the error is known; so the integers give an interval for the inner product (Cauchy-Schwarz), and
 * rows whose interval reaches into the best are scored again in float32, which `source` reads, until none that is left can be among them.
 */
import { dotAt } from "@chinese-clip/pipeline/vectors";
import { INT8_KERNEL_BYTES } from "./int8-kernel-bytes.js";
import type { RowLimits } from "./row-matrix.js";
import { PAGE } from "./score-kernel.js";
import { type FoundRow, TopRows } from "./top-rows.js";

/** Bytes of rows in one memory: growing it moves nothing, and one larger than what is free would fail as a whole. */
const SEGMENT_BYTES = 128 << 20;

/** Rows that are quantised together, and rows that are scored between two looks at the best. */
const BLOCK = 1024;

/** What quantises and scores rows; addresses in bytes, see wasm/int8.wat. */
interface Int8Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly quantize: (row: number, end: number, dim: number, into: number, scales: number) => void;
  readonly score: (row: number, end: number, query: number, dim: number, into: number) => void;
}

/** Some rows, after the kernel's head: query, sums, scales and float32 rows of a block. */
interface Segment {
  readonly kernel: Int8Kernel;
  /** By row: scale, and the largest possible norm of the error. */
  scales: Float32Array;
}

/** A query as 16-bit integers. */
interface Int8Query {
  readonly integers: Int16Array;
  /** A row's inner product with the query is `scale * rowScale * sum`, within `rowScale * perScale + rowError * norm`. */
  readonly scale: number;
  readonly norm: number;
  readonly perScale: number;
}

let compiled: InstanceType<typeof WebAssembly.Module> | undefined;

/** Whether the machine has WebAssembly with SIMD, which `--jitless` turns off. */
export function hasInt8Kernel(): boolean {
  return createKernel(PAGE) !== undefined;
}

/** Rows of one length, from row 0 on. */
export class Int8Matrix {
  /** Gives a row in float32. */
  source: (row: number) => Float32Array;
  readonly #dim: number;
  /** A multiple of 16. */
  readonly #width: number;
  readonly #rowsPerSegment: number;
  readonly #segments: Segment[] = [];
  #count = 0;

  /** Needs WebAssembly: see {@link hasInt8Kernel}. */
  constructor(dim: number) {
    this.#dim = dim;
    this.#width = Int8Matrix.widthOf(dim);
    this.#rowsPerSegment = Math.max(1, Math.floor(SEGMENT_BYTES / this.#width));
    this.source = () => {
      throw new Error("Int8Matrix: expected a source of rows");
    };
  }

  /** Bytes of a row of `dim` values: a multiple of 16. */
  static widthOf(dim: number): number {
    return Math.ceil(dim / 16) * 16;
  }

  /** Number of rows. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory that the rows take, with the space for more. */
  get byteLength(): number {
    return this.#segments.reduce((sum, { kernel, scales }) => sum + kernel.memory.buffer.byteLength + scales.byteLength, 0);
  }

  /** Adds whole rows at the end. */
  append(values: Float32Array): void {
    const [dim, width] = [this.#dim, this.#width];
    const rows = values.length / dim;
    for (let done = 0; done < rows;) {
      const [index, at] = [Math.floor(this.#count / this.#rowsPerSegment), this.#count % this.#rowsPerSegment];
      const count = Math.min(BLOCK, this.#rowsPerSegment - at, rows - done);
      const { kernel, scales } = this.#reserve(index, at + count);
      const { buffer } = kernel.memory;
      const staged = new Float32Array(buffer, this.#stagedAt, count * width);
      if (width === dim) staged.set(values.subarray(done * dim, (done + count) * dim));
      else {
        staged.fill(0);
        for (let row = 0; row < count; row++) staged.set(values.subarray((done + row) * dim, (done + row + 1) * dim), row * width);
      }
      kernel.quantize(this.#stagedAt, this.#stagedAt + staged.byteLength, width, this.#rowsAt + at * width, this.#scalesAt);
      const made = new Float32Array(buffer, this.#scalesAt, 2 * count);
      for (let row = 0; row < count; row++) {
        const [scale, error] = [made[2 * row] as number, made[2 * row + 1] as number];
        scales[2 * (at + row)] = scale;
        scales[2 * (at + row) + 1] = errorBound(scale, error, dim);
      }
      this.#count += count;
      done += count;
    }
  }

  /**
   * Adds rows that {@link Int8Matrix.exportRows} gave.
   *
   * @param integers - `[n, width]`.
   * @param scales - `[n, 2]`.
   */
  appendQuantized(integers: Uint8Array, scales: Float32Array): void {
    const width = this.#width;
    const rows = integers.length / width;
    for (let done = 0; done < rows;) {
      const [index, at] = [Math.floor(this.#count / this.#rowsPerSegment), this.#count % this.#rowsPerSegment];
      const count = Math.min(this.#rowsPerSegment - at, rows - done);
      const segment = this.#reserve(index, at + count);
      const place = new Uint8Array(segment.kernel.memory.buffer, this.#rowsAt + at * width, count * width);
      place.set(integers.subarray(done * width, (done + count) * width));
      segment.scales.set(scales.subarray(2 * done, 2 * (done + count)), 2 * at);
      this.#count += count;
      done += count;
    }
  }

  /** Copies rows: their integers, and for each its scale and the largest possible norm of its error. */
  exportRows(first: number, count: number, integers: Uint8Array, scales: Float32Array): void {
    for (let i = 0; i < count; i++) {
      const { segment, at, address } = this.#place(first + i);
      integers.set(new Uint8Array(segment.kernel.memory.buffer, address, this.#width), i * this.#width);
      scales.set(segment.scales.subarray(2 * at, 2 * at + 2), 2 * i);
    }
  }

  /** Removes rows from `count` on. */
  truncate(count: number): void {
    this.#count = Math.min(this.#count, count);
    this.#segments.length = Math.min(this.#segments.length, Math.ceil(this.#count / this.#rowsPerSegment));
  }

  /** One row in float32, from the source. */
  row(row: number): Float32Array {
    return this.source(row);
  }

  /** Overwrites one row with another. */
  copyRow(from: number, to: number): void {
    if (from === to) return;
    const [source, target] = [this.#place(from), this.#place(to)];
    new Uint8Array(target.segment.kernel.memory.buffer, target.address, this.#width).set(
      new Uint8Array(source.segment.kernel.memory.buffer, source.address, this.#width),
    );
    target.segment.scales.set(source.segment.scales.subarray(2 * source.at, 2 * source.at + 2), 2 * target.at);
  }

  /** The rows with the largest inner products in float32, best first. */
  search(query: Float32Array, { top, minScore, accepts }: RowLimits): FoundRow[] {
    // A row that is not surely among the best may be, as long as its interval reaches the lower ends of the best.
    const lower = new TopRows(top);
    const rows: number[] = [];
    const uppers: number[] = [];
    const { integers, scale, norm, perScale } = quantizeQuery(query, this.#width);
    for (const [index, { kernel, scales }] of this.#segments.entries()) {
      const first = index * this.#rowsPerSegment;
      const count = Math.min(this.#rowsPerSegment, this.#count - first);
      const { buffer } = kernel.memory;
      new Int16Array(buffer, 0, this.#width).set(integers);
      const sums = new Int32Array(buffer, this.#sumsAt, BLOCK);
      for (let start = 0; start < count; start += BLOCK) {
        const end = Math.min(start + BLOCK, count);
        kernel.score(this.#rowsAt + start * this.#width, this.#rowsAt + end * this.#width, 0, this.#width, this.#sumsAt);
        let floor = Math.max(lower.floor, minScore);
        for (let row = start; row < end; row++) {
          const rowScale = scales[2 * row] as number;
          const middle = scale * rowScale * (sums[row - start] as number);
          const reach = perScale * rowScale + norm * (scales[2 * row + 1] as number);
          if (middle + reach < floor || !accepts(first + row)) continue;
          rows.push(first + row);
          uppers.push(middle + reach);
          lower.offer(first + row, middle - reach);
          floor = Math.max(lower.floor, minScore);
        }
      }
    }
    return this.#rescore(query, rows, uppers, Math.max(lower.floor, minScore), { top, minScore });
  }

  /** Scores rows in float32, the most promising first, until the best are found. */
  #rescore(
    query: Float32Array,
    rows: readonly number[],
    uppers: readonly number[],
    floor: number,
    { top, minScore }: Pick<RowLimits, "top" | "minScore">,
  ): FoundRow[] {
    const order = [...rows.keys()].filter((i) => (uppers[i] as number) >= floor);
    order.sort((a, b) => (uppers[b] as number) - (uppers[a] as number));
    const wide = Float64Array.from(query);
    const best = new TopRows(top);
    const scored: FoundRow[] = [];
    for (const i of order) {
      if ((uppers[i] as number) < best.floor) break;
      const row = rows[i] as number;
      const score = dotAt(this.source(row), 0, wide, 0, this.#dim);
      if (score < minScore) continue;
      best.offer(row, score);
      scored.push({ row, score });
    }
    // The first row wins where scores are equal, and rows were not offered in their order.
    return scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, top);
  }

  #place(row: number): { readonly segment: Segment; readonly at: number; readonly address: number } {
    const at = row % this.#rowsPerSegment;
    return { segment: this.#segments[Math.floor(row / this.#rowsPerSegment)] as Segment, at, address: this.#rowsAt + at * this.#width };
  }

  /** Makes space for so many rows in a segment. */
  #reserve(index: number, rows: number): Segment {
    const current = this.#segments[index];
    const held = current === undefined ? 0 : current.scales.length / 2;
    if (current !== undefined && held >= rows) return current;
    const wanted = Math.min(this.#rowsPerSegment, Math.max(rows, 2 * held, BLOCK));
    const bytes = this.#rowsAt + wanted * this.#width;
    const scales = new Float32Array(2 * wanted);
    if (current !== undefined) {
      const missing = Math.ceil((bytes - current.kernel.memory.buffer.byteLength) / PAGE);
      if (missing > 0) current.kernel.memory.grow(missing);
      scales.set(current.scales);
      current.scales = scales;
      return current;
    }
    const kernel = createKernel(bytes);
    if (kernel === undefined) throw new RangeError(`Int8Matrix: expected ${bytes} bytes of memory, which there are not`);
    const segment = { kernel, scales };
    this.#segments[index] = segment;
    return segment;
  }

  // The memory's layout: the query, the sums of a block, its scales and errors, its rows in float32, and the rows as integers.

  get #sumsAt(): number {
    return 2 * this.#width;
  }

  get #scalesAt(): number {
    return this.#sumsAt + 4 * BLOCK;
  }

  get #stagedAt(): number {
    return this.#scalesAt + 8 * BLOCK;
  }

  get #rowsAt(): number {
    return this.#stagedAt + 4 * BLOCK * this.#width;
  }
}

/**
 * The largest possible norm of a row's error.
 *
 * @param error - its norm as the kernel has it in float32: the squares are rounded to one part in 2^24 each and added up to `dim` times, and each
 * product of scale and integer, 128 scales at most, is rounded, too. The squares of very small and very large values are no numbers of float32.
 */
function errorBound(scale: number, error: number, dim: number): number {
  const largest = 128 * scale * Math.sqrt(dim);
  const isExact = scale > 1e-12 && Number.isFinite(error);
  return Math.min(isExact ? error * (1 + 2 * dim * 2 ** -24) + largest * 2 ** -23 : largest + 1e-37, 3.4e38);
}

/** The largest integers of which the sum with a row's 8-bit ones cannot overflow 32 bits. */
function quantizeQuery(query: Float32Array, width: number): Int8Query {
  const largest = query.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const most = Math.min(32_767, Math.floor((2 ** 31 - 1) / (127 * width)));
  const scale = largest / most;
  const integers = new Int16Array(width);
  let [squares, errors] = [0, 0];
  for (const [i, value] of query.entries()) {
    const integer = scale === 0 ? 0 : Math.round(value / scale);
    integers[i] = integer;
    squares += value * value;
    errors += (value - integer * scale) ** 2;
  }
  // A row's integers are at most 127 each; the last factor is for what float64 rounds.
  return { integers, scale, norm: Math.sqrt(squares) * (1 + 1e-12), perScale: Math.sqrt(errors * width) * 127 * (1 + 1e-12) + 1e-300 };
}

function createKernel(memoryBytes: number): Int8Kernel | undefined {
  try {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(INT8_KERNEL_BYTES), (character) => character.charCodeAt(0)));
    const kernel = new WebAssembly.Instance(compiled).exports as unknown as Int8Kernel;
    kernel.memory.grow(Math.ceil(memoryBytes / PAGE));
    return kernel;
  } catch {
    return undefined;
  }
}
