/** What embeds a folder's images for {@link syncFolder}, and what it tells. */
import type { PreviewOptions } from "@chinese-clip/pipeline";
import type { ImageResult } from "../output/embedder.js";

/** What embeds a folder's images; an `Embedder` of `@chinese-clip/pipeline`, such as `ChineseCLIP`, is one. */
export interface SyncEmbedder {
  /** Which weights the embeddings are of. */
  readonly fingerprint: string;
  /** Embeds encoded images, in their order. What it gives of `preview` goes into the metadata; it may ignore it. */
  embedImages(
    images: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal | undefined; readonly preview?: PreviewOptions | undefined },
  ): AsyncIterable<ImageResult<Uint8Array>>;
}

/** What became of one image. */
export interface SyncEvent {
  /**
   * `added`, `changed`: its content is new; `moved`: it has the content of a file that is gone; `touched`: only its time of change is another;
   * `removed`: it is gone; `failed`: it cannot be read, and is not in the store; where it is the system that cannot read it, what was in the store stays.
   */
  readonly type: "added" | "changed" | "moved" | "touched" | "removed" | "failed";
  /** Its item's id. */
  readonly id: string;
  /** Its path below the folder. */
  readonly path: string;
  /** Why it cannot be read. */
  readonly error?: unknown;
  /** Files of this run that are done. */
  readonly done: number;
  /** Files of this run: all but the unchanged ones. */
  readonly total: number;
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
  /** Folders that could not be read, or have no images; their images stay in the store. */
  readonly unreadableFolders: readonly string[];
  /**
   * Folders that are empty, or have none of 100 or more images of the store, and links that lead nowhere: a drive may not be mounted. The images stay,
   * unless `prune` is set.
   */
  readonly vacantFolders: readonly string[];
}
