/**
 * Makes a vector store hold a folder's images: added and changed ones are embedded, moved ones are found by their content, deleted ones are removed.
 * No content is embedded twice. A file whose size and time of change are those that the store has is not read. What is done is in the store, so a
 * run that is killed is resumed by the next.
 */
import { checkFingerprint, type StoreItem, type VectorStore } from "@chinese-clip/search";
import { imageSize } from "../images/image-size.js";
import type { ImageResult } from "../output/embedder.js";
import { errorCode, FailedFiles } from "./failed-files.js";
import { type FolderFile, hashedContent, type ImageMeta } from "./folder-file.js";
import { planSync, type SyncPlan } from "./plan-sync.js";

/** Items that are written together. */
const ITEMS_PER_WRITE = 64;

/** What embeds a folder's images; an `Embedder` of `@chinese-clip/pipeline`, such as `ChineseCLIP`, is one. */
export interface SyncEmbedder {
  /** Which weights the embeddings are of. */
  readonly fingerprint: string;
  /** Embeds encoded images, in their order. */
  embedImages(
    images: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<ImageResult<Uint8Array>>;
}

/** What became of one image. */
export interface SyncEvent {
  /**
   * `added`, `changed`: its content is new; `moved`: it has the content of a file that is gone; `touched`: only its time of change is another;
   * `removed`: it is gone; `failed`: it cannot be read, and is not in the store.
   */
  readonly type: "added" | "changed" | "moved" | "touched" | "removed" | "failed";
  /** Its path below the folder. */
  readonly path: string;
  /** Why it cannot be read. */
  readonly error?: unknown;
  /** Files of this run that are done. */
  readonly done: number;
  /** Files of this run: all but the unchanged ones. */
  readonly total: number;
}

/** Options of {@link syncFolder}. */
export interface SyncOptions {
  /** Put before each path to make an item's id, for stores of several folders; items with other ids are left alone. Default none. */
  readonly prefix?: string | undefined;
  /** A file where images that cannot be read are remembered, so that they are not tried again before they change. Default: they are tried again. */
  readonly failures?: string | undefined;
  /** More metadata of an image, such as when it was taken; a JSON object. */
  readonly describe?:
    | ((bytes: Uint8Array, path: string) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>)
    | undefined;
  /** Told of each image that is not unchanged. */
  readonly onEvent?: ((event: SyncEvent) => void) | undefined;
  /** Ends the run; what is done stays. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run did. */
export interface SyncSummary {
  /** Images of each kind; see {@link SyncEvent}. */
  readonly counts: Readonly<Record<SyncEvent["type"] | "unchanged", number>>;
  /** Contents that went through the model. */
  readonly embedded: number;
  /** Images that cannot be read, of earlier runs too: error code to number. */
  readonly failures: Readonly<Record<string, number>>;
  /** Files that are no images, by extension. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Folders that could not be read; their images stay in the store. */
  readonly unreadableFolders: readonly string[];
}

/**
 * Brings a store up to date with a folder.
 *
 * @throws DatasetError - `no-such-folder` and its like, `no-images` (a drive that is not mounted does not empty the store); SearchError -
 * `fingerprint-mismatch`; the signal's reason; what the model or the store throws.
 */
export async function syncFolder(
  store: VectorStore<ImageMeta>,
  embedder: SyncEmbedder,
  folder: string,
  options: SyncOptions = {},
): Promise<SyncSummary> {
  checkFingerprint(store.info, embedder.fingerprint);
  const failed = await FailedFiles.read(options.failures);
  const plan = await planSync(store, folder, options.prefix ?? "", failed, options.signal);
  return new FolderSync(store, embedder, plan, failed, options).run();
}

/** One run. */
class FolderSync {
  readonly #store: VectorStore<ImageMeta>;
  readonly #embedder: SyncEmbedder;
  readonly #plan: SyncPlan;
  readonly #failed: FailedFiles;
  readonly #options: SyncOptions;
  readonly #counts = { added: 0, changed: 0, moved: 0, touched: 0, removed: 0, failed: 0, unchanged: 0 };
  /** Items that are to be written. */
  #batch: StoreItem<ImageMeta>[] = [];
  /** Embeddings by content: of items that are to be written, and of those that were replaced. */
  readonly #embeddings: Map<string, StoreItem<ImageMeta>> = new Map();
  /** Files by content, where that is in the model. */
  readonly #inModel: Map<string, FolderFile[]> = new Map();
  /** Items whose files were moved. */
  readonly #sources: Set<string> = new Set();
  #embedded = 0;
  #done = 0;

