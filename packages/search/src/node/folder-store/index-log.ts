/**
 * The log of an index: one sealed line for each call, so that a call is there as a whole or not at all.
 *
 * `{"n":1,"row":0,"put":[["id",1234,{…}],…]}`: rows from `row` on, each with its id, the CRC-32 of its vector and its metadata.
 * `{"n":2,"delete":["id",…]}`.
 */
import type { FileHandle } from "node:fs/promises";
import { SearchError } from "../../search-error.js";
import { isCount } from "./index-files.js";
import { openLine, sealLine } from "./sealed-line.js";

/** Bytes that are read at a time. */
const CHUNK = 4 << 20;

/** An item of a put: id, CRC-32 of its vector, metadata. */
export type PutItem = readonly [id: string, crc: number, meta: unknown];

/** A line of the log. */
export type LogRecord = { readonly row: number; readonly put: readonly PutItem[] } | { readonly delete: readonly string[] };

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

/** A line, with its newline. */
export function formatRecord(record: LogRecord, n: number): string {
  return sealLine({ n, ...record });
}

/**
 * Reads whole lines up to the end, or up to where a write was torn.
 *
 * @throws SearchError - `damaged-index`: a line that is not what was written has whole lines after it.
 */
export async function readLog(handle: FileHandle, from: LogPosition, file: string): Promise<LogTail> {
  const records: LogRecord[] = [];
  let { offset, lines, rows } = from;
  let isTorn = false;
  let size = offset;
  for await (const { line, start } of linesOf(handle, offset, (length) => (size = length))) {
    const record = openLine(line);
    if (isTorn) {
      if (record !== undefined) throw damaged(file, lines + 2);
      continue;
    }
    if (record === undefined) {
      isTorn = true;
      continue;
    }
    const parsed = parseRecord(record, lines + 1, rows);
    if (parsed === undefined) throw damaged(file, lines + 2);
    records.push(parsed);
    lines++;
    if ("put" in parsed) rows += parsed.put.length;
    offset = start + line.length + 1;
  }
  return { records, end: { offset, lines, rows }, size };
}

/** Lines that end in a newline; `onSize` gets the length of the file. */
async function* linesOf(
  handle: FileHandle,
  from: number,
  onSize: (length: number) => void,
): AsyncGenerator<{ readonly line: Uint8Array; readonly start: number }, void, undefined> {
  let pieces: Uint8Array[] = [];
  let start = from;
  const { size } = await handle.stat();
  for (let position = from; ;) {
    const length = Math.max(1, Math.min(CHUNK, size - position));
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
    position += bytesRead;
    onSize(position);
    if (bytesRead === 0) return;
    let at = 0;
    for (let end = buffer.indexOf(10); end >= 0 && end < bytesRead; end = buffer.indexOf(10, at)) {
      const line = Buffer.concat([...pieces, buffer.subarray(at, end)]);
      pieces = [];
      at = end + 1;
      yield { line, start };
      start += line.length + 1;
    }
    if (at < bytesRead) pieces.push(buffer.subarray(at, bytesRead));
  }
}

function parseRecord(value: Readonly<Record<string, unknown>>, n: number, rows: number): LogRecord | undefined {
  if (value["n"] !== n) return undefined;
  const { put, row, delete: removed } = value;
  if (Array.isArray(removed)) return removed.every((id) => typeof id === "string") ? { delete: removed } : undefined;
  return Array.isArray(put) && row === rows && put.every(isPut) ? { row, put } : undefined;
}

function isPut(value: unknown): value is PutItem {
  return Array.isArray(value) && value.length === 3 && typeof value[0] === "string" && isCount(value[1], 0, 0xffff_ffff);
}

function damaged(file: string, line: number): SearchError {
  return new SearchError("damaged-index", "expected the line that was written, got other bytes with whole lines after them", {
    file,
    line,
  });
}
