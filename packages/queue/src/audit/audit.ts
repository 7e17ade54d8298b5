/**
 * Whether the output of a manifest is what it is to be: every shard there, whole, of one model, each image once, and nothing else.
 */
import {
  checkShard,
  DatasetError,
  type FileStore,
  folderStore,
  MOST_TABLE_BYTES,
  ParquetDecoder,
  readShardRecord,
  readStored,
  type ShardRecord,
  shardFiles,
} from "@chinese-clip/dataset";
import { errorMessage } from "@chinese-clip/pipeline";
import { createHash } from "node:crypto";
import { type AuditFault, type AuditOptions, type AuditReport, MOST_FAULTS } from "./audit-types.js";
import { checkRows } from "./check-rows.js";
import { readKeys } from "./read-keys.js";
import { KeyCollection } from "./repeated-keys.js";
import { unknownFiles } from "./unknown-files.js";

/** Shards whose records say what most are of. */
const RECORDS_ASKED = 1000;

/** Sources that have each key once: a list may name an image twice, and two tars may have members of the same name. */
const UNIQUE_KEYS = /^(?:folder:|s3:)/u;

/**
 * Audits an output. Reads every byte of it, unless `quick` is set.
 *
 * @throws DatasetError - the manifest was changed; what the store throws. The signal's reason.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const store = typeof options.output === "string" ? folderStore(options.output) : options.output;
  using decoder = new ParquetDecoder(options.parquet);
  const run = new Audit(store, options, await expectedModel(store, options), decoder);
  for (const [index, id] of options.manifest.ids.entries()) {
    options.signal?.throwIfAborted();
    await run.look(id, index);
    options.onProgress?.(index + 1, options.manifest.ids.length);
  }
  await run.nameRepeatedKeys();
  for await (const fault of unknownFiles(store, options, (index, file) => run.hasFile(index, file))) run.report(fault);
  return run.finish();
}

/** What the shards are to be of. */
interface ExpectedModel {
  readonly fingerprint: string | undefined;
  readonly settings: ShardRecord["settings"] | undefined;
}

