/**
 * The vectors of an index on their way into memory, each checked against the checksum that the log states. Several reads are under way while the log is
 * parsed, and go to where the rows are searched, so that a million rows are copied once.
 */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { NPY_HEAD } from "../../npy/npy-head.js";
import type { Int8Matrix } from "../../top-k/int8-matrix.js";
import { RowMatrix } from "../../top-k/row-matrix.js";
import { readAll } from "./index-files.js";
import { type PutRecord, ROWS_PER_SUM } from "./index-log.js";

/** Bytes of vectors that are read at a time. */
const CHUNK = 4 << 20;

/** Reads that are under way, at most: the system's threads have work while a part of the log is parsed. Those into buffers take memory. */
const [READS, BUFFERS] = [16, 3] as const;

/** Rows that have a checksum together. */
interface SumBlock {
  readonly row: number;
  readonly rows: number;
  readonly sum: number;
}

/** Where a reader puts rows. */
export interface VectorTarget {
  readonly matrix: RowMatrix | Int8Matrix;
  readonly dim: number;
}

/** Reads rows for a matrix, from the one that it has next on. */
export class VectorReader {
  readonly #handle: FileHandle;
  readonly #matrix: RowMatrix | Int8Matrix;
  readonly #dim: number;
  /** Rows that the matrix has already. */
  readonly #loaded: number;
  /** Rows of the file: no memory is reserved for more, whatever the log states. */
  readonly #fileRows: number;
  readonly #suspects: Set<number> = new Set();
  /** Blocks of the next read. */
  #chunk: SumBlock[] = [];
  #chunkRows = 0;
  /** Reads that have not begun. */
  readonly #waiting: (readonly SumBlock[])[] = [];
  #reading = 0;
  readonly #buffers: Uint8Array[] = [];
  /** Ends when what was read has been checked. */
  #checked: Promise<void> = Promise.resolve();
  /** Ends when nothing is being read. */
  #settled: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  /** Whether the file had all bytes so far. */
  #isWhole = true;

  private constructor(handle: FileHandle, { matrix, dim }: VectorTarget, loaded: number, fileRows: number) {
    [this.#handle, this.#matrix, this.#dim, this.#loaded, this.#fileRows] = [handle, matrix, dim, loaded, fileRows];
  }

  /** @param loaded - rows that the matrix has although the log's lines that state them are still to come. */
  static async open(handle: FileHandle, target: VectorTarget, loaded: number): Promise<VectorReader> {
    const { size } = await handle.stat();
    return new VectorReader(handle, target, loaded, Math.floor(Math.max(0, size - NPY_HEAD) / (4 * target.dim)));
  }

  /** Takes the rows that a line of the log states. */
  add({ row, count, sums }: Pick<PutRecord, "row" | "count" | "sums">): void {
    const most = Math.max(ROWS_PER_SUM, Math.floor(CHUNK / (4 * this.#dim)));
    for (const [i, sum] of sums.entries()) {
      const start = i * ROWS_PER_SUM;
      const block = { row: row + start, rows: Math.min(ROWS_PER_SUM, count - start), sum };
      if (block.row + block.rows <= this.#loaded) continue;
      if (this.#chunkRows + block.rows > most) this.#enqueue();
      this.#chunk.push(block);
      this.#chunkRows += block.rows;
    }
  }

  /**
   * Waits until all rows that the file has are in the matrix.
   *
   * @returns those whose bytes may not be what the log states.
   */
  async finish(): Promise<ReadonlySet<number>> {
    this.#enqueue();
    // Each check may begin another read.
    for (let last; last !== this.#checked;) await (last = this.#checked);
    return this.#suspects;
  }

  /** Begins no further read and waits for those that are under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.length = 0;
    await this.#settled;
  }

  #enqueue(): void {
    if (this.#chunkRows > 0) this.#waiting.push(this.#chunk);
    [this.#chunk, this.#chunkRows] = [[], 0];
    this.#begin();
  }

  #begin(): void {
    const most = this.#matrix instanceof RowMatrix ? READS : BUFFERS;
    while (this.#reading < most && !this.#isStopped) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) return;
      this.#reading++;
      const [first, last] = [chunk[0] as SumBlock, chunk.at(-1) as SumBlock];
      const rows = last.row + last.rows - first.row;
      const space = this.#matrix instanceof RowMatrix ? this.#matrix.space(first.row, rows, this.#fileRows) : undefined;
      const bytes =
        space === undefined ? this.#buffer(rows * 4 * this.#dim) : new Uint8Array(space.buffer, space.byteOffset, space.byteLength);
      const reading = readAll(this.#handle, bytes, NPY_HEAD + first.row * 4 * this.#dim);
      this.#settled = Promise.all([this.#settled, reading.catch(() => 0)]);
      // In the order of the rows; a failure is that of all that follow.
      this.#checked = Promise.all([this.#checked, reading]).then(([, length]) => {
        this.#reading--;
        if (this.#isStopped) return;
        this.#check(chunk, bytes.subarray(0, length), space !== undefined);
        this.#begin();
      });
      this.#checked.catch(() => undefined); // `finish` throws it
    }
  }

  #check(chunk: readonly SumBlock[], bytes: Uint8Array, isInPlace: boolean): void {
    const [dim, first] = [this.#dim, chunk[0]?.row ?? 0];
    const rowBytes = 4 * dim;
    let expected = 0;
    for (const { row, rows, sum } of chunk) {
      const own = bytes.subarray((row - first) * rowBytes, (row - first + rows) * rowBytes);
      if (own.length < rows * rowBytes || crc32(own) !== sum) for (let one = row; one < row + rows; one++) this.#suspects.add(one);
      expected += rows;
    }
    const whole = Math.floor(bytes.length / rowBytes);
    const skipped = Math.min(whole, Math.max(0, this.#loaded - first));
    const matrix = this.#matrix;
    if (this.#isWhole && isInPlace && matrix instanceof RowMatrix) matrix.accept(whole);
    else if (this.#isWhole) matrix.append(new Float32Array(bytes.buffer, bytes.byteOffset + skipped * rowBytes, (whole - skipped) * dim));
    this.#isWhole &&= whole === expected;
    if (!isInPlace) this.#buffers.push(new Uint8Array(bytes.buffer));
  }

  /** A buffer for a read that has no place in the matrix. */
  #buffer(length: number): Uint8Array {
    const found = this.#buffers.pop();
    return (found !== undefined && found.length >= length ? found : new Uint8Array(Math.max(CHUNK, length))).subarray(0, length);
  }
}
