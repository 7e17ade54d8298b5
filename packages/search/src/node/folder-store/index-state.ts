/** What an index holds, in memory: its rows, and which of them has which id. */
import { RowMatrix } from "../../top-k/row-matrix.js";
import type { LogRecord } from "./index-log.js";

/** An item without its vector. */
export interface IndexEntry {
  readonly id: string;
  readonly meta: unknown;
  /** CRC-32 of the vector. */
  readonly crc: number;
}

/** The items of an index. */
export class IndexState {
  readonly matrix: RowMatrix;
  readonly rowOf: Map<string, number> = new Map();
  /** By row; undefined where an item was removed or replaced. */
  entries: (IndexEntry | undefined)[] = [];

  constructor(dim: number) {
    this.matrix = new RowMatrix(dim);
  }

  /** Takes over a line of the log, whose rows are in the matrix. */
  apply(record: LogRecord): void {
    if ("delete" in record) {
      for (const id of record.delete) {
        this.#vacate(id);
        this.rowOf.delete(id);
      }
      return;
    }
    for (const [i, [id, crc, meta]] of record.put.entries()) {
      this.#vacate(id);
      this.rowOf.set(id, record.row + i);
      this.entries[record.row + i] = { id, meta, crc };
    }
  }

  /** Moves the items together, in the order of their rows. */
  compact(): void {
    const entries: IndexEntry[] = [];
    for (const [row, entry] of this.entries.entries()) {
      if (entry === undefined) continue;
      this.matrix.copyRow(row, entries.length);
      this.rowOf.set(entry.id, entries.length);
      entries.push(entry);
    }
    this.entries = entries;
    this.matrix.truncate(entries.length);
  }

  #vacate(id: string): void {
    const row = this.rowOf.get(id);
    if (row !== undefined) this.entries[row] = undefined;
  }
}

/** Rows that still have an item after some lines. */
export function liveRows(records: readonly LogRecord[]): ReadonlySet<number> {
  const rows = new Map<string, number>();
  for (const record of records) {
    if ("delete" in record) for (const id of record.delete) rows.delete(id);
    else for (const [i, [id]] of record.put.entries()) rows.set(id, record.row + i);
  }
  return new Set(rows.values());
}
