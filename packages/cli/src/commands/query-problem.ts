/**
 * A query that cannot be followed is a mistake in the command line.
 */
import { SearchError, type SearchErrorCode } from "@chinese-clip/search";
import { errorText } from "../translation/translate-error.js";
import { UsageError } from "../option.js";

const QUERY_CODES: readonly SearchErrorCode[] = ["empty-part", "zero-weight", "unterminated-quote", "zero-query"];

/** @throws UsageError - `read` says that the query cannot be followed. */
export function readQuery<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof SearchError && QUERY_CODES.includes(error.code) ? new UsageError(errorText(error)) : error;
  }
}
