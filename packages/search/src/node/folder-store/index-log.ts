/**
 * The log of an index: one sealed line for each call, so that a call is there as a whole or not at all.
 *
 * `{"n":1,"metaBytes":14,"row":0,"sums":[1234],"ids":["id"],"metas":[{"path":"a"}]}`: rows from `row` on, with the CRC-32 of each {@link ROWS_PER_SUM}
 * vectors, and each row's id and metadata. `metaBytes` is the length of the array `metas`, so that it need not be parsed.
 * `{"n":2,"delete":["id",…]}`.
 */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { SearchError } from "../../search-error.js";
import { bytesOf, isCount } from "./index-files.js";
import { MetadataBlock } from "./metadata-block.js";
import { bodyOf, parseObject, sealBody, sealLine } from "./sealed-line.js";

/** Bytes that are read at a time: few, as vectors that were read meanwhile wait until they are parsed. */
const CHUNK = 1 << 20;

/** Vectors of a call that have a checksum together: with one each, a million vectors need a million calls to check. */
export const ROWS_PER_SUM = 32;

/** Items that are put. */
export interface PutRecord {
  /** The row of the first. */
  readonly row: number;
  readonly ids: readonly string[];
  /** CRC-32 of each {@link ROWS_PER_SUM} vectors; the last may be of fewer. */
  readonly sums: readonly number[];
  readonly metas: MetadataBlock;
}

/** A line of the log. */
export type LogRecord = PutRecord | { readonly delete: readonly string[] };

/** What is before the metadata. */
const METAS = ',"metas":';

/** Up to where a log has been read. */
export interface LogPosition {
  /** Bytes. */
  readonly offset: number;
  /** Lines after the first. */
  readonly lines: number;
  /** Rows of vectors that these lines state. */
  readonly rows: number;
}

/** What a log has from a position on. */
export interface LogTail {
  readonly records: readonly LogRecord[];
  /** After the last whole line. */
  readonly end: LogPosition;
  /** Length of the file: what is after `end` is torn, or being written. */
  readonly size: number;
}

/** The position after a log's first line. */
export function startOf(logBytes: number): LogPosition {
  return { offset: logBytes, lines: 0, rows: 0 };
}

/** A line that removes items, with its newline. */
export function formatDelete(ids: readonly string[], n: number): string {
  return sealLine({ n, delete: ids });
}

/**
 * A line that puts items, with its newline.
 *
 * @param metas - JSON of each item's metadata.
 */
export function formatPut({ row, sums, ids }: Omit<PutRecord, "metas">, metas: readonly string[], n: number): string {
  const text = `[${metas.join(",")}]`;
  const head = JSON.stringify({ n, metaBytes: Buffer.byteLength(text), row, sums, ids }).slice(0, -1);
  return sealBody(`${head},"metas":${text}`);
}

/** The checksums of a call's vectors. */
export function sumsOf(values: Float32Array, dim: number): number[] {
  const bytes = bytesOf(values);
  const blockBytes = 4 * dim * ROWS_PER_SUM;
  return Array.from({ length: Math.ceil(bytes.length / blockBytes) }, (_, i) =>
    crc32(bytes.subarray(i * blockBytes, (i + 1) * blockBytes)),
  );
}

/**
 * Reads whole lines up to the end, or up to where a write was torn.
 *
 * @param onRecord - gets each line before the next is read.
 * @throws SearchError - `damaged-index`: a line that is not what was written has whole lines after it.
 */
export async function readLog(
  handle: FileHandle,
  from: LogPosition,
  file: string,
  onRecord?: (record: LogRecord) => void,
): Promise<LogTail> {
  const records: LogRecord[] = [];
  let { offset, lines, rows } = from;
  let isTorn = false;
  const { size } = await handle.stat();
  for await (const { line, start } of linesOf(handle, offset, size)) {
    const body = bodyOf(line);
    if (isTorn) {
      if (body !== undefined) throw damaged(file, lines + 2);
      continue;
    }
    if (body === undefined) {
      isTorn = true;
      continue;
    }
    const parsed = parseRecord(body, lines + 1, rows);
    if (parsed === undefined) throw damaged(file, lines + 2);
    records.push(parsed);
    onRecord?.(parsed);
    lines++;
    if ("ids" in parsed) rows += parsed.ids.length;
    offset = start + line.length + 1;
  }
  return { records, end: { offset, lines, rows }, size };
}

/** Lines that end in a newline before `size`: what a writer adds meanwhile is read the next time. */
async function* linesOf(
  handle: FileHandle,
  from: number,
  size: number,
): AsyncGenerator<{ readonly line: Uint8Array; readonly start: number }, void, undefined> {
  let pieces: Uint8Array[] = [];
  let start = from;
  const read = (position: number): Promise<{ readonly bytesRead: number; readonly buffer: Buffer }> => {
    const length = Math.min(CHUNK, size - position);
    const reading = handle.read(Buffer.allocUnsafe(length), 0, length, position);
    reading.catch(() => undefined); // awaited in its turn
    return reading;
  };
  let next = from < size ? read(from) : undefined;
  for (let position = from; next !== undefined;) {
    const { bytesRead, buffer } = await next;
    if (bytesRead === 0) return;
    position += bytesRead;
    // While its lines are parsed, the next part is read.
    next = position < size ? read(position) : undefined;
    let at = 0;
    for (let end = buffer.indexOf(10); end >= 0 && end < bytesRead; end = buffer.indexOf(10, at)) {
      const last = buffer.subarray(at, end);
      const line = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
      pieces = [];
      at = end + 1;
      yield { line, start };
      start += line.length + 1;
    }
    if (at < bytesRead) pieces.push(buffer.subarray(at, bytesRead));
  }
}

/** @param body - the line's JSON object without its last brace. */
function parseRecord(body: Buffer, n: number, rows: number): LogRecord | undefined {
  const metaBytes = /^\{"n":\d+,"metaBytes":(\d+),/.exec(body.toString("latin1", 0, 60))?.[1];
  if (metaBytes === undefined) {
    const removed = parseObject(`${body.toString()}}`);
    const ids = removed?.["delete"];
    return removed?.["n"] === n && Array.isArray(ids) && ids.every((id) => typeof id === "string") ? { delete: ids } : undefined;
  }
  const start = body.length - Number(metaBytes);
  const head = body.subarray(0, Math.max(0, start - METAS.length));
  if (body.toString("latin1", head.length, start) !== METAS) return undefined;
  const value = parseObject(`${head.toString()}}`);
  if (value === undefined || value["n"] !== n || value["row"] !== rows) return undefined;
  const { ids, sums } = value;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) return undefined;
  if (!Array.isArray(sums) || sums.length !== Math.ceil(ids.length / ROWS_PER_SUM)) return undefined;
  if (!sums.every((sum) => isCount(sum, 0, 0xffff_ffff))) return undefined;
  return { row: rows, ids, sums, metas: MetadataBlock.parseLater(body.subarray(start), ids.length) };
}

function damaged(file: string, line: number): SearchError {
  return new SearchError("damaged-index", "expected the line that was written, got other bytes with whole lines after them", {
    file,
    line,
  });
}
