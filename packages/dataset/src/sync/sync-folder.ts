/**
 * Makes a vector store hold a folder's images: added and changed ones are embedded, moved ones are found by their content, deleted ones are removed.
 * No content is embedded twice. A file whose size and time of change are those that the store has is not read. What is done is in the store, so a
 * run that is killed is resumed by the next.
 */
import { checkFingerprint, type VectorStore } from "@chinese-clip/search";
import { FailedFiles } from "./failed-files.js";
import type { ImageMeta } from "./folder-file.js";
import { FolderSync, type FolderSyncOptions } from "./folder-sync.js";
import { planSync, type SyncRoot } from "./plan-sync.js";
import type { SyncEmbedder, SyncEvent, SyncSummary } from "./sync-types.js";

/** What becomes of thumbnails. */
export interface ThumbnailOptions {
  /** Pixels of the longer side, at most. */
  readonly size: number;
  /** Stores one. */
  readonly put: (sha256: string, webp: Uint8Array) => Promise<void>;
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
  /** Gets a WebP thumbnail of each content that is embedded, before its item is written, where the embedder makes them. */
  readonly thumbnail?: ThumbnailOptions | undefined;
  /**
   * Whether images are also removed whose folders are empty, or links that lead nowhere, rather than gone: there a drive may have been mounted. The same
   * holds for the folder itself where it has none of 100 or more images of the store, and others. Default false: such images stay, unless they were
   * moved, and the folders are in {@link SyncSummary.vacantFolders}.
   */
  readonly prune?: boolean | undefined;
  /** Folders that are left out, whatever link leads to them. */
  readonly exclude?: readonly string[] | undefined;
  /** Told of each image that is not unchanged. */
  readonly onEvent?: ((event: SyncEvent) => void) | undefined;
  /** Ends the run; what is done stays. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings a store up to date with a folder.
 *
 * @throws DatasetError - `no-such-folder` and its like, `no-images` (a drive that is not mounted does not empty the store); SearchError -
 * `fingerprint-mismatch`; TypeError - no store, no embedder or no path; the signal's reason; what the model or the store throws.
 */
export async function syncFolder(
  store: VectorStore<ImageMeta>,
  embedder: SyncEmbedder,
  folder: string,
  options: SyncOptions = {},
): Promise<SyncSummary> {
  checkArguments(store, embedder, folder);
  return syncFolders(
    store,
    embedder,
    [{ folder, prefix: options.prefix ?? "", isOptional: false, exclude: options.exclude ?? [] }],
    options,
  );
}

/**
 * Brings a store up to date with several folders, of which no two have the same prefix. An image that was moved from one to another is not embedded
 * again. Errors as {@link syncFolder}'s; a folder that is optional throws none unless all do.
 */
export async function syncFolders(
  store: VectorStore<ImageMeta>,
  embedder: SyncEmbedder,
  roots: readonly SyncRoot[],
  options: FolderSyncOptions & {
    readonly failures?: string | undefined;
    /** Called once the folders have been read, before anything is written. */
    readonly onPlan?: (() => Promise<void>) | undefined;
  } = {},
): Promise<SyncSummary> {
  checkFingerprint(store.info, embedder.fingerprint);
  const failed = await FailedFiles.read(options.failures);
  const plan = await planSync(store, roots, failed, options);
  await options.onPlan?.();
  return new FolderSync(store, embedder, plan, failed, options).run();
}

/** Checks what calls without types give. */
function checkArguments(store: unknown, embedder: unknown, folder: unknown): void {
  const has = (value: unknown, method: string): boolean =>
    typeof value === "object" && value !== null && typeof (value as Readonly<Record<string, unknown>>)[method] === "function";
  if (!has(store, "upsert")) throw new TypeError("syncFolder: expected a store to have upsert, as a VectorStore has");
  if (!has(embedder, "embedImages")) throw new TypeError("syncFolder: expected an embedder to have embedImages, as a ChineseCLIP has");
  if (typeof folder !== "string") throw new TypeError(`syncFolder: expected the folder's path, got ${typeof folder}`);
}
