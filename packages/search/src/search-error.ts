/**
 * The one error for bad data in this package: files, queries and items that cannot be searched. Mistakes of the caller in code (a wrong
 * argument) are `TypeError` and `RangeError` instead.
 */

/** What is wrong. */
export type SearchErrorCode =
  /** A file that is missing or cannot be opened. */
  | "missing-file"
  /** A `.npy` file without rows. */
  | "no-rows"
  /** A feature file without lines. */
  | "no-features"
  /** A `.npy` file of something other than float32 rows. */
  | "npy-format"
  /** A `.npy` file that ends before the rows that its header states. */
  | "npy-truncated"
  /** A line of a feature file that is no JSON object. */
  | "invalid-line"
  /** A line of a feature file without a list of finite numbers as its feature. */
  | "invalid-feature"
  /** Vectors of different lengths. */
  | "dimension-mismatch"
  /** Vectors of different models. */
  | "fingerprint-mismatch"
  /** A vector with a NaN or an infinity in it. */
  | "non-finite"
  /** Items that a store cannot hold: an id that is no string, or given twice in one call. */
  | "invalid-id"
  /** A filter that is not of the filter language. */
  | "invalid-filter"
  /** A query with an empty part. */
  | "empty-part"
  /** A query with a weight of 0. */
  | "zero-weight"
  /** A query with an unterminated quote. */
  | "unterminated-quote"
  /** A query whose parts cancel out. */
  | "zero-query"
  /** An index with bytes that are not those that were written. */
  | "damaged-index"
  /** A file in the place of an index's that is no index's, or of a version that this one does not read. */
  | "foreign-index"
  /** An index or output that another process writes to. */
  | "locked"
  /** A write to a store that was opened to read. */
  | "read-only"
  /** A call of a store that is closed. */
  | "closed"
  /** A store in several places of which some did not answer, or not in time. */
  | "incomplete"
  /** A server that does not answer, or not as one of ours. */
  | "unavailable"
  /** A server that answers a request with an error. */
  | "rejected";

/** Where it is, what was expected there and what was found; fields that a code has no use for are left out. */
export interface SearchErrorDetails {
  /** Its name, as the caller gave it. */
  readonly file?: string;
  /** The line in the file, counted from 1. */
  readonly line?: number;
  /** An item's id. */
  readonly id?: string;
  /** The query, or the part of it, that cannot be followed; the place in a filter. */
  readonly text?: string;
  /** The process that has a lock: its number, with its machine's name where that is another. */
  readonly owner?: number | string;
  /** A server's address, without what is secret in it. */
  readonly url?: string;
  /** The HTTP status of a server's answer. */
  readonly status?: number;
  /** What a server says, by its code. */
  readonly reason?: string;
  /** Names of stores that did not answer. */
  readonly missing?: readonly string[];
  /** Rows, values of a vector, or a fingerprint. */
  readonly expected?: number | string;
  /** The same, as it was found. */
  readonly actual?: number | string;
}

/** Data that cannot be searched. */
export class SearchError extends Error {
  /** `"SearchError"`. */
  override readonly name: string = "SearchError";
  /** What is wrong. */
  readonly code: SearchErrorCode;
  /** Where, and what was found there. */
  readonly details: SearchErrorDetails;

  /** @param message - without the file and the line of `details`, which are put in front of it. */
  constructor(code: SearchErrorCode, message: string, details: SearchErrorDetails = {}, options?: ErrorOptions) {
    const { file, line } = details;
    const place = file === undefined ? "" : line === undefined ? `${file}: ` : `${file}, line ${line}: `;
    super(`${place}${message}`, options);
    this.code = code;
    this.details = details;
  }
}
