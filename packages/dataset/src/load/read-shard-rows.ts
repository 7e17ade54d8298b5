/** The rows of a finished shard again: its `.npy` file and its metadata table, some rows at a time. */
import { NPY_HEAD, parseNpyHead } from "@chinese-clip/search";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { DatasetError, shown } from "../dataset-error.js";
import type { Tower } from "../output/model-record.js";
import type { FileStore } from "../store/file-store.js";
import { type ShardRecord, shardFiles } from "../shards/shard-files.js";
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

/**
 * Reads a shard's rows in their order.
 *
 * @param batch - rows at a time.
 * @throws DatasetError - `no-such-file`, `invalid-shard-record`: the files are not those that the record is of; `invalid-parquet`.
 */
export async function* readShardRows(
  store: FileStore,
  record: ShardRecord,
  { tower, batch, signal }: { readonly tower: Tower; readonly batch: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<readonly ShardRow[], void, undefined> {
  const names = shardFiles(record.index);
  const invalid = (reason: string): DatasetError =>
    new DatasetError("invalid-shard-record", { reason, file: `${store.label}/${names.record}` });
  const table = await readWhole(store, names.metadata, signal);
  const file = { byteLength: table.byteLength, slice: (start: number, end?: number) => table.slice(start, end) };
  // What the decoder throws is its own: the file is not what the shard's writer wrote.
  const decoded = async <Value>(decode: () => Promise<Value>): Promise<Value> => {
    try {
      return await decode();
    } catch (cause) {
      throw new DatasetError("invalid-parquet", { reason: shown(String(cause)), file: `${store.label}/${names.metadata}` }, { cause });
    }
  };
  const metadata = await decoded(() => parquetMetadataAsync(file));
  if (Number(metadata.num_rows) !== record.rows)
    throw invalid(`${names.metadata} has ${Number(metadata.num_rows)} rows, not ${record.rows}`);
  let first = 0;
  for await (const vectors of vectorsOf(store, names[tower], record, batch, signal)) {
    const count = vectors.length / record.dim;
    const rows = await decoded(() => parquetReadObjects({ file, metadata, rowStart: first, rowEnd: first + count }));
    yield rows.map((cells, i) => {
      const { image_path: id, ...rest } = cells;
      if (typeof id !== "string" || id === "") throw invalid(`row ${first + i} of ${names.metadata} has no image_path`);
      return { id, embedding: vectors.slice(i * record.dim, (i + 1) * record.dim), meta: { path: id, ...valuesOf(rest) } };
    });
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

async function readWhole(store: FileStore, name: string, signal: AbortSignal | undefined): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(name, { signal })) chunks.push(chunk);
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole.buffer;
}

/** Cells as JSON. */
function valuesOf(cells: Readonly<Record<string, unknown>>): JsonObject {
  const values: Record<string, JsonValue> = {};
  for (const [name, cell] of Object.entries(cells)) {
    if (cell === null || cell === undefined) continue;
    const value: unknown = typeof cell === "bigint" ? Number(cell) : cell;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") values[name] = value;
  }
  return values;
}
