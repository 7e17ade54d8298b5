/**
 * What the page has beside the search: the model, the images on their way into the index, labels.
 */
import type { BackendReport } from "@chinese-clip/web";
import type { Download } from "./load-progress.js";
import type { LibraryImage } from "./image-library.js";
import type { ModelChoice } from "./model-choice.js";
import type { Candidate } from "./label-odds.js";
import type { Settings } from "./settings.js";

/** The model that is in use; while there is none, how its load went. */
export type ModelStatus =
  | { readonly status: "loading"; readonly download: Download | undefined }
  | { readonly status: "ready"; readonly loadMs: number }
  | { readonly status: "failed"; readonly error: unknown };

/** A load of another model while one is in use, which stays when the load fails. */
export type ModelChange =
  | { readonly status: "loading"; readonly choice: ModelChoice; readonly download: Download | undefined }
  | { readonly status: "failed"; readonly choice: ModelChoice; readonly error: unknown };

/** What went wrong, to be told in the page's language. */
export type Problem = { readonly kind: "no-image" } | { readonly kind: "error"; readonly error: unknown };

/** Images on their way into the index. */
export interface Indexing {
  readonly done: number;
  readonly total: number;
}

/** A file that no image could be read from. */
export interface UnreadableFile {
  readonly name: string;
  readonly reason: UnreadableReason;
}

/** Why: a code of `ImageError`; `gone`: the file itself cannot be read. */
export type UnreadableReason = "gone" | "too-large" | "truncated" | "unknown-format" | "out-of-resources" | "unreadable";

/** The state. */
export interface AppState {
  readonly settings: Settings;
  readonly choice: ModelChoice;
  readonly model: ModelStatus;
  readonly change: ModelChange | undefined;
  /** The image tower's download, which goes on while texts can be embedded. */
  readonly imageDownload: Download | undefined;
  /** By tower. */
  readonly backends: { readonly text?: BackendReport; readonly image?: BackendReport };
  /** The index of the model, in the order in which images were added. */
  readonly images: readonly LibraryImage[];
  readonly indexing: Indexing | undefined;
  /** Milliseconds for each image, of the last ones that were indexed. */
  readonly imageMs: number | undefined;
  /** Files that no image could be read from. */
  readonly unreadable: readonly UnreadableFile[];
  /** Names of files that were added and are of no format that browsers read. */
  readonly skipped: readonly string[];
  readonly candidates: readonly Candidate[];
  /** Cosine between the open image and each candidate, by key. */
  readonly similarities: ReadonlyMap<number, number>;
  /** exp of the trained temperature: what cosines are multiplied by before the softmax. */
  readonly logitScale: number;
  readonly isDragging: boolean;
  readonly problem: Problem | undefined;
}
