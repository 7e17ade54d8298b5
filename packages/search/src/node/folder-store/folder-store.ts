/**
 * A vector store in a folder, without a database: vectors in a `.npy` file and a log of what was put and deleted. One process writes, any number
 * read. A call is durable when it resolves: the vectors are synced before the log states them, and the log before the call resolves; what a kill
 * tore is cut when the index is opened to write. Searches are exact and scan the vectors in memory.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { NPY_HEAD } from "../../npy/npy-head.js";
import { kindOf } from "../../kind-of.js";
import { SearchError } from "../../search-error.js";
import { type Filter, matchesFilter, parseFilter } from "../../store/filter.js";
import {
  checkFingerprint,
  checkIds,
  checkItems,
  checkLimits,
  checkVector,
  cutRelative,
  type StoreHit,
  type StoreInfo,
  type StoreItem,
  type StoreQuery,
  type VectorStore,
} from "../../store/vector-store.js";
import { lockFile } from "../process-lock.js";
import { isAbsent, writingTo } from "@chinese-clip/pipeline/node";
import { compactIndex } from "./compact-index.js";
import { bytesOf, closeFiles, readHead, sweep, writeAll } from "./index-files.js";
import { formatDelete, formatPut, type LogRecord, sumsOf } from "./index-log.js";
import { readIndex } from "./index-reader.js";
import { IndexState, type Precision } from "./index-state.js";
import { JsonColumn } from "./json-column.js";
import { checkModel, createIndex, type FolderStoreOptions, noIndex, openToRead, openToWrite, type OpenIndex } from "./open-index.js";

/** What was repaired when an index was opened to write. */
export interface IndexRepairs {
  /** Bytes that were cut from the end of the log: a call that never resolved, or bytes that changed on the disk. */
  readonly cutBytes: number;
  /** Ids of removed items; see {@link FolderStoreOptions.repair}. */
  readonly removed: readonly string[];
}

/**
 * Opens the index of a folder.
 *
 * @throws SearchError - `locked`: another process writes to it; `missing-file`: there is none and none is created; `fingerprint-mismatch`,
 * `dimension-mismatch`; `foreign-index`, `damaged-index`. OutputError - the folder cannot be written. TypeError - an index is to be created without `dim` or `fingerprint`.
 */
export async function openFolderStore<Meta = unknown>(folder: string, options: FolderStoreOptions = {}): Promise<FolderStore<Meta>> {
  return FolderStore.open<Meta>(folder, options);
}

/** A {@link VectorStore} in a folder; {@link openFolderStore} opens one. */
export class FolderStore<Meta = unknown> implements VectorStore<Meta> {
  /** The folder. */
  readonly folder: string;
  /** How its vectors are scanned. */
  readonly precision: Precision;
  /** Whether it is only read. */
  readonly readOnly: boolean;
  #opened: OpenIndex;
  readonly #unlock: (() => Promise<void>) | undefined;
  #repaired: IndexRepairs = { cutBytes: 0, removed: [] };
  /** Ends when the calls before have. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Whether a write failed and what it left could not be cut. */
  #isTorn = false;
  #isClosed = false;

  private constructor(
    folder: string,
    opened: OpenIndex,
    { precision = "float32" }: FolderStoreOptions,
    unlock: (() => Promise<void>) | undefined,
  ) {
    this.folder = folder;
    this.precision = precision;
    this.readOnly = unlock === undefined;
    this.#opened = opened;
    this.#unlock = unlock;
  }

  /** @internal */
  static async open<Meta>(folder: string, options: FolderStoreOptions): Promise<FolderStore<Meta>> {
    if (typeof options !== "object" || options === null)
      throw new TypeError(`openFolderStore: expected options to be an object, got ${kindOf(options)}`);
    if (options.readOnly === true) return new FolderStore<Meta>(folder, await openToRead(folder, options), options, undefined);
    const mayCreate = options.create ?? true;
    if (mayCreate) await writingTo(folder, () => mkdir(folder, { recursive: true }));
    else if (!(await isFolder(folder))) throw noIndex(folder);
    const unlock = await lockFile(join(folder, "writer.lock"));
    try {
      const head = await readHead(folder);
      if (head === undefined && !mayCreate) throw noIndex(folder);
      if (head === undefined)
        return new FolderStore<Meta>(folder, await writingTo(folder, () => createIndex(folder, options)), options, unlock);
      checkModel(head, options);
      await sweep(folder, head.generation);
      const { index, size, damaged } = await openToWrite(folder, head, options.repair === true, options.precision);
      const store = new FolderStore<Meta>(folder, index, options, unlock);
      await store.#repair(size, damaged).catch(async (error: unknown) => {
        await index.quantized?.close();
        await closeFiles(index.files);
        throw error;
      });
      return store;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** {@inheritDoc VectorStore.info} */
  get info(): StoreInfo {
    const { head, state } = this.#opened;
    return { fingerprint: head.fingerprint, dim: head.dim, count: state.count };
  }

