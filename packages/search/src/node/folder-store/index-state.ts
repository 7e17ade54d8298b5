/** What an index holds, in memory: its rows, and which of them has which id. */
import { hasInt8Kernel, Int8Matrix } from "../../top-k/int8-matrix.js";
import { RowMatrix } from "../../top-k/row-matrix.js";
import type { IndexFiles } from "./index-files.js";
import type { LogRecord } from "./index-log.js";
import type { MetadataBlock } from "./metadata-block.js";
import { VectorSums } from "./vector-sums.js";

/** How vectors are held in memory. */
export type Precision = "float32" | "int8";

/** The items of an index. */
export class IndexState {
  readonly dim: number;
  readonly matrix: RowMatrix | Int8Matrix;
  readonly rowOf: Map<string, number> = new Map();
  /** Checksums of all rows. */
  sums: VectorSums;
  /** By row; undefined where an item was removed or replaced. */
  ids: (string | undefined)[] = [];
  /** By row: the metadata of its call, and which of them are the row's. */
  #blocks: MetadataBlock[] = [];
  #places: number[] = [];

  constructor(dim: number, precision: Precision) {
    this.dim = dim;
    this.sums = new VectorSums(dim);
    this.matrix = precision === "int8" && hasInt8Kernel() ? new Int8Matrix(dim) : new RowMatrix(dim);
  }

  /** Names the files that rows are read from which memory has in 8 bits only. */
  attach({ vectors }: Pick<IndexFiles, "vectors">): void {
    if (this.matrix instanceof Int8Matrix) this.matrix.source = (row) => this.sums.readRow(vectors.fd, row);
  }

  /** The metadata of a row; not a copy. */
  metaOf(row: number): unknown {
    return this.#blocks[row]?.at(this.#places[row] ?? 0);
  }

  /** Takes over lines of the log, whose rows are in the matrix. */
  apply(records: readonly LogRecord[]): void {
    // Looking up each of a million ids of an index before it is set would double the time.
    const isFirst = this.ids.length === 0;
    let rows = 0;
    for (const record of records) {
      if ("delete" in record) {
        for (const id of record.delete) {
          this.#vacate(id);
          this.rowOf.delete(id);
        }
        continue;
      }
      const { row, ids, metas } = record;
      this.sums.append(record);
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] as string;
        if (!isFirst) this.#vacate(id);
        this.rowOf.set(id, row + i);
        this.ids[row + i] = id;
        this.#blocks[row + i] = metas;
        this.#places[row + i] = i;
      }
      rows += ids.length;
    }
    if (isFirst && this.rowOf.size < rows) {
      for (const [row, id] of this.ids.entries()) if (id !== undefined && this.rowOf.get(id) !== row) this.ids[row] = undefined;
    }
  }

  /**
   * Moves the items together, in the order of their rows.
   *
   * @param sums - of the rows as they are then.
   */
  compact(sums: VectorSums): void {
    this.sums = sums;
    const [ids, blocks, places]: [string[], MetadataBlock[], number[]] = [[], [], []];
    for (const [row, id] of this.ids.entries()) {
      const block = this.#blocks[row];
      if (id === undefined || block === undefined) continue;
      this.matrix.copyRow(row, ids.length);
      this.rowOf.set(id, ids.length);
      ids.push(id);
      blocks.push(block);
      places.push(this.#places[row] ?? 0);
    }
    [this.ids, this.#blocks, this.#places] = [ids, blocks, places];
    this.matrix.truncate(ids.length);
  }

  #vacate(id: string): void {
    const row = this.rowOf.get(id);
    if (row !== undefined) this.ids[row] = undefined;
  }
}

/** Rows that still have an item after some lines. */
export function liveRows(records: readonly LogRecord[]): ReadonlySet<number> {
  const rows = new Map<string, number>();
  for (const record of records) {
    if ("delete" in record) for (const id of record.delete) rows.delete(id);
    else for (const [i, id] of record.ids.entries()) rows.set(id, record.row + i);
  }
  return new Set(rows.values());
}
