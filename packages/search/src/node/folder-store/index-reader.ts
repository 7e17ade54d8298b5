/** From the files of an index to its items: the log's lines, then the vectors that they state, each with its checksum. */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { NPY_HEAD } from "../../npy/npy-head.js";
import { SearchError, type SearchErrorDetails } from "../../search-error.js";
import { Int8Matrix } from "../../top-k/int8-matrix.js";
import { type IndexFiles, type IndexHead, namesOf } from "./index-files.js";
import { type LogPosition, type LogRecord, type LogTail, readLog, ROWS_PER_SUM } from "./index-log.js";
import { type IndexState, liveRows } from "./index-state.js";
import type { QuantizedFile } from "./quantized-file.js";
import { VectorSums } from "./vector-sums.js";

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
  quantized?: QuantizedFile,
): Promise<ReadResult> {
  const names = namesOf(folder, generation);
  const tail = await readLog(files.log, from, names.log);
  const { records, end } = tail;
  try {
    const loaded = quantized === undefined || keepsDamaged ? 0 : await loadQuantized(quantized, files.vectors, state, records, end.rows);
    const suspects = await readVectors(files.vectors, dim, state, records, loaded);
    const missing = end.rows - state.matrix.count;
    if (missing > 0) {
      if (!keepsDamaged) throw damaged("rows that the log states are missing", { file: names.vectors, expected: end.rows });
      for (let i = 0; i < missing; i++) state.matrix.append(new Float32Array(dim));
    }
    const live = suspects.size === 0 ? suspects : liveRows(records);
    const lost: string[] = [];
    for (const [row, id] of suspects.size === 0 ? [] : rowsOf(records)) {
      if (!suspects.has(row) || !live.has(row)) continue;
      if (!keepsDamaged) throw damaged("a vector is not the one that was written", { file: names.vectors, id });
      lost.push(id);
    }
    state.apply(records);
    if (lost.length === 0) state.sums.setChecked(Math.max(loaded, from.rows), end.rows);
    return { ...tail, damaged: lost };
  } catch (error) {
    state.matrix.truncate(from.rows);
    throw error;
  }
}

/** Appends rows that were quantised before, as long as the file has the vectors that they are of. @returns how many. */
async function loadQuantized(
  quantized: QuantizedFile,
  vectors: FileHandle,
  { matrix, dim }: IndexState,
  records: readonly LogRecord[],
  rows: number,
): Promise<number> {
  if (!(matrix instanceof Int8Matrix) || matrix.count > 0 || (await vectors.stat()).size < NPY_HEAD + 4 * dim * rows) return 0;
  const sums = new VectorSums(dim);
  for (const record of records) if ("ids" in record) sums.append(record);
  return quantized.load(matrix, sums, rows);
}

/** Rows that have a checksum together. */
interface SumBlock {
  readonly row: number;
  readonly rows: number;
  readonly sum: number;
}

/**
 * Appends rows to the state's matrix, as many as the file has.
 *
 * @param loaded - rows that the matrix has already.
 * @returns those whose bytes may not be what the log states.
 */
async function readVectors(
  handle: FileHandle,
  dim: number,
  state: IndexState,
  records: readonly LogRecord[],
  loaded: number,
): Promise<Set<number>> {
  const rowBytes = 4 * dim;
  const suspects = new Set<number>();
  const suspect = (row: number, end: number): void => {
    for (let one = row; one < end; one++) suspects.add(one);
  };
  // The next chunk is read while one is checked.
  const buffers = [0, 1].map(() => new Uint8Array(Math.max(CHUNK, ROWS_PER_SUM * rowBytes)));
  const chunks = chunksOf(records, loaded, Math.max(ROWS_PER_SUM, Math.floor(CHUNK / rowBytes)));
  const read = (chunk: readonly SumBlock[] | undefined, turn: number): Promise<Uint8Array> | undefined => {
    const [first, last] = [chunk?.[0], chunk?.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const bytes = (buffers[turn % 2] as Uint8Array).subarray(0, (last.row + last.rows - first.row) * rowBytes);
    const reading = readAll(handle, bytes, NPY_HEAD + first.row * rowBytes).then((length) => bytes.subarray(0, length));
    reading.catch(() => undefined); // awaited in its turn
    return reading;
  };
  let chunk = chunks.next().value;
  let reading = read(chunk, 0);
  let isWhole = true;
  for (let turn = 1; chunk !== undefined && reading !== undefined; turn++) {
    const bytes = await reading;
    const following = chunks.next().value;
    reading = read(following, turn);
    const first = chunk[0]?.row ?? 0;
    for (const { row, rows, sum } of chunk) {
      const own = bytes.subarray((row - first) * rowBytes, (row - first + rows) * rowBytes);
      if (own.length < rows * rowBytes || crc32(own) !== sum) suspect(row, row + rows);
    }
    const whole = Math.floor(bytes.length / rowBytes);
    const skipped = Math.min(whole, Math.max(0, loaded - first));
    if (isWhole) state.matrix.append(new Float32Array(bytes.buffer, bytes.byteOffset + skipped * rowBytes, (whole - skipped) * dim));
    isWhole &&= whole === chunk.reduce((count, { rows }) => count + rows, 0);
    chunk = following;
  }
  return suspects;
}

/** Neighbouring blocks of so many rows together, at most, without those before a row. */
function* chunksOf(records: readonly LogRecord[], from: number, maximum: number): Generator<readonly SumBlock[], undefined, undefined> {
  let [chunk, rows]: [SumBlock[], number] = [[], 0];
  for (const record of records) {
    if (!("ids" in record)) continue;
    for (const [i, sum] of record.sums.entries()) {
      const start = i * ROWS_PER_SUM;
      const block = { row: record.row + start, rows: Math.min(ROWS_PER_SUM, record.ids.length - start), sum };
      if (block.row + block.rows <= from) continue;
      if (rows + block.rows > maximum) {
        yield chunk;
        [chunk, rows] = [[], 0];
      }
      chunk.push(block);
      rows += block.rows;
    }
  }
  if (chunk.length > 0) yield chunk;
  return undefined;
}

function* rowsOf(records: readonly LogRecord[]): Generator<readonly [row: number, id: string], void, undefined> {
  for (const record of records) if ("ids" in record) for (const [i, id] of record.ids.entries()) yield [record.row + i, id];
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
