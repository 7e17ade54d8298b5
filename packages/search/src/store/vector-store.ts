/**
 * The seam between what has embeddings and where they are stored: in memory, in a folder, in a database, behind a server. One conformance suite
 * (`@chinese-clip/search/conformance`) runs on every implementation.
 */
import { checkNumbers } from "@chinese-clip/pipeline/vectors";
import { kindOf } from "../kind-of.js";
import { SearchError } from "../search-error.js";
import type { Filter } from "./filter.js";

/** What a store holds under one id. */
export interface StoreItem<Meta> {
  /** Not empty; chosen by the caller. */
  readonly id: string;
  /** float32 `[dim]`, with L2 norm 1 where scores are to be cosines. */
  readonly embedding: Float32Array;
  /** A JSON value. */
  readonly meta: Meta;
}

/** What a store is. */
export interface StoreInfo {
  /** The model that its embeddings are from: `Embedder.fingerprint`. */
  readonly fingerprint: string;
  /** Values of an embedding. */
  readonly dim: number;
  /** Number of items. */
  readonly count: number;
}

/** A search in a store. */
export interface StoreQuery {
  /** float32 `[dim]`. */
  readonly vector: Float32Array;
  /** Maximum number of results. Default 10. */
  readonly top?: number | undefined;
  /** Results with a lower score are left out. */
  readonly minScore?: number | undefined;
  /**
   * A cut relative to the best of the results: those with a score below `relativeScore` times the best score are left out. 0 to 1; 0.9 leaves what is
   * nearly as good as the best. Nothing is left out where the best score is not positive. Default 0: nothing.
   */
  readonly relativeScore?: number | undefined;
  /** Only items whose metadata match. */
  readonly filter?: Filter | undefined;
  /** The model that the vector is from: the search is rejected where the store's is another. */
  readonly fingerprint?: string | undefined;
  /** Ends the wait for a store that is elsewhere; one that computes in this process ignores it. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told of each part of a store in several places that did not answer in time: the results are then those of the others. Without it such a search
   * rejects with `incomplete`. Stores in one place never call it.
   */
  readonly onMissing?: ((part: MissingPart) => void) | undefined;
}

/** A part of a store that did not answer a search. */
export interface MissingPart {
  /** Which one. */
  readonly name: string;
  /** Why. */
  readonly error: unknown;
}

/** One result. */
export interface StoreHit<Meta> {
  /** The item's id. */
  readonly id: string;
  /** Its inner product with the query. */
  readonly score: number;
  /** The item's metadata. */
  readonly meta: Meta;
}

/** Embeddings with their ids and metadata. Every call but `close` rejects with `SearchError` `closed` once the store is closed. */
export interface VectorStore<Meta> {
  /** What is stored, as of the last call that resolved. */
  readonly info: StoreInfo;
  /**
   * Adds items, and replaces those whose ids are there. Durable when it resolves; all of the items or none.
   *
   * @param options - `fingerprint`: rejected where it is not the store's.
   * @throws SearchError - `dimension-mismatch`, `non-finite`, `invalid-id`, `fingerprint-mismatch`.
   */
  upsert(items: readonly StoreItem<Meta>[], options?: { readonly fingerprint?: string | undefined }): Promise<void>;
  /** Removes items; ids that are not there are ignored. @returns how many were removed. */
  delete(ids: readonly string[]): Promise<number>;
  /** Items by id, in the order of the ids; undefined where there is none. */
  get(ids: readonly string[]): Promise<(StoreItem<Meta> | undefined)[]>;
  /**
   * All items, or those that match, in an order that the store chooses. Items that change meanwhile may be seen before or after.
   *
   * @throws SearchError - `invalid-filter`.
   */
  scan(filter?: Filter): AsyncIterable<StoreItem<Meta>>;
  /** {@link VectorStore.scan} without the embeddings, which need not be read. */
  list(filter?: Filter): AsyncIterable<Omit<StoreItem<Meta>, "embedding">>;
  /**
   * The items with the largest inner products, best first; exact unless the implementation says otherwise.
   *
   * @throws SearchError - `dimension-mismatch`, `non-finite`, `invalid-filter`, `fingerprint-mismatch`, `incomplete`; RangeError - `top` is no positive
   * integer, or `relativeScore` not from 0 to 1.
   */
  search(query: StoreQuery): Promise<StoreHit<Meta>[]>;
  /** Sees what other processes have written. */
  refresh(): Promise<void>;
  /** Frees the space of removed and replaced items. */
  compact(): Promise<void>;
  /** Releases what the store holds; idempotent. */
  close(): Promise<void>;
}

