/** One run of `syncFolder`: what a plan has pending goes through the model, unless its content is known, and into the store. */
import { isAbsent } from "@chinese-clip/pipeline/node";
import type { StoreItem, VectorStore } from "@chinese-clip/search";
import { isRunFault } from "../dataset-error.js";
import { imageSize } from "../images/image-size.js";
import { type FailedFiles, isSystemError } from "./failed-files.js";
import { type FolderFile, hashedContent, type ImageMeta } from "./folder-file.js";
import type { SyncPlan } from "./plan-sync.js";
import type { SyncEmbedder, SyncEvent, SyncSummary } from "./sync-types.js";

/** Items that are written together. */
const ITEMS_PER_WRITE = 64;

/** Options of a run; as those of `syncFolder`. */
export interface FolderSyncOptions {
  readonly prune?: boolean | undefined;
  readonly describe?:
    | ((bytes: Uint8Array, path: string) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>)
    | undefined;
  readonly thumbnail?: { readonly size: number; readonly put: (sha256: string, webp: Uint8Array) => Promise<void> } | undefined;
  readonly onEvent?: ((event: SyncEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One run. */
export class FolderSync {
  readonly #store: VectorStore<ImageMeta>;
  readonly #embedder: SyncEmbedder;
  readonly #plan: SyncPlan;
  readonly #failed: FailedFiles;
  readonly #options: FolderSyncOptions;
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

  constructor(store: VectorStore<ImageMeta>, embedder: SyncEmbedder, plan: SyncPlan, failed: FailedFiles, options: FolderSyncOptions) {
    [this.#store, this.#embedder, this.#plan, this.#failed, this.#options] = [store, embedder, plan, failed, options];
  }

  /** Runs; once. */
  async run(): Promise<SyncSummary> {
    const { signal, thumbnail } = this.#options;
    const preview = { perceptualHash: true, exif: true, thumbnail: thumbnail?.size };
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
    for await (const result of this.#embedder.embedImages(newContents.call(this), { signal, preview })) {
      const content = contentOf.get(result.input);
      if (content === undefined) throw new TypeError("syncFolder: expected embedImages to give each result its input");
      contentOf.delete(result.input);
      const { sha256, extra } = content;
      const { thumbnail: webp, ...details } = ("preview" in result ? result.preview : undefined) ?? {};
      if (webp !== undefined) await thumbnail?.put(sha256, webp); // files of the same content may come meanwhile
      const files = this.#inModel.get(sha256) ?? [];
      this.#inModel.delete(sha256);
      this.#embedded++;
      for (const file of files) {
        if ("error" in result) await this.#fail(file, result.error);
        else await this.#put(file, { ...extra, ...details, sha256 }, result.embedding);
      }
    }
    await this.#flush();
    await this.#remove([...plan.gone]);
    const vacant = [...plan.vacant].map(([folder, items]) => ({ folder, items: [...items] }));
    await this.#remove(vacant.flatMap(({ items }) => items.filter(([id]) => this.#sources.has(id))));
    await this.#failed.write();
    return {
      counts,
      embedded: this.#embedded,
      failures: this.#failed.byReason(),
      skipped: plan.skipped.byType,
      unreadableFolders: plan.skipped.folders.map((one) => one.folder),
      vacantFolders: vacant.filter(({ items }) => items.some(([id]) => !this.#sources.has(id))).map(({ folder }) => folder),
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
    this.#failed.delete(id);
    this.#tell(this.#typeOf(file, meta.sha256), file);
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
    if (isRunFault(error)) throw error;
    if (isAbsent(error)) {
      if (file.known !== undefined) await this.#remove([[file.id, file.path]]); // deleted since it was listed
      return;
    }
    this.#failed.add(file, error);
    // What the system cannot read now, as on a drive that is being removed, says nothing about the image.
    if (file.known !== undefined && !isSystemError(error)) await this.#store.delete([file.id]);
    this.#tell("failed", file, error);
  }

  async #remove(items: readonly (readonly [id: string, path: string])[]): Promise<void> {
    if (items.length > 0) await this.#store.delete(items.map(([id]) => id));
    for (const [id, path] of items) {
      // A moved image was told of under its new path.
      if (!this.#sources.has(id)) this.#tell("removed", { id, path });
    }
  }

  #tell(type: SyncEvent["type"], { id, path }: Pick<FolderFile, "id" | "path">, error?: unknown): void {
    this.#counts[type]++;
    if (type !== "removed") this.#done++;
    const progress = { type, id, path, done: this.#done, total: this.#plan.pending.length };
    this.#options.onEvent?.(error === undefined ? progress : { ...progress, error });
  }
}
