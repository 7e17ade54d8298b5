/**
 * The files of a shard: clip-retrieval's, and beside them what this package needs to know a finished shard by. clip-retrieval's own
 * `writer.py` numbers them with as many digits as the count of shards has; here there are at least four, as a worker need not know the count.
 */
import { createHash } from "node:crypto";
import { DatasetError } from "../dataset-error.js";
import type { Tower } from "../output/model-record.js";
import type { JsonObject, JsonValue, SourceShard } from "../sources/source.js";
import { type FileStore, readText, type StoreCall } from "../store/file-store.js";

/** Names of a shard's files below the output. */
export interface ShardFiles {
  /** float32 `[rows, dim]` of its images; the commit mark where images are embedded. */
  readonly image: string;
  /** float32 `[rows, dim]` of its texts; the commit mark where only texts are. */
  readonly text: string;
  /** Parquet, a row for each row of the above. */
  readonly metadata: string;
  /** JSON lines of the items that could not be embedded; not there when there are none. */
  readonly failed: string;
  /** What the shard was made of, as JSON. */
  readonly record: string;
}

/** The names of a shard's files. */
export function shardFiles(index: number): ShardFiles {
  const part = String(index).padStart(4, "0");
  return {
    image: `img_emb/img_emb_${part}.npy`,
    text: `text_emb/text_emb_${part}.npy`,
    metadata: `metadata/metadata_${part}.parquet`,
    failed: `failed/failed_${part}.jsonl`,
    record: `shards/shard_${part}.json`,
  };
}

/** A file that is known by its content. */
export interface FileDigest {
  /** Length. */
  readonly bytes: number;
  /** SHA-256 in hex. */
  readonly sha256: string;
}

/** How embeddings are made beside the model's weights, such as `{ orientation: true, decode: "fast" }`. */
export type ShardSettings = Readonly<Record<string, string | number | boolean>>;

/** What a finished shard was made of: `shards/shard_0000.json`. */
export interface ShardRecord {
  /** The shard's id. */
  readonly id: string;
  /** Its place in the list. */
  readonly index: number;
  /** Items with embeddings. */
  readonly rows: number;
  /** Items without. */
  readonly failed: number;
  /** Which towers made them, images first. */
  readonly towers: readonly Tower[];
  /** Values of a row. */
  readonly dim: number;
  /** The model's weights and dtype. */
  readonly fingerprint: string;
  /** How they were made beside that. */
  readonly settings: ShardSettings;
  /** Every file of the shard but this one. */
  readonly files: Readonly<Record<string, FileDigest>>;
}

/** Bytes of a shard's metadata table that are read, at most. */
export const MOST_TABLE_BYTES: number = 512 << 20;

const FORMAT = "chinese-clip-shard";
const VERSION = 1;