/**
 * Makes sure that embeddings are of the model that a store's are of.
 *
 * @param fingerprint - `Embedder.fingerprint`; undefined is not checked.
 * @throws SearchError - `fingerprint-mismatch`.
 */
export function checkFingerprint(info: Pick<StoreInfo, "fingerprint">, fingerprint: string | undefined): void {
  if (fingerprint === undefined || fingerprint === info.fingerprint) return;
  throw new SearchError(
    "fingerprint-mismatch",
    `expected embeddings of model ${info.fingerprint}, as the store has, got ${fingerprint}: cosines between two models mean nothing`,
    { expected: info.fingerprint, actual: fingerprint },
  );
}

/**
 * Checks items before a store writes the first of them.
 *
 * @throws SearchError - `dimension-mismatch`, `non-finite`, `invalid-id`; TypeError - no items.
 */
export function checkItems(items: readonly StoreItem<unknown>[], dim: number): void {
  if (!Array.isArray(items)) throw new TypeError(`upsert: expected an array of items, got ${kindOf(items)}`);
  const ids = new Set<string>();
  for (const item of items as readonly (StoreItem<unknown> | null | undefined)[]) {
    if (typeof item !== "object" || item === null)
      throw new TypeError(`upsert: expected items with an id and an embedding, got ${kindOf(item)}`);
    const { id, embedding } = item;
    if (typeof id !== "string" || id === "") throw new SearchError("invalid-id", "expected an id that is a string and not empty");
    if (ids.has(id))
      throw new SearchError("invalid-id", `expected each id once in a call, got ${JSON.stringify(id.slice(0, 60))} twice`, { id });
    ids.add(id);
    checkVector(embedding, dim, { id });
  }
}

/**
 * Checks an embedding or a query.
 *
 * @throws SearchError - `dimension-mismatch`, `non-finite`; TypeError - no vector.
 */
export function checkVector(vector: Float32Array, dim: number, details: { readonly id?: string } = {}): void {
  checkNumbers("VectorStore", vector);
  const { length: actual } = vector;
  if (actual !== dim) {
    throw new SearchError("dimension-mismatch", `expected a vector of ${dim} values, got ${actual}`, { ...details, expected: dim, actual });
  }
  if (!vector.every(Number.isFinite))
    throw new SearchError("non-finite", "expected a vector of finite numbers, got NaN or an infinity", details);
}

/** @throws TypeError - no array of ids, or an id that is no string. */
export function checkIds(where: string, ids: readonly string[]): void {
  if (!Array.isArray(ids)) throw new TypeError(`${where}: expected an array of ids, got ${kindOf(ids)}`);
  const other: unknown = ids.find((id) => typeof id !== "string");
  if (other !== undefined) throw new TypeError(`${where}: expected ids that are strings, got ${kindOf(other)}`);
}

/**
 * A query's limits with their defaults.
 *
 * @throws RangeError - `top` is no positive integer, `minScore` no number, `relativeScore` not from 0 to 1.
 */
export function checkLimits(query: StoreQuery): {
  readonly top: number;
  readonly minScore: number;
  readonly relativeScore: number;
} {
  if (typeof query !== "object" || query === null) throw new TypeError(`search: expected a query with a vector, got ${kindOf(query)}`);
  const { top = 10, minScore = Number.NEGATIVE_INFINITY, relativeScore = 0 } = query;
  if (!(Number.isInteger(top) && top >= 1)) throw new RangeError(`search: expected top to be a positive integer, got ${String(top)}`);
  if (typeof minScore !== "number" || Number.isNaN(minScore)) {
    throw new RangeError(`search: expected minScore to be a number, got ${String(minScore)}`);
  }
  if (!(relativeScore >= 0 && relativeScore <= 1)) {
    throw new RangeError(`search: expected relativeScore to be a number from 0 to 1, got ${String(relativeScore)}`);
  }
  return { top, minScore, relativeScore };
}

/**
 * Applies {@link StoreQuery.relativeScore}.
 *
 * @param found - best first.
 */
export function cutRelative<Found extends { readonly score: number }>(found: readonly Found[], relativeScore: number): Found[] {
  const best = found[0]?.score ?? 0;
  return best > 0 && relativeScore > 0 ? found.filter(({ score }) => score >= best * relativeScore) : [...found];
}