  constructor(store: VectorStore<ImageMeta>, embedder: SyncEmbedder, plan: SyncPlan, failed: FailedFiles, options: SyncOptions) {
    [this.#store, this.#embedder, this.#plan, this.#failed, this.#options] = [store, embedder, plan, failed, options];
  }

  async run(): Promise<SyncSummary> {
    const { signal } = this.#options;
    const plan = this.#plan;
    const contentOf = new Map<
      Uint8Array,
      { readonly file: FolderFile; readonly sha256: string; readonly extra: Readonly<Record<string, unknown>> }
    >();
    const counts = this.#counts;
    counts.unchanged = plan.unchanged;
    const newContents = async function* (this: FolderSync): AsyncGenerator<Uint8Array, void, undefined> {
      for (const file of plan.pending) {
        signal?.throwIfAborted();
        try {
          const { bytes, sha256 } = await hashedContent(file);
          if (await this.#isKnown(file, sha256)) continue;
          const extra = { ...imageSize(bytes), ...(await this.#options.describe?.(bytes, file.path)) };
          this.#inModel.set(sha256, [file]);
          contentOf.set(bytes, { file, sha256, extra });
          yield bytes;
        } catch (error) {
          signal?.throwIfAborted();
          await this.#fail(file, error);
        }
      }
    };
    for await (const result of this.#embedder.embedImages(newContents.call(this), { signal })) {
      const content = contentOf.get(result.input);
      if (content === undefined) throw new TypeError("syncFolder: expected embedImages to give each result its input");
      contentOf.delete(result.input);
      const { sha256, extra } = content;
      const files = this.#inModel.get(sha256) ?? [];
      this.#inModel.delete(sha256);
      this.#embedded++;
      for (const file of files) {
        if ("error" in result) await this.#fail(file, result.error);
        else await this.#put(file, { ...extra, sha256 }, result.embedding);
      }
    }
    await this.#flush();
    await this.#remove(plan.gone);
    await this.#failed.write();
    return {
      counts,
      embedded: this.#embedded,
      failures: this.#failed.byReason(),
      skipped: plan.skipped.byType,
      unreadableFolders: plan.skipped.folders.map((one) => one.folder),
    };
  }

  /** Whether a file's content is in the store, or on its way there; the file then needs no model. */
  async #isKnown(file: FolderFile, sha256: string): Promise<boolean> {
    const waiting = this.#inModel.get(sha256);
    if (waiting !== undefined) {
      waiting.push(file);
      return true;
    }
    const found = this.#embeddings.get(sha256) ?? (await this.#stored(this.#plan.idOf.get(sha256), sha256));
    if (found === undefined) return false;
    await this.#put(file, found.meta, found.embedding);
    return true;
  }

  /** An item, if it still has this content. */
  async #stored(id: string | undefined, sha256: string): Promise<StoreItem<ImageMeta> | undefined> {
    const [item] = id === undefined ? [] : await this.#store.get([id]);
    return item?.meta.sha256 === sha256 ? item : undefined;
  }

  async #put(
    file: FolderFile,
    meta: Readonly<Record<string, unknown>> & { readonly sha256: string },
    embedding: Float32Array,
  ): Promise<void> {
    const { id, path, size, mtime, known } = file;
    const item = { id, embedding, meta: { ...meta, path, size, mtime } };
    this.#embeddings.set(meta.sha256, item); // before anything is waited for: the next file may have the same content
    // The content that this item replaces may be that of a file that is still to come, as where names are exchanged.
    const before = known === undefined || known.sha256 === meta.sha256 ? undefined : await this.#stored(id, known.sha256);
    if (before !== undefined) this.#embeddings.set(before.meta.sha256, before);
    this.#batch.push(item);
    this.#failed.delete(path);
    this.#tell(this.#typeOf(file, meta.sha256), path);
    if (this.#batch.length >= ITEMS_PER_WRITE) await this.#flush();
  }

  #typeOf({ known }: FolderFile, sha256: string): SyncEvent["type"] {
    if (known !== undefined) return known.sha256 === sha256 ? "touched" : "changed";
    const source = this.#plan.goneOf.get(sha256)?.pop();
    if (source === undefined) return "added";
    this.#sources.add(source);
    return "moved";
  }

  async #flush(): Promise<void> {
    const items = this.#batch;
    this.#batch = [];
    if (items.length > 0) await this.#store.upsert(items, { fingerprint: this.#embedder.fingerprint });
    for (const { id, meta } of items) {
      if (this.#embeddings.get(meta.sha256)?.id === id) this.#embeddings.delete(meta.sha256);
      this.#plan.idOf.set(meta.sha256, id);
    }
  }

  async #fail(file: FolderFile, error: unknown): Promise<void> {
    if (error instanceof Error && error.name === "WorkerError") throw error;
    if (errorCode(error) === "ENOENT") {
      if (file.known !== undefined) await this.#remove([file.id]); // deleted since it was listed
      return;
    }
    this.#failed.add(file, error);
    if (file.known !== undefined) await this.#store.delete([file.id]);
    this.#tell("failed", file.path, error);
  }

  async #remove(ids: ReadonlySet<string> | readonly string[]): Promise<void> {
    const all = [...ids];
    if (all.length > 0) await this.#store.delete(all);
    for (const id of all) {
      // A moved image was told of under its new path.
      if (!this.#sources.has(id)) this.#tell("removed", id.slice((this.#options.prefix ?? "").length));
    }
  }

  #tell(type: SyncEvent["type"], path: string, error?: unknown): void {
    this.#counts[type]++;
    if (type !== "removed") this.#done++;
    const progress = { type, path, done: this.#done, total: this.#plan.pending.length };
    this.#options.onEvent?.(error === undefined ? progress : { ...progress, error });
  }
}
