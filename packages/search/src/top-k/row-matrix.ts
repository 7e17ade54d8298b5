/**
 * A matrix that grows by rows and is searched where it lies: in the memories of the score kernel, so that no row is copied at a search. Without
 * WebAssembly the same rows are in plain arrays, and the scores are the same to the last bit.
 */
import { dotAt } from "@chinese-clip/pipeline/vectors";
import { createKernel, type Kernel, PAGE } from "./score-kernel.js";
import { TopRows, type FoundRow } from "./top-rows.js";

/** Bytes of rows in one memory: growing it moves nothing, and one larger than what is free would fail as a whole. */
const SEGMENT_BYTES = 256 << 20;

/** Rows that are scored between two looks at the best. */
const BLOCK = 4096;

/** Some rows; the kernel's memory holds a query in float64, the scores of a block and the rows. */
interface Segment {
  readonly kernel: Kernel | undefined;
  /** float32 `[capacity, dim]`. */
  rows: Float32Array;
}

/** What a search in a {@link RowMatrix} is limited to. */
export interface RowLimits {
  /** Maximum number of rows. */
  readonly top: number;
  /** Rows with a lower score are left out. */
  readonly minScore: number;
  /** Whether a row counts; asked only of rows that would be among the best. */
  readonly accepts: (row: number) => boolean;
}

/** Rows of one length, from row 0 on. */
export class RowMatrix {
  readonly #dim: number;
  readonly #rowsPerSegment: number;
  #segments: Segment[] = [];
  #count = 0;

  constructor(dim: number) {
    this.#dim = dim;
    this.#rowsPerSegment = Math.max(1, Math.floor(SEGMENT_BYTES / (4 * dim)));
  }

  /** Number of rows. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory that the rows take, with the space for more. */
  get byteLength(): number {
    return this.#segments.reduce((sum, { rows }) => sum + rows.byteLength, 0);
  }

  /** Adds whole rows at the end. */
  append(values: Float32Array): void {
    const dim = this.#dim;
    for (let done = 0; done < values.length;) {
      const [segment, at] = [Math.floor(this.#count / this.#rowsPerSegment), this.#count % this.#rowsPerSegment];
      const rows = Math.min(this.#rowsPerSegment - at, (values.length - done) / dim);
      this.#reserve(segment, at + rows);
      this.#segments[segment]?.rows.set(values.subarray(done, done + rows * dim), at * dim);
      this.#count += rows;
      done += rows * dim;
    }
  }

  /**
   * Space for rows that are to be read into it, before {@link RowMatrix.accept} adds them; valid until the matrix has more than `limit` rows.
   *
   * @param row - the first of them: the matrix's count, or one after it.
   * @returns undefined where they would not lie together, or some would be `limit` or after it.
   */
  space(row: number, rows: number, limit: number): Float32Array | undefined {
    const [segment, at] = [Math.floor(row / this.#rowsPerSegment), row % this.#rowsPerSegment];
    const end = Math.min(this.#rowsPerSegment, limit - row + at);
    if (at + rows > end) return undefined;
    this.#reserve(segment, end);
    return this.#segments[segment]?.rows.subarray(at * this.#dim, (at + rows) * this.#dim);
  }

  /** Adds the next rows, which are in their space. */
  accept(rows: number): void {
    this.#count += rows;
  }

  /** Removes rows from `count` on. */
  truncate(count: number): void {
    this.#count = Math.min(this.#count, count);
    this.#segments = this.#segments.slice(0, Math.ceil(this.#count / this.#rowsPerSegment));
  }

  /** One row: a view, valid until the next call that changes the matrix. */
  row(row: number): Float32Array {
    const { rows } = this.#segments[Math.floor(row / this.#rowsPerSegment)] as Segment;
    const at = (row % this.#rowsPerSegment) * this.#dim;
    return rows.subarray(at, at + this.#dim);
  }

  /** Overwrites one row with another. */
  copyRow(from: number, to: number): void {
    if (from !== to) this.row(to).set(this.row(from));
  }

  /** The rows with the largest inner products, best first. */
  search(query: Float32Array, { top, minScore, accepts }: RowLimits): FoundRow[] {
    const best = new TopRows(top);
    const wide = Float64Array.from(query);
    const plain = new Float64Array(BLOCK);
    for (const [segment, { kernel, rows }] of this.#segments.entries()) {
      const first = segment * this.#rowsPerSegment;
      const count = Math.min(this.#rowsPerSegment, this.#count - first);
      const scores = kernel === undefined ? plain : new Float64Array(kernel.memory.buffer, wide.byteLength, BLOCK);
      if (kernel !== undefined) new Float64Array(kernel.memory.buffer, 0, wide.length).set(wide);
      for (let start = 0; start < count; start += BLOCK) {
        const end = Math.min(start + BLOCK, count);
        this.#score(kernel, rows, start, end, wide, scores);
        for (let row = start; row < end; row++) {
          const score = scores[row - start] as number;
          if (score > best.floor && score >= minScore && accepts(first + row)) best.offer(first + row, score);
        }
      }
    }
    return best.sorted();
  }

  #score(kernel: Kernel | undefined, rows: Float32Array, start: number, end: number, query: Float64Array, scores: Float64Array): void {
    const dim = this.#dim;
    if (kernel === undefined) for (let row = start; row < end; row++) scores[row - start] = dotAt(rows, row * dim, query, 0, dim);
    else kernel.score(rows.byteOffset + 4 * dim * start, rows.byteOffset + 4 * dim * end, 0, dim, scores.byteOffset);
  }

  /** Makes space for so many rows in a segment. */
  #reserve(index: number, rows: number): void {
    const head = 8 * (this.#dim + BLOCK);
    const rowBytes = 4 * this.#dim;
    const current = this.#segments[index];
    if (current !== undefined && current.rows.length >= rows * this.#dim) return;
    const held = current === undefined ? 0 : current.rows.length / this.#dim;
    const wanted = Math.min(this.#rowsPerSegment, Math.max(rows, 2 * held, 64));
    if (current === undefined) {
      const kernel = createKernel(head + wanted * rowBytes);
      const rowsOf = kernel === undefined ? new Float32Array(wanted * this.#dim) : viewOf(kernel, head, this.#dim, this.#rowsPerSegment);
      this.#segments[index] = { kernel, rows: rowsOf };
    } else if (current.kernel === undefined) {
      const larger = new Float32Array(wanted * this.#dim);
      larger.set(current.rows);
      current.rows = larger;
    } else {
      const { memory } = current.kernel;
      memory.grow(Math.ceil((head + wanted * rowBytes - memory.buffer.byteLength) / PAGE));
      current.rows = viewOf(current.kernel, head, this.#dim, this.#rowsPerSegment);
    }
  }
}

/** The rows that a kernel's memory has space for; growing the memory detaches it. */
function viewOf({ memory }: Kernel, head: number, dim: number, maximum: number): Float32Array {
  const rows = Math.min(maximum, Math.floor((memory.buffer.byteLength - head) / (4 * dim)));
  return new Float32Array(memory.buffer, head, rows * dim);
}
