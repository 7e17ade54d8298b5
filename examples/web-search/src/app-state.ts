/**
 * All that the page shows.
 */
import type { BackendReport } from "@chinese-clip/web";
import type { Download } from "./load-progress.js";
import type { Picture } from "./picture-library.js";
import type { ModelChoice } from "./model-choice.js";
import type { Candidate, Match } from "./ranking.js";
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
export type Problem = { readonly kind: "no-picture" } | { readonly kind: "error"; readonly error: unknown };

/** What is searched for. */
export type Query =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly text: string; readonly truncated: boolean }
  | { readonly kind: "picture"; readonly name: string; readonly thumbnailUrl: string };

/** Pictures on their way into the index. */
export interface Indexing {
  readonly done: number;
  readonly total: number;
}

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
  /** The index of the model, in the order in which pictures were added. */
  readonly pictures: readonly Picture[];
  readonly indexing: Indexing | undefined;
  /** Milliseconds for each picture, of the last ones that were indexed. */
  readonly pictureMs: number | undefined;
  /** Names of files that no picture could be read from. */
  readonly unreadable: readonly string[];
  /** Names of files that were added and are of no format that browsers read. */
  readonly skipped: readonly string[];
  readonly query: Query;
  /** Pictures to show, best first; without a query, newest first. */
  readonly matches: readonly Match[];
  /** From the sentence to the order of the pictures. */
  readonly searchMs: number | undefined;
  /** How many matches are shown at most. */
  readonly shown: number;
  /** The picture that is looked at. */
  readonly selected: Picture | undefined;
  readonly candidates: readonly Candidate[];
  /** Cosine between the selected picture and each candidate, by key. */
  readonly similarities: ReadonlyMap<number, number>;
  /** exp of the trained temperature: what cosines are multiplied by before the softmax. */
  readonly logitScale: number;
  readonly isDragging: boolean;
  readonly problem: Problem | undefined;
}
