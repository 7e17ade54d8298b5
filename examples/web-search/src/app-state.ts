/**
 * All that the page shows.
 */
import type { BackendReport } from "@chinese-clip/web";
import type { Picture } from "./picture-library.js";
import type { ModelChoice } from "./model-choice.js";
import type { Candidate, Match } from "./ranking.js";
import type { Settings } from "./settings.js";

/** How far the model is. */
export type ModelStatus =
  /** `progress` in [0, 1], undefined while nothing is fetched. */
  | { readonly status: "loading"; readonly progress: number | undefined }
  | { readonly status: "ready"; readonly loadMs: number }
  | { readonly status: "failed"; readonly message: string };

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
  /** By tower. */
  readonly backends: { readonly text?: BackendReport; readonly image?: BackendReport };
  /** The index of the model, in the order in which pictures were added. */
  readonly pictures: readonly Picture[];
  readonly indexing: Indexing | undefined;
  /** Milliseconds for each picture, of the last ones that were indexed. */
  readonly pictureMs: number | undefined;
  /** Names of files that no picture could be read from. */
  readonly unreadable: readonly string[];
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
  /** What went wrong last, to be told. */
  readonly problem: string | undefined;
}