  /** What was repaired when it was opened. */
  get repaired(): IndexRepairs {
    return this.#repaired;
  }

  /** Bytes of memory that the vectors take, with those of removed items. Ids and metadata are beside them. */
  get vectorBytes(): number {
    return this.#opened.state.matrix.byteLength;
  }

  /** Rows of items that were removed or replaced: what {@link FolderStore.compact} frees. */
  get deadRows(): number {
    const { position, state } = this.#opened;
    return position.rows - state.count;
  }

  /** {@inheritDoc VectorStore.upsert} */
  async upsert(items: readonly StoreItem<Meta>[], { fingerprint }: { readonly fingerprint?: string | undefined } = {}): Promise<void> {
    this.#checkWritable();
    checkFingerprint(this.info, fingerprint);
    const { dim } = this.info;
    checkItems(items, dim);
    if (items.length === 0) return;
    const vectors = new Float32Array(items.length * dim);
    for (const [i, { embedding }] of items.entries()) vectors.set(embedding, i * dim);
    const ids = items.map(({ id }) => id);
    const texts = items.map(({ meta }) => JSON.stringify(meta) ?? "null");
    const [count, sums] = [ids.length, sumsOf(vectors, dim)];
    const columns = { ids: JsonColumn.of(ids), metas: JsonColumn.metadata(Buffer.from(`[${texts.join(",")}]`), count) };
    await this.#inTurn(() => {
      const { position, state } = this.#opened;
      const record = { row: position.rows, count, sums, vacates: state.vacatedBy(ids), ...columns };
      return this.#append(record, formatPut(record, texts, position.lines + 1), vectors);
    });
  }

  /** {@inheritDoc VectorStore.delete} */
  async delete(ids: readonly string[]): Promise<number> {
    this.#checkWritable();
    checkIds("delete", ids);
    const asked = [...new Set(ids)];
    return this.#inTurn(async () => {
      const found = asked.filter((id) => this.#opened.state.rowOf.has(id));
      if (found.length > 0) await this.#appendDelete(found);
      return found.length;
    });
  }

  /** {@inheritDoc VectorStore.get} */
  async get(ids: readonly string[]): Promise<(StoreItem<Meta> | undefined)[]> {
    this.#checkOpen();
    checkIds("get", ids);
    return ids.map((id) => this.#itemOf(id));
  }

  /** {@inheritDoc VectorStore.scan} */
  async *scan(filter?: Filter): AsyncGenerator<StoreItem<Meta>, void, undefined> {
    this.#checkOpen();
    const checked = filter === undefined ? undefined : parseFilter(filter);
    for (const id of this.#opened.state.rowOf.keys()) {
      const item = this.#itemOf(id, checked);
      if (item === undefined) continue;
      yield item;
      this.#checkOpen();
    }
  }

  /** {@inheritDoc VectorStore.list} */
  async *list(filter?: Filter): AsyncGenerator<Omit<StoreItem<Meta>, "embedding">, void, undefined> {
    this.#checkOpen();
    const checked = filter === undefined ? undefined : parseFilter(filter);
    for (const id of this.#opened.state.rowOf.keys()) {
      const row = this.#opened.state.rowOf.get(id);
      if (row === undefined) continue;
      const meta = this.#opened.state.metaOf(row);
      if (checked !== undefined && !matchesFilter(checked, meta)) continue;
      yield { id, meta: copyOf(meta) as Meta };
      this.#checkOpen();
    }
  }

  /** {@inheritDoc VectorStore.search} */
  async search(query: StoreQuery): Promise<StoreHit<Meta>[]> {
    this.#checkOpen();
    const limits = checkLimits(query);
    const { vector, filter, fingerprint } = query;
    const { dim } = this.info;
    checkFingerprint(this.info, fingerprint);
    checkVector(vector, dim);
    const checked = filter === undefined ? undefined : parseFilter(filter);
    const { state } = this.#opened;
    const accepts = (row: number): boolean => state.isLive(row) && (checked === undefined || matchesFilter(checked, state.metaOf(row)));
    return cutRelative(state.matrix.search(vector, { ...limits, accepts }), limits.relativeScore).map(({ row, score }) => {
      return { id: state.idOf(row), score, meta: copyOf(state.metaOf(row)) as Meta };
    });
  }

  /**
   * Sees what the process that writes has written. The writer itself has nothing to read.
   *
   * @throws SearchError - `damaged-index`; the store then is as it was before.
   */
  async refresh(): Promise<void> {
    this.#checkOpen();
    if (!this.readOnly) return;
    await this.#inTurn(async () => {
      const { head, files, state, position } = this.#opened;
      const current = await readHead(this.folder);
      if (current?.generation === head.generation) {
        const read = await readIndex(this.folder, head, files, state, position, false).catch(() => undefined);
        if (read !== undefined && read.size >= position.offset) {
          this.#opened.position = read.end;
          return;
        }
      }
      // Another generation; or the writer cut a line that was read before its sync failed. What is damaged is damaged in the second reading too.
      this.#opened = await openToRead(this.folder, { dim: head.dim, fingerprint: head.fingerprint, precision: this.precision });
      await closeFiles(files);
    });
  }

  /** {@inheritDoc VectorStore.compact} */
  async compact(): Promise<void> {
    this.#checkWritable();
    await this.#inTurn(async () => {
      const { files: old, quantized: oldQuantized } = this.#opened;
      this.#opened = await writingTo(this.folder, () => compactIndex(this.folder, this.#opened));
      this.#isTorn = false;
      await oldQuantized?.close();
      await closeFiles(old);
      await sweep(this.folder, this.#opened.head.generation);
    });
  }

  /** Waits for the calls before, then closes the files and lets the next writer in; idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#turn;
    await this.#opened.quantized?.close();
    await closeFiles(this.#opened.files);
    await this.#unlock?.();
    this.#opened = { ...this.#opened, state: new IndexState(this.info.dim, "float32") };
  }

  /** {@link FolderStore.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #appendDelete(ids: readonly string[]): Promise<void> {
    const record = { delete: ids, vacates: this.#opened.state.vacatedBy(ids) };
    await this.#append(record, formatDelete(record, this.#opened.position.lines + 1));
  }

  /** Writes a line, after the vectors that it states. */
  async #append(record: LogRecord, text: string, vectors?: Float32Array): Promise<void> {
    const { files, state, position, head } = this.#opened;
    if (this.#isTorn) await this.#cut();
    const line = Buffer.from(text);
    try {
      if (vectors !== undefined) {
        state.matrix.append(vectors); // first, since memory may run out; unused before the log states it
        await writeAll(files.vectors, bytesOf(vectors), NPY_HEAD + 4 * head.dim * position.rows);
        await files.vectors.datasync();
      }
      await writeAll(files.log, line, position.offset);
      await files.log.datasync();
    } catch (error) {
      state.matrix.truncate(position.rows);
      this.#isTorn = true;
      await this.#cut().catch(() => undefined);
      return await writingTo(this.folder, () => Promise.reject(error as Error));
    }
    state.apply([record]);
    this.#opened.position = {
      offset: position.offset + line.length,
      lines: position.lines + 1,
      rows: position.rows + ("ids" in record ? record.count : 0),
    };
    await this.#opened.quantized?.advance(state);
  }

  /** Cuts what is after the last whole line, and after the vectors that the log states. */
  async #cut(): Promise<void> {
    const { files, position, head } = this.#opened;
    for (const [handle, end] of [
      [files.log, position.offset],
      [files.vectors, NPY_HEAD + 4 * head.dim * position.rows],
    ] as const) {
      if ((await handle.stat()).size === end) continue;
      await handle.truncate(end);
      await handle.datasync();
    }
    this.#isTorn = false;
  }

  async #repair(size: number, damaged: readonly string[]): Promise<void> {
    const cutBytes = size - this.#opened.position.offset;
    await this.#cut();
    if (damaged.length > 0) await this.#appendDelete(damaged);
    this.#repaired = { cutBytes, removed: damaged };
  }

  /** Runs one call after the other. */
  #inTurn<Result>(call: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(call);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #itemOf(id: string, filter?: Filter): StoreItem<Meta> | undefined {
    const { state } = this.#opened;
    const row = state.rowOf.get(id);
    const meta = row === undefined ? undefined : state.metaOf(row);
    if (row === undefined || (filter !== undefined && !matchesFilter(filter, meta))) return undefined;
    return { id, embedding: state.matrix.row(row).slice(), meta: copyOf(meta) as Meta };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SearchError("closed", "the store is closed");
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (this.readOnly) throw new SearchError("read-only", "the index was opened to read", { file: this.folder });
  }
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      if (isAbsent(error)) return false;
      throw error;
    },
  );
}

/** A copy of a JSON value; an object of plain values is copied in a tenth of the time that a structured clone takes. */
function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const isFlat = !Array.isArray(value) && Object.values(value).every((one) => typeof one !== "object" || one === null);
  return isFlat && !Object.hasOwn(value, "__proto__") ? { ...value } : structuredClone(value);
}
