/**
 * An index of images in a folder: a vector store with the folders that it is of, how their images were embedded, and thumbnails. An item's id is the
 * absolute path of its image, with `/`.
 *
 * images.json       folders and settings
 * failures.jsonl    images that cannot be read
 * thumbnails/ab/    WebP files by the SHA-256 of their images
 * index.json, …     the vector store, of `@chinese-clip/search/node`
 */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SearchError, type StoreItem, type VectorStore } from "@chinese-clip/search";
import { type FolderStore, openFolderStore } from "@chinese-clip/search/node";
import { DatasetError, shortList, shown } from "../dataset-error.js";
import type { ImageMeta } from "../sync/folder-file.js";
import { syncFolders } from "../sync/sync-folder.js";
import type { SyncEmbedder, SyncSummary } from "../sync/sync-types.js";
import type { ImageIndexOptions, IndexSyncOptions, IndexWatchOptions } from "./image-index-options.js";
import { checkSettings, type ImageIndexSettings, type IndexRecord, readIndexRecord, recordPath, writeIndexRecord } from "./index-record.js";
import { isWithin, outermost, prefixOf, recordedName, withSeparators, withSlashes } from "./indexed-folders.js";
import { Thumbnails } from "./thumbnails.js";
import { watchFolders } from "./watch-folders.js";

/** Pixels of a thumbnail's longer side. */
const THUMBNAIL_SIZE = 256;

/**
 * Opens an image index, or makes one where `embedder` and `settings.model` are given and there is none.
 *
 * @throws DatasetError - `no-index`; `index-setting`: it was made with another model or setting; `not-an-image-index`, `foreign-output`,
 * `invalid-index-record`. SearchError - `locked`: another process writes to it; `damaged-index`, `foreign-index`. The signal's reason.
 */
export async function openImageIndex(path: string, options: ImageIndexOptions = {}): Promise<ImageIndex> {
  return ImageIndex.open(path, options);
}

