/** The rows of a finished shard again: its `.npy` file and its metadata table, some rows at a time. */
import { NPY_HEAD, parseNpyHead } from "@chinese-clip/search";
import { DatasetError } from "../dataset-error.js";
import type { Tower } from "../output/model-record.js";
import type { ParquetDecoder, ParquetRow } from "../parquet/parquet-reader.js";
import { memoryFile } from "../bytes/byte-file.js";
import { type FileStore, readStored } from "../store/file-store.js";
import { MOST_TABLE_BYTES, type ShardRecord, shardFiles } from "../shards/shard-files.js";
import type { JsonObject, JsonValue } from "../sources/source.js";

/** A row with its metadata. */
export interface ShardRow {
  /** The image's path or key, its id. */
  readonly id: string;
  /** float32 `[dim]`. */
  readonly embedding: Float32Array;
  /** `path`, `caption`, and what the source knows of it; columns without a value are left out. */
  readonly meta: JsonObject;
}

/** How a shard is read. */
export interface ShardRowOptions {
  readonly tower: Tower;
  /** Rows at a time. */
  readonly batch: number;
  /** Decodes the metadata table. */
  readonly decoder: ParquetDecoder;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a shard's rows in their order.
 *
 * @throws DatasetError - `no-such-file`, `invalid-shard-record`: the files are not those that the record is of; `invalid-parquet`.
 */
export async function* readShardRows(
  store: FileStore,
  record: ShardRecord,
  { tower, batch, decoder, signal }: ShardRowOptions,
): AsyncGenerator<readonly ShardRow[], void, undefined> {
  const names = shardFiles(record.index);
  const invalid = (reason: string): DatasetError =>
    new DatasetError("invalid-shard-record", { reason, file: `${store.label}/${names.record}` });
  const bytes = await readStored(store, names.metadata, MOST_TABLE_BYTES, { signal });
  if (bytes === undefined) throw invalid(`${names.metadata} is not there, or larger than ${MOST_TABLE_BYTES} bytes`);
  const table = await decoder.open(memoryFile(`${store.label}/${names.metadata}`, bytes), signal);
  const tableRows = table.groups.reduce((sum, count) => sum + count, 0);
  if (tableRows !== record.rows) throw invalid(`${names.metadata} has ${tableRows} rows, not ${record.rows}`);
  const columns = table.columns.filter(({ isFlat }) => isFlat).map(({ name }) => name);
  const cells = table.rows(0, record.rows, columns);
  let first = 0;
  for await (const vectors of vectorsOf(store, names[tower], record, batch, signal)) {
    const count = vectors.length / record.dim;
    const rows: ShardRow[] = [];
    for (let i = 0; i < count; i++) {
      const { value } = await cells.next();
      const { image_path: id, ...rest }: ParquetRow = value ?? {};
      if (typeof id !== "string" || id === "") throw invalid(`row ${first + i} of ${names.metadata} has no image_path`);
      rows.push({ id, embedding: vectors.slice(i * record.dim, (i + 1) * record.dim), meta: { path: id, ...valuesOf(rest) } });
    }
    yield rows;
    first += count;
  }
  if (first !== record.rows) throw invalid(`${names[tower]} has ${first} rows, not ${record.rows}`);
}

/** Rows of a `.npy` file as it arrives. */
async function* vectorsOf(
  store: FileStore,
  name: string,
  { dim, rows }: ShardRecord,
  batch: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array, void, undefined> {
  let [pending, hasHead]: [Buffer, boolean] = [Buffer.alloc(0), false];
  const rowBytes = 4 * dim;
  for await (const chunk of store.read(name, { signal })) {
    pending = Buffer.concat([pending, chunk]);
    if (!hasHead) {
      if (pending.length < NPY_HEAD) continue;
      const head = parseNpyHead(pending.subarray(0, NPY_HEAD));
      if (head === undefined || head.dim !== dim || head.rows !== rows || head.offset !== NPY_HEAD)
        throw new DatasetError("invalid-shard-record", { reason: `not ${rows} x ${dim} float32`, file: `${store.label}/${name}` });
      [pending, hasHead] = [pending.subarray(NPY_HEAD), true];
    }
    for (; pending.length >= batch * rowBytes; pending = pending.subarray(batch * rowBytes)) yield floats(pending, batch * dim);
  }
  const rest = Math.floor(pending.length / rowBytes);
  if (rest > 0) yield floats(pending, rest * dim);
}

function floats(bytes: Buffer, count: number): Float32Array {
  return new Float32Array(Uint8Array.prototype.slice.call(bytes, 0, 4 * count).buffer);
}

/** Cells as JSON. */
function valuesOf(cells: ParquetRow): JsonObject {
  const values: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(cells))
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") values[name] = value;
  return values;
}
