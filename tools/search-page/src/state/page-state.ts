/**
 * All that the page shows, but for what its slots show.
 */
import type { BackendInfo, DuplicateGroup, ImageDetails, ImageItem } from "../backend.js";
import type { Language } from "../words/language.js";
import type { Address } from "./address.js";
import type { ConnectionState } from "./connection.js";
import type { ResultList } from "./result-list.js";

/** How the search went that the page is about. */
export type SearchState =
  | { readonly status: "waiting"; readonly since: number }
  | { readonly status: "done"; readonly ms: number; readonly truncated: boolean }
  | { readonly status: "failed"; readonly error: unknown };

/** The image whose details are open. */
export interface OpenImage {
  readonly item: ImageItem;
  /** Its place in the result; undefined where it is in none. */
  readonly place: number | undefined;
  /** Undefined until they are there. */
  readonly details: ImageDetails | undefined;
  readonly error: unknown;
}

/** The groups of duplicates that are there. */
export interface DuplicateState {
  readonly status: "waiting" | "done" | "failed";
  readonly total: number;
  readonly groups: readonly DuplicateGroup[];
  readonly error: unknown;
}

/** The state. */
export interface PageState {
  readonly language: Language;
  /** Undefined until the backend has told. */
  readonly info: BackendInfo | undefined;
  readonly address: Address;
  /** Whether the conditions are shown. */
  readonly showsFilters: boolean;
  readonly search: SearchState;
  /** The last result that came; it stays until there is another one. */
  readonly results: ResultList | undefined;
  /** Counts the changes of {@link results}. */
  readonly revision: number;
  /** An address of the image that is searched for, and was picked. */
  readonly queryImageUrl: string | undefined;
  readonly open: OpenImage | undefined;
  readonly duplicates: DuplicateState;
  readonly connection: ConnectionState;
  /** Whether the backend asks for a key. */
  readonly needsKey: boolean;
}
