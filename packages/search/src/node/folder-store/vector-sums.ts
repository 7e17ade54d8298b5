/**
 * The checksums of an index's vectors, as its log states them. Vectors that memory has in 8 bits only are read from the file when a search comes to
 * them, and checked the first time.
 */
import { readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { NPY_HEAD } from "../../npy/npy-head.js";
import { SearchError } from "../../search-error.js";
import { ROWS_PER_SUM } from "./index-log.js";

/** Neighbouring rows with one checksum each. */
export class VectorSums {
  readonly #dim: number;
  readonly #starts: number[] = [];
  readonly #sums: number[] = [];
  /** 1 where the file's bytes were found to be those that the log states. */
  readonly #checked: number[] = [];
  #rows = 0;

  constructor(dim: number) {
    this.#dim = dim;
  }

  /** Number of rows that have checksums. */
  get rows(): number {
    return this.#rows;
  }

  /** Adds the rows of a call. */
  append({ count, sums }: { readonly count: number; readonly sums: readonly number[] }): void {
    for (const [i, sum] of sums.entries()) {
      this.#starts.push(this.#rows + i * ROWS_PER_SUM);
      this.#sums.push(sum);
      this.#checked.push(0);
    }
    this.#rows += count;
  }

  /** A CRC-32 of what the log states of rows from `first` to `end`: it changes with each byte of their vectors. */
  keyOf(first: number, end: number): number {
    const stated: number[] = [];
    for (let i = this.#find(first); i < this.#starts.length && (this.#starts[i] as number) < end; i++)
      stated.push(this.#starts[i] as number, this.#endOf(i), this.#sums[i] as number);
    return crc32(new Uint8Array(Uint32Array.from(stated).buffer));
  }

  /** Whether the rows from `first` to `end` were checked in another way. */
  setChecked(first: number, end: number): void {
    for (let i = this.#find(first); i < this.#starts.length && this.#endOf(i) <= end; i++) this.#checked[i] = 1;
  }

  /**
   * Reads a vector at once: a search that reads its best few takes less time for them than waiting for each would.
   *
   * @throws SearchError - `damaged-index`: it, or one that shares its checksum, is not what was written.
   */
  readRow(descriptor: number, row: number): Float32Array {
    const dim = this.#dim;
    const sum = this.#find(row);
    if (this.#checked[sum] === 1) return readRows(descriptor, row, 1, dim);
    const [start, end] = [this.#starts[sum] ?? row, this.#endOf(sum)];
    const values = readRows(descriptor, start, end - start, dim);
    if (crc32(new Uint8Array(values.buffer)) !== this.#sums[sum])
      throw new SearchError(
        "damaged-index",
        `vector ${row} is not the one that was written; open the index with repair to remove such items`,
      );
    this.#checked[sum] = 1;
    return values.slice((row - start) * dim, (row - start + 1) * dim);
  }

  /** Which checksum is a row's. */
  #find(row: number): number {
    let [low, high] = [0, this.#starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  #endOf(sum: number): number {
    return this.#starts[sum + 1] ?? this.#rows;
  }
}

/** @throws SearchError - `damaged-index`: the file ends before they do. */
function readRows(descriptor: number, row: number, count: number, dim: number): Float32Array {
  const values = new Float32Array(count * dim);
  const bytes = new Uint8Array(values.buffer);
  for (let done = 0; done < bytes.length;) {
    const read = readSync(descriptor, bytes, done, bytes.length - done, NPY_HEAD + 4 * dim * row + done);
    if (read === 0) throw new SearchError("damaged-index", `expected vector ${row}, got the end of the file`, { expected: row + 1 });
    done += read;
  }
  return values;
}
