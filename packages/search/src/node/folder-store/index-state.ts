/** What an index holds, in memory: its rows, and which of them has which id. */
import { hasInt8Kernel, Int8Matrix } from "../../top-k/int8-matrix.js";
import { RowMatrix } from "../../top-k/row-matrix.js";
import type { IndexFiles } from "./index-files.js";
import type { LogRecord, PutRecord } from "./index-log.js";
import { VectorSums } from "./vector-sums.js";

/** How vectors are held in memory. */
export type Precision = "float32" | "int8";

/** The items of an index. */
export class IndexState {
  readonly dim: number;
  readonly matrix: RowMatrix | Int8Matrix;
  /** Checksums of all rows. */
  sums: VectorSums;
  /** In the order of their rows. */
  #puts: PutRecord[] = [];
  /** By row: 1 where there is an item, 0 where it was removed or replaced. */
  #live: Uint8Array = new Uint8Array(0);
  #count = 0;
  #rowOf: Map<string, number> | undefined;

  constructor(dim: number, precision: Precision) {
    this.dim = dim;
    this.sums = new VectorSums(dim);
    this.matrix = precision === "int8" && hasInt8Kernel() ? new Int8Matrix(dim) : new RowMatrix(dim);
  }

  /** Number of items. */
  get count(): number {
    return this.#count;
  }

  /** The row of each id. Made when it is first asked for: of a million ids it takes a second, which a search does not need. */
  get rowOf(): ReadonlyMap<string, number> {
    return this.#rows();
  }

  /** Names the files that rows are read from which memory has in 8 bits only. */
  attach({ vectors }: Pick<IndexFiles, "vectors">): void {
    if (this.matrix instanceof Int8Matrix) this.matrix.source = (row) => this.sums.readRow(vectors.fd, row);
  }

  /** Whether a row has an item. */
  isLive(row: number): boolean {
    return this.#live[row] === 1;
  }

  /** The id of a row. */
  idOf(row: number): string {
    const put = this.#putOf(row);
    return put?.ids.values[row - put.row] ?? "";
  }

  /** The metadata of a row; not a copy. */
  metaOf(row: number): unknown {
    const put = this.#putOf(row);
    return put?.metas.values[row - put.row];
  }

  /** Rows that have an item, in their order. */
  *rows(): Generator<number, void, undefined> {
    for (let row = this.#live.indexOf(1); row >= 0; row = this.#live.indexOf(1, row + 1)) yield row;
  }

  /** The rows whose items a call with these ids replaces or removes. */
  vacatedBy(ids: readonly string[]): number[] {
    const rows = this.#rows();
    return ids.map((id) => rows.get(id)).filter((row) => row !== undefined);
  }

  /** Takes over lines of the log, whose rows are in the matrix. */
  apply(records: readonly LogRecord[]): void {
    for (const record of records) {
      const ids = "ids" in record ? record.ids : { values: record.delete };
      for (const row of record.vacates ?? this.vacatedBy(ids.values)) {
        this.#count -= this.#live[row] ?? 0;
        this.#live[row] = 0;
      }
      if ("ids" in record) this.#add(record);
      else for (const id of record.delete) this.#rowOf?.delete(id);
    }
  }

  /**
   * Moves the items together, in the order of their rows.
   *
   * @param puts - the lines that state them so.
   */
  compact(puts: readonly PutRecord[]): void {
    let count = 0;
    for (const row of this.rows()) this.matrix.copyRow(row, count++);
    this.matrix.truncate(count);
    this.sums = new VectorSums(this.dim);
    [this.#puts, this.#live, this.#count, this.#rowOf] = [[], new Uint8Array(0), 0, undefined];
    this.apply(puts);
  }

  #add(put: PutRecord): void {
    const end = put.row + put.count;
    this.sums.append(put);
    this.#puts.push(put);
    if (end > this.#live.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#live.length));
      larger.set(this.#live);
      this.#live = larger;
    }
    this.#live.fill(1, put.row, end);
    this.#count += put.count;
    if (this.#rowOf !== undefined) for (const [i, id] of put.ids.values.entries()) this.#rowOf.set(id, put.row + i);
  }

  #rows(): Map<string, number> {
    if (this.#rowOf !== undefined) return this.#rowOf;
    const rows = new Map<string, number>();
    for (const { row, ids } of this.#puts) for (const [i, id] of ids.values.entries()) if (this.#live[row + i] === 1) rows.set(id, row + i);
    this.#rowOf = rows;
    return rows;
  }

  #putOf(row: number): PutRecord | undefined {
    let [low, high] = [0, this.#puts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#puts[middle] as PutRecord).row <= row) low = middle;
      else high = middle;
    }
    return this.#puts[low];
  }
}
