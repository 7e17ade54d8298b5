/** Options of an image index. */
import type { SyncEvent, SyncSummary } from "../sync/sync-types.js";
import type { ImageIndexSettings } from "./index-record.js";

/** Options of `openImageIndex`. */
export interface ImageIndexOptions {
  /** The model, or its name and size. Needed to make an index; where there is one, checked. */
  readonly embedder?: { readonly fingerprint: string; readonly dim: number } | undefined;
  /** Whether the index is only read, beside the process that writes. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Whether vectors are scanned as 8-bit integers and the best rescored in float32. The results are the same. Default `"float32"`. */
  readonly precision?: "float32" | "int8" | undefined;
  /** How images are embedded. `model` is needed to make an index; what is given is checked where there is one. Default `orientation: true`. */
  readonly settings?: Partial<ImageIndexSettings> | undefined;
  /** Ends opening. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link ImageIndex.sync}. */
export interface IndexSyncOptions {
  /** Folders to bring up to date, which are added to the index's. Default: all of the index's. */
  readonly folders?: readonly string[] | undefined;
  /** Whether thumbnails are stored, where the embedder makes them. Default true. */
  readonly thumbnails?: boolean | undefined;
  /** Whether images whose folders are empty are removed; as for `SyncOptions.prune`. Default false. */
  readonly prune?: boolean | undefined;
  /** Told of each image that is not unchanged. */
  readonly onEvent?: ((event: SyncEvent) => void) | undefined;
  /** Ends the run; what is done stays. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link ImageIndex.watch}. */
export interface IndexWatchOptions extends IndexSyncOptions {
  /** Told of each run that found a change, and of the first. */
  readonly onSync?: ((summary: SyncSummary) => void) | undefined;
  /** Told of a run that failed; the next may not. Without it, watching ends with the error. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Milliseconds without a change before a run. Default 1000. */
  readonly quietMilliseconds?: number | undefined;
  /** Milliseconds after which folders are compared though nothing was told of, as on network drives. Default 10 minutes. */
  readonly rescanMilliseconds?: number | undefined;
}
