/**
 * Whole `.npy` files of float32 rows in memory, as `numpy.save` writes them and `numpy.load` reads them.
 */
import { SearchError } from "../search-error.js";
import { formatNpyHead, NPY_HEAD, parseNpyHead } from "./npy-head.js";

/** Rows of one length; the embeddings of a ChineseCLIP are such rows. */
export interface Rows {
  /** float32 `[count, dim]`, row-major. */
  readonly data: Float32Array;
  /** Number of rows. */
  readonly count: number;
  /** Values of a row. */
  readonly dim: number;
}

/** The bytes of a `.npy` file. */
export function formatNpy({ data, count, dim }: Rows): Uint8Array<ArrayBuffer> {
  if (data.length !== count * dim) throw new RangeError(`formatNpy: expected ${count} x ${dim} values, got ${data.length}`);
  const bytes = new Uint8Array(NPY_HEAD + data.byteLength);
  bytes.set(formatNpyHead(count, dim));
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), NPY_HEAD);
  return bytes;
}

/**
 * The rows of a `.npy` file: a copy.
 *
 * @param file - its name, for messages.
 * @throws SearchError - `npy-format`, `npy-truncated`.
 */
export function parseNpy(bytes: Uint8Array, file?: string): Rows {
  const head = npyHeadOf(bytes, file);
  const { rows, dim, offset } = head;
  const end = offset + rows * dim * 4;
  if (bytes.length < end) throw truncatedNpy(rows, file);
  return { data: new Float32Array(new Uint8Array(bytes.subarray(offset, end)).buffer), count: rows, dim };
}

/**
 * The header at the start of a file.
 *
 * @throws SearchError - `npy-format`.
 */
export function npyHeadOf(
  bytes: Uint8Array,
  file: string | undefined,
): { readonly rows: number; readonly dim: number; readonly offset: number } {
  const head = parseNpyHead(bytes);
  if (head !== undefined) return head;
  throw new SearchError(
    "npy-format",
    "expected a .npy of float32 rows (descr '<f4', C order); save it with array.astype('float32')",
    file === undefined ? {} : { file },
  );
}

/** The error for a file that ends before its rows do. */
export function truncatedNpy(rows: number, file: string | undefined): SearchError {
  const message = `expected ${rows} rows, but the file is cut off; copy or embed it again`;
  return new SearchError("npy-truncated", message, file === undefined ? { expected: rows } : { file, expected: rows });
}