/** An index of images; {@link openImageIndex} opens one. */
export class ImageIndex {
  /** Absolute path of its folder. */
  readonly path: string;
  readonly #store: FolderStore<ImageMeta>;
  readonly #thumbnails: Thumbnails;
  #record: IndexRecord;
  /** Ends when the runs before have. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, store: FolderStore<ImageMeta>, record: IndexRecord) {
    [this.path, this.#store, this.#record, this.#thumbnails] = [path, store, record, new Thumbnails(path)];
  }

  /**
   * As {@link openImageIndex}.
   *
   * @internal
   */
  static async open(folder: string, options: ImageIndexOptions): Promise<ImageIndex> {
    if (typeof options !== "object" || options === null)
      throw new TypeError(`openImageIndex: expected options to be an object, got ${options === null ? "null" : typeof options}`);
    const { embedder, readOnly = false, precision, settings = {}, signal } = options;
    signal?.throwIfAborted();
    const path = resolve(folder);
    const before = await readIndexRecord(path);
    const isThere = await isFile(join(path, "index.json"));
    const { model } = settings;
    const mayCreate = !readOnly && embedder !== undefined && model !== undefined;
    if ((before === undefined || !isThere) && !mayCreate) {
      if (isThere && !(await isEmptyStore(path))) throw new DatasetError("not-an-image-index", { file: path });
      if (!readOnly && embedder !== undefined)
        throw new TypeError("openImageIndex: expected settings.model, which a new index needs, got undefined");
      throw new DatasetError("no-index", { file: path });
    }
    const store = await openStore(path, before, { embedder, readOnly, precision, settings });
    try {
      signal?.throwIfAborted();
      // Read again: a process whose lock was waited for, or that a reader is beside, may have written it since.
      let record = await readIndexRecord(path);
      if (record === undefined) {
        if (model === undefined || store.info.count > 0) throw new DatasetError("not-an-image-index", { file: path });
        record = { settings: { orientation: true, ...settings, model }, folders: [] };
        await writeIndexRecord(path, record);
      }
      checkSettings(recordPath(path), record.settings, settings, embedder !== undefined);
      return new ImageIndex(path, store, record);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** The embeddings and metadata, for searches. */
  get store(): VectorStore<ImageMeta> {
    return this.#store;
  }

  /** Absolute paths of the folders whose images it has, as the system writes them. */
  get folders(): readonly string[] {
    return this.#record.folders.map(withSeparators);
  }

  /** How its images were embedded: what a later run has to load. */
  get settings(): ImageIndexSettings {
    return this.#record.settings;
  }

  /**
   * Brings the index up to date with folders: new and changed images are embedded, moved ones are found by their content, and those that are gone
   * are removed. A folder of the index that is not there or has no image, such as a drive that is not mounted, leaves its items as they are and is in
   * `unreadableFolders`; an empty folder within one leaves them too, and is in `vacantFolders`, unless `prune` is set. A folder in one of the index's is
   * part of it; one that has some of them takes their place.
   *
   * @throws DatasetError - a folder in `options.folders` that is not there or has no image, `folder-in-index`; no folder could be read.
   * SearchError - `fingerprint-mismatch`, `read-only`; the signal's reason; what the model or the store throws.
   */
  async sync(embedder: SyncEmbedder, options: IndexSyncOptions = {}): Promise<SyncSummary> {
    return this.#inTurn(() => this.#sync(embedder, options));
  }

  /**
   * Brings the index up to date, then again after each change in its folders, until `options.signal` is aborted; it then resolves. Errors of the first
   * run, and without `onError` of all, are thrown.
   */
  async watch(embedder: SyncEmbedder, options: IndexWatchOptions = {}): Promise<void> {
    let chosen: readonly string[] | undefined;
    const named = options.folders === undefined ? undefined : await this.#checked(options.folders);
    await watchFolders(
      // A folder that is being added is watched before it is compared.
      () => outermost([...(named ?? []), ...this.#record.folders]).map(withSeparators),
      [this.path],
      async () => {
        const summary = await this.#inTurn(() => this.#sync(embedder, options, chosen));
        chosen = named ?? this.#record.folders;
        return summary;
      },
      options,
    );
  }

  /**
   * Removes a folder and its items from the index; the images stay.
   *
   * @returns how many items were removed.
   * @throws DatasetError - `not-indexed`.
   */
  async remove(folder: string): Promise<number> {
    return this.#inTurn(async () => {
      await this.#readRecord();
      const { folders, settings } = this.#record;
      const names = [withSlashes(folder), await recordedName(folder).catch(() => undefined)];
      const name = names.find((one) => one !== undefined && folders.includes(one));
      if (name === undefined) throw new DatasetError("not-indexed", { file: folder, folders: shortList(this.folders) });
      const ids: string[] = [];
      for await (const { id } of this.#store.list()) if (id.startsWith(prefixOf(name))) ids.push(id);
      const removed = await this.#store.delete(ids);
      await this.#write({ settings, folders: folders.filter((one) => one !== name) });
      return removed;
    });
  }

  /** The file of an image, as the system writes it. The name of one that is not UTF-8 cannot be written, and has `\xNN` in it. */
  fileOf(item: string | Pick<StoreItem<ImageMeta>, "id">): string {
    return withSeparators(typeof item === "string" ? item : item.id);
  }

  /** The thumbnail of an image: a WebP file of at most 256 pixels a side, turned as it is to be seen; undefined where there is none. */
  async thumbnail({ sha256 }: Pick<ImageMeta, "sha256">): Promise<Uint8Array | undefined> {
    return this.#thumbnails.get(sha256);
  }

  /** Sees what the process that writes has written. */
  async refresh(): Promise<void> {
    await this.#store.refresh();
    await this.#readRecord();
  }

  /** Frees the space of items and thumbnails that were removed. */
  async compact(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#store.compact();
      const contents = new Set<string>();
      for await (const { meta } of this.#store.list()) contents.add(meta.sha256);
      await this.#thumbnails.retain(contents);
    });
  }

  /** Waits for the runs before, then closes the files and lets the next writer in; idempotent. */
  async close(): Promise<void> {
    await this.#turn;
    await this.#store.close();
  }

  /** Closes it; see {@link ImageIndex.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @param chosen - the folders of a later run of a watch, any of which may be gone for a while. */
  async #sync(embedder: SyncEmbedder, options: IndexSyncOptions, chosen?: readonly string[]): Promise<SyncSummary> {
    const { thumbnails = true, prune, onEvent, signal } = options;
    await this.#store.upsert([], { fingerprint: embedder.fingerprint }); // rejects a store that is only read, and another model
    await this.#readRecord();
    const before = this.#record.folders;
    const named = chosen === undefined && options.folders !== undefined ? await this.#checked(options.folders) : undefined;
    const all = outermost([...before, ...(named ?? [])]);
    const wanted = named ?? chosen ?? all;
    const roots = all
      .filter((folder) => wanted.some((one) => isWithin(one, folder)))
      .map((folder) => ({
        folder: withSeparators(folder),
        prefix: prefixOf(folder),
        isOptional: named === undefined,
        exclude: [this.path, ...all.filter((other) => other !== folder).map(withSeparators)],
      }));
    if (roots.length === 0) return NOTHING;
    return syncFolders(this.#store, embedder, roots, {
      failures: join(this.path, "failures.jsonl"),
      thumbnail: thumbnails ? { size: THUMBNAIL_SIZE, put: (sha256, webp) => this.#thumbnails.put(sha256, webp) } : undefined,
      // Every folder has been read by then, and no item is written yet.
      onPlan: async () => {
        if (all.join("\n") !== before.join("\n")) await this.#write({ settings: this.settings, folders: all });
      },
      prune,
      onEvent,
      signal,
    });
  }

  /** Names of folders that a caller gave. */
  async #checked(folders: readonly string[]): Promise<string[]> {
    const index = await recordedName(this.path);
    return Promise.all(
      folders.map(async (folder) => {
        const name = await recordedName(folder);
        if (isWithin(name, index)) throw new DatasetError("folder-in-index", { file: folder, index: this.path });
        return name;
      }),
    );
  }

