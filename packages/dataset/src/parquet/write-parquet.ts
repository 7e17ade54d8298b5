/** Parquet files that grow by a group of rows at a time, for tables larger than memory. Written by hyparquet-writer, compressed with Snappy. */
import { open } from "node:fs/promises";
import { writingTo } from "@chinese-clip/pipeline/node";

/** What a column's values are. */
export type ColumnType = "BOOLEAN" | "INT64" | "DOUBLE" | "STRING";

/** A column: its name and type. Every value may be null. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** A value of a column; of an `INT64` column an integer. */
export type Cell = string | number | boolean | null;

/** A file that is being written. */
export interface ParquetFile {
  /** Adds rows, as columns in the order of the schema, each of the same length. */
  write(columns: readonly (readonly Cell[])[]): Promise<void>;
  /** Writes the end. */
  finish(): Promise<void>;
  /** Closes the file as it is. */
  close(): Promise<void>;
}

/** Creates a file, or replaces one. @throws OutputError - it cannot be written. */
export async function createParquet(file: string, columns: readonly Column[]): Promise<ParquetFile> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import("hyparquet-writer"); // most programs write no Parquet
  const handle = await writingTo(file, () => open(file, "w"));
  const bytes = new ByteWriter(1 << 16);
  const flush = async (): Promise<void> => {
    await writingTo(file, () => handle.writeFile(new Uint8Array(bytes.buffer, 0, bytes.index)));
    bytes.index = 0;
  };
  const schema = schemaFromColumnData({ columnData: columns.map(({ name, type }) => ({ name, type, data: [], nullable: true })) });
  const writer = new ParquetWriter({ writer: Object.assign(bytes, { flush }), schema, createdBy: "chinese-clip" });
  return {
    async write(values) {
      const rows = values[0]?.length ?? 0;
      if (rows === 0) return;
      const columnData = columns.map(({ name, type }, column) => {
        const cells = values[column] ?? [];
        return { name, data: type === "INT64" ? cells.map((cell) => (cell === null ? null : BigInt(Number(cell)))) : [...cells] };
      });
      await writer.write({ columnData, rowGroupSize: rows });
    },
    async finish() {
      await writer.finish();
      await flush();
      await writingTo(file, () => handle.sync());
    },
    close: () => handle.close(),
  };
}