/** The options', or what most of the first shards say. */
async function expectedModel(store: FileStore, { manifest, fingerprint, settings, signal }: AuditOptions): Promise<ExpectedModel> {
  if (fingerprint !== undefined && settings !== undefined) return { fingerprint, settings };
  const fingerprints = new Map<string, number>();
  const found = new Map<string, number>();
  const most = (counts: ReadonlyMap<string, number>): string | undefined => [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
  for (let index = 0; index < Math.min(manifest.ids.length, RECORDS_ASKED); index++) {
    const record = await readShardRecord(store, index, { signal }).catch(ofRecord);
    if (record === undefined) continue;
    fingerprints.set(record.fingerprint, (fingerprints.get(record.fingerprint) ?? 0) + 1);
    const text = JSON.stringify(record.settings);
    found.set(text, (found.get(text) ?? 0) + 1);
  }
  const common = most(found);
  return {
    fingerprint: fingerprint ?? most(fingerprints),
    settings: settings ?? (common === undefined ? undefined : (JSON.parse(common) as ShardRecord["settings"])),
  };
}

class Audit {
  readonly #store: FileStore;
  readonly #options: AuditOptions;
  readonly #expected: ExpectedModel;
  readonly #decoder: ParquetDecoder;
  readonly #faults: AuditFault[] = [];
  readonly #again = new Set<string>();
  readonly #remove: string[] = [];
  readonly #keys = new KeyCollection();
  /** Hashes of a shard's rows and metadata to its id. */
  readonly #shardOf = new Map<string, string>();
  /** For each complete shard a bit for each file that it recorded. */
  readonly #files: Uint8Array;
  #faultCount = 0;
  #complete = 0;
  #rows = 0;
  #failed = 0;

  constructor(store: FileStore, options: AuditOptions, expected: ExpectedModel, decoder: ParquetDecoder) {
    this.#store = store;
    this.#options = options;
    this.#expected = expected;
    this.#decoder = decoder;
    this.#files = new Uint8Array(options.manifest.ids.length);
  }

  report(fault: AuditFault): void {
    this.#faultCount++;
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(fault);
    if (fault.shard !== undefined) this.#again.add(fault.shard);
    else if (fault.file !== undefined) this.#remove.push(fault.file);
  }

  /** Whether a file is one that its shard recorded; true for all files of shards with faults. */
  hasFile(index: number, file: string): boolean {
    const recorded = this.#files[index] ?? 0;
    return recorded === 0 || (recorded & fileBit(index, file)) !== 0;
  }

  /** One shard: at most one fault, the first that is found. */
  async look(id: string, index: number): Promise<void> {
    const { signal, quick = false } = this.#options;
    const state = await checkShard(this.#store, { shard: { id, index }, ...this.#expected }, { signal });
    if (state.state === "missing") return this.report({ kind: "missing", shard: id, reason: "not there, or not committed" });
    if (state.state === "torn") return this.report({ kind: "torn", shard: id, file: state.file, reason: state.reason });
    if (state.state === "foreign") {
      const { file, name, recorded, expected } = state;
      return this.report({ kind: "foreign", shard: id, file, reason: `${name} ${recorded}, expected ${expected}` });
    }
    const fault = (quick ? undefined : await this.#contentFault(id, state.record)) ?? this.#sameRows(id, state.record);
    if (fault !== undefined) return this.report({ ...fault, shard: id });
    this.#complete++;
    this.#files[index] = Object.keys(state.record.files).reduce(
      (bits, file) => bits | fileBit(index, file),
      fileBit(index, shardFiles(index).record),
    );
    this.#rows += state.record.rows;
    this.#failed += state.record.failed;
  }

  /** Whether another shard has these rows under these keys. The rows alone may be the same: of copies of one image. */
  #sameRows(id: string, record: ShardRecord): AuditFault | undefined {
    const names = shardFiles(record.index);
    const file = record.towers.includes("image") ? names.image : names.text;
    if (record.rows === 0) return undefined;
    const digest = `${record.files[file]?.sha256} ${record.files[names.metadata]?.sha256}`;
    const other = this.#shardOf.get(digest);
    if (other === undefined) this.#shardOf.set(digest, id);
    return other === undefined ? undefined : { kind: "duplicate", file, reason: `its rows and keys are those of the shard ${other}` };
  }

  async #contentFault(id: string, record: ShardRecord): Promise<AuditFault | undefined> {
    const { signal } = this.#options;
    const names = shardFiles(record.index);
    for (const [file, { sha256 }] of Object.entries(record.files)) {
      if (file === names.image || file === names.text) {
        const checked = await checkRows(this.#store.read(file, { signal }), record.rows, record.dim);
        if (checked.fault !== undefined) return { ...checked.fault, file };
        if (checked.sha256 !== sha256) return { kind: "torn", file, reason: "its bytes are not those that were written" };
      } else if (file === names.metadata) {
        const bytes = await this.#read(file);
        if (bytes === undefined) return { kind: "torn", file, reason: "its metadata is larger than an audit reads" };
        const fault = (await this.#keysFault(bytes, record, file)) ?? hashFault(bytes, sha256, file);
        if (fault !== undefined) return fault;
      } else {
        const hash = createHash("sha256");
        for await (const chunk of this.#store.read(file, { signal })) hash.update(chunk);
        if (hash.digest("hex") !== sha256) return { kind: "torn", file, reason: "its bytes are not those that were written" };
      }
    }
    return undefined;
  }

  async #keysFault(bytes: Uint8Array, { rows }: ShardRecord, file: string): Promise<AuditFault | undefined> {
    let keys: readonly unknown[];
    try {
      keys = await this.#keysOf(file, bytes);
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      return { kind: "torn", file, reason: `it cannot be read as Parquet (${errorMessage(error).slice(0, 200)})` };
    }
    if (keys.length !== rows) return { kind: "torn", file, reason: `it has ${keys.length} rows, the embeddings ${rows}` };
    const isUnique = UNIQUE_KEYS.test(this.#options.manifest.source);
    const seen = new Set<unknown>();
    for (const key of keys) {
      if (typeof key !== "string") return { kind: "torn", file, reason: "a row has no image_path" };
      if (!isUnique) continue;
      if (seen.has(key)) return { kind: "duplicate", file, reason: `${key} is there twice` };
      seen.add(key);
      this.#keys.add(key);
    }
    return undefined;
  }

  /** Only where there are any, the tables are read once more, to say which. */
  async nameRepeatedKeys(): Promise<void> {
    if (this.#keys.isUnique) return;
    const isRepeated = this.#keys.repeated();
    const first = new Map<string, string>();
    for (const [index, id] of this.#options.manifest.ids.entries()) {
      const file = shardFiles(index).metadata;
      const bytes = await this.#read(file);
      const keys = bytes === undefined ? [] : await this.#keysOf(file, bytes).catch(none);
      for (const key of keys) {
        if (typeof key !== "string" || !isRepeated(key)) continue;
        const other = first.get(key);
        if (other === undefined) first.set(key, id);
        else if (other !== id && !this.#again.has(id))
          this.report({ kind: "duplicate", shard: id, file, reason: `${key} is in the shard ${other} too` });
      }
    }
  }

  #read(file: string): Promise<Buffer | undefined> {
    return readStored(this.#store, file, MOST_TABLE_BYTES, { signal: this.#options.signal });
  }

  #keysOf(file: string, bytes: Uint8Array): Promise<readonly unknown[]> {
    return readKeys(this.#decoder, `${this.#store.label}/${file}`, bytes, this.#options.signal);
  }

  finish(): AuditReport {
    return {
      clean: this.#faultCount === 0,
      shards: this.#options.manifest.ids.length,
      complete: this.#complete,
      rows: this.#rows,
      failed: this.#failed,
      fingerprint: this.#expected.fingerprint,
      faults: this.#faults,
      faultCount: this.#faultCount,
      again: [...this.#again],
      remove: this.#remove,
    };
  }
}

/** A bit for each of a shard's names; 0 for another file. */
function fileBit(index: number, file: string): number {
  const place = Object.values(shardFiles(index) as unknown as Readonly<Record<string, string>>).indexOf(file);
  return place < 0 ? 0 : 1 << place;
}

function hashFault(bytes: Uint8Array, sha256: string, file: string): AuditFault | undefined {
  if (createHash("sha256").update(bytes).digest("hex") === sha256) return undefined;
  return { kind: "torn", file, reason: "its bytes are not those that were written" };
}

function none(error: unknown): readonly never[] {
  if (error instanceof DatasetError) return [];
  throw error;
}

function ofRecord(error: unknown): undefined {
  if (error instanceof DatasetError && error.code === "invalid-shard-record") return undefined;
  throw error;
}