  async #readRecord(): Promise<void> {
    this.#record = (await readIndexRecord(this.path)) ?? this.#record;
  }

  async #write(record: IndexRecord): Promise<void> {
    await writeIndexRecord(this.path, record);
    this.#record = record;
  }

  #inTurn<Result>(call: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(call);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** Opens the store; of another model's, the error names both models. */
async function openStore(
  path: string,
  record: IndexRecord | undefined,
  { embedder, readOnly, precision, settings = {} }: ImageIndexOptions,
): Promise<FolderStore<ImageMeta>> {
  const model = embedder === undefined ? { create: false } : { dim: embedder.dim, fingerprint: embedder.fingerprint };
  try {
    return await openFolderStore<ImageMeta>(path, { ...model, readOnly, precision });
  } catch (error) {
    if (!(error instanceof SearchError && /^(?:fingerprint|dimension)-mismatch$/.test(error.code)) || record === undefined) throw error;
    checkSettings(recordPath(path), record.settings, settings, false);
    const { expected = "?", actual = "?" } = error.details;
    const [recorded, current] = [`${shown(record.settings.model)} (${expected})`, `${shown(settings.model ?? "another")} (${actual})`];
    throw new DatasetError("index-setting", { name: "model", recorded, current, file: recordPath(path) }, { cause: error });
  }
}

/** Whether a store without a record may be one whose maker was killed before it wrote the record. */
async function isEmptyStore(path: string): Promise<boolean> {
  try {
    await using store = await openFolderStore(path, { readOnly: true, create: false });
    return store.info.count === 0;
  } catch {
    return false;
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** What a run without folders does. */
const NOTHING: SyncSummary = {
  counts: { added: 0, changed: 0, moved: 0, touched: 0, removed: 0, failed: 0, unchanged: 0 },
  embedded: 0,
  failures: {},
  skipped: new Map(),
  unreadableFolders: [],
  vacantFolders: [],
};
