/** From the files of an index to its items: the log's lines, then the vectors that they state, each with its checksum. */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { NPY_HEAD } from "../../npy/npy-head.js";
import { SearchError, type SearchErrorDetails } from "../../search-error.js";
import { type IndexFiles, type IndexHead, namesOf } from "./index-files.js";
import { type LogPosition, type LogRecord, type LogTail, readLog } from "./index-log.js";
import { type IndexState, liveRows } from "./index-state.js";

/** Bytes of vectors that are read at a time. */
const CHUNK = 4 << 20;

/** What reading an index found. */
export interface ReadResult extends LogTail {
  /** Ids of the items whose vectors are damaged: to be removed before anything is searched. */
  readonly damaged: readonly string[];
}

/**
 * Reads what the log has from a position on into a state that is at this position.
 *
 * @param keepsDamaged - whether items with damaged vectors are told rather than thrown.
 * @throws SearchError - `damaged-index`; the state is as it was.
 */
export async function readIndex(
  folder: string,
  { generation, dim }: Pick<IndexHead, "generation" | "dim">,
  files: IndexFiles,
  state: IndexState,
  from: LogPosition,
  keepsDamaged: boolean,
): Promise<ReadResult> {
  const names = namesOf(folder, generation);
  const tail = await readLog(files.log, from, names.log);
  const { records, end } = tail;
  try {
    const suspects = await readVectors(files.vectors, dim, state, from.rows, end.rows, records);
    const missing = end.rows - state.matrix.count;
    if (missing > 0) {
      if (!keepsDamaged) throw damaged("rows that the log states are missing", { file: names.vectors, expected: end.rows });
      for (let i = 0; i < missing; i++) state.matrix.append(new Float32Array(dim));
    }
    const live = suspects.size === 0 ? suspects : liveRows(records);
    const lost: string[] = [];
    for (const [row, id] of rowsOf(records)) {
      if (!suspects.has(row) || !live.has(row)) continue;
      if (!keepsDamaged) throw damaged("a vector is not the one that was written", { file: names.vectors, id });
      lost.push(id);
    }
    for (const record of records) state.apply(record);
    return { ...tail, damaged: lost };
  } catch (error) {
    state.matrix.truncate(from.rows);
    throw error;
  }
}

/** Appends rows to the state's matrix, as many as the file has. @returns those whose bytes are not what the log states. */
async function readVectors(
  handle: FileHandle,
  dim: number,
  state: IndexState,
  from: number,
  to: number,
  records: readonly LogRecord[],
): Promise<Set<number>> {
  const rowBytes = 4 * dim;
  const buffer = new Float32Array(Math.max(1, Math.min(to - from, Math.floor(CHUNK / rowBytes))) * dim);
  const sums = sumsOf(records);
  const suspects = new Set<number>();
  for (let row = from; row < to;) {
    const wanted = Math.min(buffer.length / dim, to - row);
    const bytes = new Uint8Array(buffer.buffer, 0, wanted * rowBytes);
    const length = await readAll(handle, bytes, NPY_HEAD + row * rowBytes);
    const whole = Math.floor(length / rowBytes);
    for (let i = 0; i < whole; i++) {
      if (crc32(bytes.subarray(i * rowBytes, (i + 1) * rowBytes)) !== sums.next().value) suspects.add(row + i);
    }
    state.matrix.append(buffer.subarray(0, whole * dim));
    row += whole;
    if (whole === wanted) continue;
    for (; row < to; row++) suspects.add(row);
  }
  return suspects;
}

function* sumsOf(records: readonly LogRecord[]): Generator<number, undefined, undefined> {
  for (const record of records) if ("put" in record) for (const [, crc] of record.put) yield crc;
  return undefined;
}

function* rowsOf(records: readonly LogRecord[]): Generator<readonly [row: number, id: string], void, undefined> {
  for (const record of records) {
    if ("put" in record) for (const [i, [id]] of record.put.entries()) yield [record.row + i, id];
  }
}

async function readAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
  return bytes.length;
}

function damaged(what: string, details: SearchErrorDetails): SearchError {
  return new SearchError("damaged-index", `${what}; open the index with repair to remove such items, and embed them again`, details);
}
