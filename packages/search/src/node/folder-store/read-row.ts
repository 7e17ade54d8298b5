/** One vector from the file of an index. */
import { readSync } from "node:fs";
import { NPY_HEAD } from "../../npy/npy-head.js";
import { SearchError } from "../../search-error.js";

/**
 * Reads a vector at once: a search that reads its best few takes less time for them than waiting for each would.
 *
 * @throws SearchError - `damaged-index`: the file ends before it.
 */
export function readRow(descriptor: number, row: number, dim: number): Float32Array {
  const values = new Float32Array(dim);
  const bytes = new Uint8Array(values.buffer);
  for (let done = 0; done < bytes.length;) {
    const read = readSync(descriptor, bytes, done, bytes.length - done, NPY_HEAD + 4 * dim * row + done);
    if (read === 0) throw new SearchError("damaged-index", `expected vector ${row}, got the end of the file`, { expected: row + 1 });
    done += read;
  }
  return values;
}
