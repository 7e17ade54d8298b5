/**
 * The seam between the page and what it searches: an index behind a server, or one in the browser itself.
 */

/** An image of a result. */
export interface ImageItem {
  readonly id: string;
  /** Name of its file. */
  readonly name: string;
  /** Cosine to the query, in [-1, 1]; undefined where nothing was searched for. */
  readonly score?: number | undefined;
}

/** What is searched for. */
export type SearchQuery =
  | { readonly kind: "all" }
  /** A sentence in the query language: `红色的汽车 - 夜晚`. */
  | { readonly kind: "text"; readonly text: string }
  /** Images like one of the index. */
  | { readonly kind: "similar"; readonly id: string; readonly name: string }
  /** Images like one that need not be in the index. */
  | { readonly kind: "image"; readonly file: Blob; readonly name: string };

/** Conditions on the images; a field that is missing accepts all. */
export interface ImageFilter {
  /** Part of the image's path, or a glob; `pathGlob` makes one of both. */
  readonly path?: string | undefined;
  /** The first and the last day on which the image was taken: `2024-05-01`. */
  readonly takenFrom?: string | undefined;
  readonly takenTo?: string | undefined;
  /** Part of the camera's name. */
  readonly camera?: string | undefined;
  /** Least pixels of the longer side. */
  readonly minSide?: number | undefined;
  /** Least bytes of the file. */
  readonly minBytes?: number | undefined;
}

/** Names of the conditions. */
export type FilterName = keyof ImageFilter;

/** A search. */
export interface SearchRequest {
  /** One of {@link BackendInfo.indexes}. */
  readonly index: string;
  readonly query: SearchQuery;
  readonly filter: ImageFilter;
  /** Images with a lower score are left out. */
  readonly minScore?: number | undefined;
}

/** A part of a result: `limit` images from `offset` on. */
export interface ResultWindow {
  readonly offset: number;
  readonly limit: number;
}

/** What was found in a window. */
export interface ResultPage {
  /** Images of the whole result. */
  readonly total: number;
  /** Those of the window, best first. */
  readonly items: readonly ImageItem[];
  /** Whether the model takes only the beginning of the sentence. */
  readonly truncated?: boolean | undefined;
}

/** What is known of one image; what is not known is missing. */
export interface ImageDetails extends ImageItem {
  readonly path?: string | undefined;
  readonly bytes?: number | undefined;
  /** As displayed. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** When it was taken, by the camera's clock: ISO 8601, with an offset where the camera wrote one. */
  readonly takenAt?: string | undefined;
  /** Milliseconds since 1970. */
  readonly modifiedAt?: number | undefined;
  readonly camera?: string | undefined;
  /** Degrees, north and east positive. */
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
}

/** By what images are duplicates: the same bytes, the same image at another size or compression, similar to the model. They are never mixed. */
export type DuplicateTier = "bytes" | "image" | "similar";

/** The tiers, the surest first. */
export const DUPLICATE_TIERS: readonly DuplicateTier[] = ["bytes", "image", "similar"];

/** Images of which one may stand for the others. */
export interface DuplicateGroup {
  /** The one to keep. */
  readonly keep: ImageDetails;
  /** By what it is better than the others. */
  readonly reason: "pixels" | "bytes" | "oldest" | "order";
  /** Each with its cosine to the one to keep. */
  readonly others: readonly ImageDetails[];
}

/** Groups of one tier. */
export interface DuplicatePage {
  /** Groups of the tier. */
  readonly total: number;
  /** Those of the window. */
  readonly groups: readonly DuplicateGroup[];
}

/** A set of images that is searched. */
export interface IndexInfo {
  readonly name: string;
  /** Number of images. */
  readonly count: number;
}

/** What a backend has and can do. */
export interface BackendInfo {
  /** At least one. */
  readonly indexes: readonly IndexInfo[];
  /** The conditions that it knows. */
  readonly filters: readonly FilterName[];
  /** Whether it finds images by an image that is not in the index. */
  readonly searchesByImage: boolean;
  /** Names to choose from. */
  readonly cameras?: readonly string[] | undefined;
  /** The tiers of duplicates that it finds. */
  readonly duplicates: readonly DuplicateTier[];
}

/** Finds images for the page. Every call may reject with a {@link BackendError}, or with an error that {@link PageOptions.explain} knows. */
export interface SearchBackend {
  info(signal: AbortSignal): Promise<BackendInfo>;
  search(request: SearchRequest, window: ResultWindow, signal: AbortSignal): Promise<ResultPage>;
  details(index: string, id: string, signal: AbortSignal): Promise<ImageDetails>;
  duplicates(index: string, tier: DuplicateTier, window: ResultWindow, signal: AbortSignal): Promise<DuplicatePage>;
  /** Address of a small image, 256 pixels or more; undefined where there is none. */
  thumbnail(index: string, id: string): string | Promise<string | undefined> | undefined;
  /** Address of the image's file; undefined where the file is out of reach. */
  original(index: string, id: string): string | Promise<string | undefined> | undefined;
  /** Takes the key that {@link BackendError} `unauthorized` asks for. */
  useKey?(key: string): void;
}

/** Why a backend has no answer. The page tries again by itself after `unreachable` and `busy`. */
export type BackendErrorCode =
  | "unreachable"
  | "busy"
  | "server"
  | "unauthorized"
  | "invalid-query"
  | "invalid-filter"
  | "not-found"
  | "unreadable-image"
  | "rejected";

/** A backend's failure; the message is the backend's own, in English. */
export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly code: BackendErrorCode;
  /** Milliseconds after which another try is welcome. */
  readonly retryAfter: number | undefined;

  constructor(code: BackendErrorCode, message: string, options: ErrorOptions & { readonly retryAfter?: number | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.retryAfter = options.retryAfter;
  }
}
