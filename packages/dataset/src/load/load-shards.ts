/**
 * Finished shards into a vector store. Each batch is written as a whole, in the order of the rows, and what the store has already is not written again:
 * a run that was killed is repeated, and the store has each row once.
 */
import type { StoreItem, VectorStore } from "@chinese-clip/search";
import { DatasetError } from "../dataset-error.js";
import type { Tower } from "../output/model-record.js";
import { ParquetDecoder, type ParquetLimits } from "../parquet/parquet-reader.js";
import type { JsonObject } from "../sources/source.js";
import { type FileStore, folderStore } from "../store/file-store.js";
import { checkShard, readShardRecord, type ShardRecord } from "../shards/shard-files.js";
import { readShardRows, type ShardRow } from "./read-shard-rows.js";

/** Rows that are written together. */
const BATCH = 1000;

/** How shards are loaded. */
export interface LoadOptions {
  /** Which embeddings. Default `"image"`. */
  readonly tower?: Tower | undefined;
  /** What decoding a shard's metadata table may cost. */
  readonly parquet?: ParquetLimits | undefined;
  /** Ends the run with its reason, after a whole batch. */
  readonly signal?: AbortSignal | undefined;
  /** Told after every batch. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** How far a run is. */
export interface LoadProgress {
  /** Shards that were loaded as a whole. */
  readonly shards: number;
  /** Rows that are in the store by now. */
  readonly rows: number;
  /** Rows of all finished shards. */
  readonly total: number;
}

/** A shard that is not finished, or whose files are not those that were written. */
export interface UnfinishedShard {
  /** Its number, as its files have it. */
  readonly index: number;
  /** `missing`, `torn` or `foreign`, as of `checkShard`. */
  readonly state: string;
  /** Why it was left out, in English. */
  readonly reason: string;
}

/** What was loaded. */
export interface LoadSummary {
  /** Shards that are in the store as a whole. */
  readonly shards: number;
  /** Their rows. */
  readonly rows: number;
  /** Rows of them that were there already. */
  readonly present: number;
  /** Shards that were left out. */
  readonly unfinished: readonly UnfinishedShard[];
}

/** What the finished shards of an output have in common. */
export interface LoadableShards {
  /** Values of an embedding. */
  readonly dim: number;
  /** The model's weights and dtype. */
  readonly fingerprint: string;
  /** The finished shards, by their numbers. */
  readonly records: readonly ShardRecord[];
  /** The others. */
  readonly unfinished: readonly UnfinishedShard[];
}

/**
 * Finds the finished shards of an output, and compares the bytes of their files with the hashes of their records.
 *
 * @throws DatasetError - `no-shards`: none is finished; `foreign-shard`: shards of two models, or without the tower.
 */
export async function findShards(output: string | FileStore, { tower = "image", signal }: LoadOptions = {}): Promise<LoadableShards> {
  const store = typeof output === "string" ? folderStore(output) : output;
  const records: ShardRecord[] = [];
  const unfinished: UnfinishedShard[] = [];
  for await (const { name } of store.list("shards", { signal })) {
    const index = /\/shard_(\d{4,9})\.json$/.exec(name)?.[1];
    if (index === undefined) continue;
    const found = await readShardRecord(store, Number(index), { signal }).catch((error: unknown) => {
      if (!(error instanceof DatasetError)) throw error;
      unfinished.push({ index: Number(index), state: "torn", reason: error.message });
      return undefined;
    });
    if (found === undefined) continue;
    const state = await checkShard(store, { shard: { id: found.id, index: Number(index) } }, { content: true, signal });
    if (state.state === "complete") records.push(state.record);
    else {
      const reason = state.state === "missing" ? "not finished" : state.state === "torn" ? `${state.file}: ${state.reason}` : state.name;
      unfinished.push({ index: Number(index), state: state.state, reason });
    }
  }
  const [first] = records;
  if (first === undefined) throw new DatasetError("no-shards", { file: store.label });
  for (const { index, fingerprint, dim, towers } of records) {
    const file = `${store.label}, shard ${index}`;
    if (fingerprint !== first.fingerprint || dim !== first.dim)
      throw new DatasetError("foreign-shard", { name: "fingerprint", recorded: fingerprint, current: first.fingerprint, file });
    if (!towers.includes(tower)) throw new DatasetError("foreign-shard", { name: "towers", recorded: towers.join(), current: tower, file });
  }
  return { dim: first.dim, fingerprint: first.fingerprint, records, unfinished };
}

/**
 * Loads the finished shards of an output.
 *
 * @param output - a folder, or a store such as `s3Store` makes.
 * @param found - what {@link findShards} found in it, where that is known.
 * @throws DatasetError - as {@link findShards}; SearchError - `fingerprint-mismatch`, `dimension-mismatch`: the store is of another model; what the store
 * throws; the signal's reason.
 */
export async function loadShards(
  output: string | FileStore,
  target: VectorStore<JsonObject>,
  options: LoadOptions = {},
  found?: LoadableShards,
): Promise<LoadSummary> {
  const { tower = "image", parquet, signal, onProgress } = options;
  const store = typeof output === "string" ? folderStore(output) : output;
  const { fingerprint, records, unfinished } = found ?? (await findShards(store, options));
  const total = records.reduce((sum, record) => sum + record.rows, 0);
  await target.upsert([], { fingerprint }); // rejects another model before anything is read
  let [shards, rows, present] = [0, 0, 0];
  using decoder = new ParquetDecoder(parquet);
  for (const record of records) {
    for await (const batch of readShardRows(store, record, { tower, batch: BATCH, decoder, signal })) {
      signal?.throwIfAborted();
      const missing = await missingOf(target, distinct(batch));
      if (missing.length > 0) await target.upsert(missing, { fingerprint });
      rows += batch.length;
      present += batch.length - missing.length;
      onProgress?.({ shards, rows, total });
    }
    shards++;
    onProgress?.({ shards, rows, total });
  }
  return { shards, rows, present, unfinished };
}

/** Items that the store does not have. A batch whose last one is missing was never written. */
async function missingOf(target: VectorStore<JsonObject>, batch: readonly ShardRow[]): Promise<readonly StoreItem<JsonObject>[]> {
  const last = batch.at(-1);
  if (last === undefined || (await target.get([last.id]))[0] === undefined) return batch;
  const found = await target.get(batch.map(({ id }) => id));
  return batch.filter(({ embedding }, i) => !isEqual(embedding, found[i]?.embedding));
}

/** The last of each id: a source may list an image twice. */
function distinct(batch: readonly ShardRow[]): readonly ShardRow[] {
  const byId = new Map(batch.map((row) => [row.id, row]));
  return byId.size === batch.length ? batch : [...byId.values()];
}

function isEqual(a: Float32Array, b: Float32Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((value, i) => value === b[i]);
}