/** A record as its file holds it. */
export function formatShardRecord(record: ShardRecord): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, ...record }, null, 2)}\n`;
}

/**
 * Reads a shard's record.
 *
 * @returns undefined where there is none.
 * @throws DatasetError - `invalid-shard-record`.
 */
export async function readShardRecord(store: FileStore, index: number, call?: StoreCall): Promise<ShardRecord | undefined> {
  const name = shardFiles(index).record;
  const text = await readText(store, name, call);
  return text === undefined ? undefined : parseShardRecord(text, `${store.label}/${name}`);
}

/**
 * Parses a record.
 *
 * @param file - its name for messages.
 * @throws DatasetError - `invalid-shard-record`.
 */
export function parseShardRecord(text: string, file: string): ShardRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DatasetError("invalid-shard-record", { reason: "it is no JSON", file }, { cause });
  }
  const invalid = (reason: string): DatasetError => new DatasetError("invalid-shard-record", { reason, file });
  if (!isObject(value) || value["format"] !== FORMAT || value["version"] !== VERSION) throw invalid(`no ${FORMAT} of version ${VERSION}`);
  const { id, index, rows, failed, towers, dim, fingerprint, settings, files } = value;
  if (typeof id !== "string" || typeof fingerprint !== "string") throw invalid("no id or fingerprint");
  if (!isCount(index) || !isCount(rows) || !isCount(failed) || !isCount(dim)) throw invalid("no index, rows, failed or dim");
  if (!Array.isArray(towers) || towers.length === 0 || !towers.every((tower) => tower === "image" || tower === "text"))
    throw invalid("no towers");
  if (!isObject(settings) || !Object.values(settings).every((one) => ["string", "number", "boolean"].includes(typeof one)))
    throw invalid("no settings");
  if (!isObject(files) || !Object.values(files).every(isDigest)) throw invalid("no sizes and hashes of its files");
  return {
    id,
    index,
    rows,
    failed,
    towers: towers as readonly Tower[],
    dim,
    fingerprint,
    settings: settings as ShardSettings,
    files: files as unknown as Readonly<Record<string, FileDigest>>,
  };
}

/** The shard, model and settings that a record must have. */
export interface ExpectedShard {
  /** The shard as it was listed. */
  readonly shard: Pick<SourceShard, "id" | "index">;
  /** The model; undefined for any. */
  readonly fingerprint?: string | undefined;
  /** The settings; undefined for any. */
  readonly settings?: ShardSettings | undefined;
  /** The towers; undefined for any. */
  readonly towers?: readonly Tower[] | undefined;
}

/**
 * A shard in an output: `missing` (not there, or never committed), `torn` (a file of it is not there, or has other bytes than it was written
 * with), `foreign` (of another shard, model, settings or towers, or not written by `embedShard`), `complete`.
 */
export type ShardState =
  | { readonly state: "missing" }
  | { readonly state: "torn"; readonly file: string; readonly reason: string }
  | {
      readonly state: "foreign";
      readonly file: string;
      /** What differs. */
      readonly name: string;
      readonly recorded: string;
      readonly expected: string;
    }
  | { readonly state: "complete"; readonly record: ShardRecord };

/**
 * Looks whether a shard is complete.
 *
 * @param content - whether every byte is compared with the hashes of the record, and not only sizes. Reads the files whole.
 */
export async function checkShard(
  store: FileStore,
  { shard, fingerprint, settings, towers }: ExpectedShard,
  { content = false, signal }: { readonly content?: boolean } & StoreCall = {},
): Promise<ShardState> {
  const names = shardFiles(shard.index);
  let record: ShardRecord | undefined;
  try {
    record = await readShardRecord(store, shard.index, { signal });
  } catch (error) {
    if (error instanceof DatasetError && error.code === "invalid-shard-record")
      return { state: "torn", file: names.record, reason: error.message };
    throw error;
  }
  if (record === undefined) {
    const image = await store.stat(names.image, { signal });
    const left = image ?? (await store.stat(names.text, { signal }));
    if (left === undefined) return { state: "missing" };
    return { state: "foreign", file: left.name, name: "record", recorded: "none", expected: names.record };
  }
  const differs = (
    [
      ["id", record.id, shard.id],
      ["fingerprint", record.fingerprint, fingerprint],
      ["towers", record.towers.join(), towers?.join()],
      ["settings", sorted(record.settings), settings === undefined ? undefined : sorted(settings)],
    ] as const
  ).find(([, recorded, expected]) => expected !== undefined && recorded !== expected);
  const mark = record.towers.includes("image") ? names.image : names.text;
  const committed = await store.stat(mark, { signal });
  // A record without its commit mark is of a run that was killed, whatever it was of.
  if (committed === undefined) return { state: "missing" };
  if (differs !== undefined) {
    const [name, recorded, expected = ""] = differs;
    return { state: "foreign", file: names.record, name, recorded, expected };
  }
  const expected = [names.metadata, ...record.towers.map((tower) => names[tower])];
  for (const name of new Set([...expected, ...Object.keys(record.files)])) {
    const digest = record.files[name];
    if (digest === undefined) return { state: "torn", file: names.record, reason: `nothing recorded of ${name}` };
    const found = await store.stat(name, { signal });
    if (found === undefined) return { state: "torn", file: name, reason: "not there" };
    if (found.size !== digest.bytes) return { state: "torn", file: name, reason: `expected ${digest.bytes} bytes, got ${found.size}` };
    if (content && (await digestOf(store.read(name, { signal }))).sha256 !== digest.sha256)
      return { state: "torn", file: name, reason: "its bytes are not those that were written" };
  }
  return { state: "complete", record };
}

/** Length and SHA-256 of some bytes. */
export async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<FileDigest> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

function sorted(settings: ShardSettings): string {
  return JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isDigest(value: JsonValue): boolean {
  return isObject(value) && isCount(value["bytes"]) && typeof value["sha256"] === "string";
}
