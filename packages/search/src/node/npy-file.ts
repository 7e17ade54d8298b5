/**
 * `.npy` files of float32 rows on the disk: read in chunks of bounded memory, searched while the next chunk is read, and written whole.
 */
import { type FileHandle, rename, rm, writeFile } from "node:fs/promises";
import { isAbsent, openFile as open, readWholeFile } from "@chinese-clip/pipeline/node";
import { checkDimension, type OnRows } from "../gallery/feature-lines.js";
import { formatNpy, npyHeadOf, parseNpy, type Rows, truncatedNpy } from "../npy/npy.js";
import { SearchError } from "../search-error.js";
import { RowScorer } from "../top-k/score-kernel.js";
import { type FoundRow, TopRows } from "../top-k/top-rows.js";

/** Bytes of a file that are in memory at a time, twice over: one chunk is read while the other is searched. */
const CHUNK = 4 << 20;

/** Bytes that a header takes at most: NumPy's own are below 200. */
const LONGEST_HEAD = 4096;

/** Some rows of a `.npy` file. */
export interface NpyPart {
  /** Number of the first of them. */
  readonly first: number;
  /** float32, row-major; valid until the next part is asked for. */
  readonly values: Float32Array;
  /** Rows of the file. */
  readonly rows: number;
  /** Values of a row. */
  readonly dim: number;
}

/** Makes two buffers of `rows` rows of `dim` values that a file is read into. */
export type CreateBuffers = (rows: number, dim: number) => readonly [Float32Array, Float32Array];

const plainBuffers: CreateBuffers = (rows, dim) => [new Float32Array(rows * dim), new Float32Array(rows * dim)];

/**
 * Reads a file from start to end; while one part is in use, the next is read.
 *
 * @param createBuffers - may throw if it cannot use rows of this length.
 * @throws SearchError - `missing-file`, `npy-format`, `npy-truncated`, `no-rows`.
 */
export async function* readNpyParts(file: string, createBuffers: CreateBuffers = plainBuffers): AsyncGenerator<NpyPart, void, undefined> {
  const handle = await openFile(file);
  try {
    const { size } = await handle.stat();
    const start = new Uint8Array(Math.min(size, LONGEST_HEAD));
    await handle.read(start, 0, start.length, 0);
    const head = npyHeadOf(start, file);
    const { dim, offset } = head;
    const rowBytes = dim * 4;
    // While embed writes, or when it was killed, the header says 0 rows: the complete rows of the file count.
    const rows = head.rows > 0 ? head.rows : Math.floor((size - offset) / rowBytes);
    if (rows === 0) throw new SearchError("no-rows", "no rows in it", { file });
    if (size < offset + rows * rowBytes) throw truncatedNpy(rows, file);
    const step = Math.max(1, Math.floor(CHUNK / rowBytes));
    const buffers = createBuffers(step, dim);
    const read = async (first: number): Promise<Float32Array> => {
      const part = buffers[(first / step) % 2 === 0 ? 0 : 1].subarray(0, Math.min(step, rows - first) * dim);
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + first * rowBytes + done);
        if (bytesRead === 0) throw new SearchError("npy-truncated", "the file became shorter while it was read", { file });
        done += bytesRead;
      }
      return part;
    };
    let next = read(0);
    try {
      for (let first = 0; first < rows; first += step) {
        const values = await next;
        if (first + step < rows) next = read(first + step);
        yield { first, values, rows, dim };
      }
    } finally {
      await next.catch(() => undefined); // before the file is closed
    }
  } finally {
    await handle.close();
  }
}

/**
 * The best `k` rows of a file by their inner product with a query.
 *
 * @throws SearchError - as {@link readNpyParts}; `dimension-mismatch`; `non-finite`: a row with NaN or an infinity.
 */
export async function searchNpy(file: string, query: Float32Array, k: number, onRows?: OnRows): Promise<FoundRow[]> {
  const best = new TopRows(k);
  let scorer: RowScorer | undefined;
  const parts = readNpyParts(file, (step, dim) => {
    checkDimension(dim, query.length, file);
    scorer = new RowScorer(query, step);
    return scorer.buffers;
  });
  for await (const { first, values, rows, dim } of parts) {
    scorer?.offer(values, first, best);
    if (best.nonFinite !== undefined) {
      const reason = `row ${best.nonFinite}: expected finite numbers, got NaN or an infinity; compute the features again`;
      throw new SearchError("non-finite", reason, { file });
    }
    onRows?.(first + values.length / dim, rows);
  }
  return best.sorted();
}

/**
 * A whole file.
 *
 * @throws SearchError - `missing-file`, `npy-format`, `npy-truncated`.
 */
export async function readNpy(file: string): Promise<Rows> {
  const bytes = await readWholeFile(file, Number.MAX_SAFE_INTEGER).catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
  return parseNpy(bytes, file);
}

/** Writes a whole file; it appears under its name when it is complete. */
export async function writeNpy(file: string, rows: Rows): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await writeFile(part, formatNpy(rows));
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function openFile(file: string): Promise<FileHandle> {
  return open(file).catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
}

function missingFile(file: string, cause: unknown): SearchError {
  const reason = isAbsent(cause)
    ? "no such file; check the path"
    : `cannot be read (${cause instanceof Error ? cause.message : String(cause)})`;
  return new SearchError("missing-file", reason, { file }, { cause });
}
