/**
 * The log of an index: one sealed line for each call, so that a call is there as a whole or not at all.
 *
 * `{"n":1,"metaBytes":14,"idBytes":6,"count":1,"row":0,"vacates":[],"sums":[1234],"ids":["id"],"metas":[{"path":"a"}]}`: rows from `row` on, with the
 * CRC-32 of each {@link ROWS_PER_SUM} vectors, and each row's id and metadata. `metaBytes` and `idBytes` are the lengths of these arrays, so that they need
 * not be parsed. `{"n":2,"vacates":[0],"delete":["id",…]}`. `vacates` are the rows whose items a call replaces or removes: which rows have an item is
 * known without looking up an id. Lines of 0.1 have neither `vacates` nor `idBytes`.
 */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { SearchError } from "../../search-error.js";
import { bytesOf, isCount } from "./index-files.js";
import { JsonColumn } from "./json-column.js";
import { bodyOf, parseObject, sealBody, sealLine } from "./sealed-line.js";

/** Bytes that are read at a time: few, as vectors that were read meanwhile wait until they are parsed. */
const CHUNK = 1 << 20;

/** Vectors of a call that have a checksum together: with one each, a million vectors need a million calls to check. */
export const ROWS_PER_SUM = 32;

/** Items that are put. */
export interface PutRecord {
  /** The row of the first. */
  readonly row: number;
  readonly count: number;
  readonly ids: JsonColumn<string>;
  /** CRC-32 of each {@link ROWS_PER_SUM} vectors; the last may be of fewer. */
  readonly sums: readonly number[];
  readonly metas: JsonColumn<unknown>;
  /** Rows whose items are replaced; undefined where the line does not say. */
  readonly vacates: readonly number[] | undefined;
}

/** Items that are removed. */
export interface DeleteRecord {
  readonly delete: readonly string[];
  /** Rows whose items they are; undefined where the line does not say. */
  readonly vacates: readonly number[] | undefined;
}

/** A line of the log. */
export type LogRecord = PutRecord | DeleteRecord;

/** What is before the ids, and before the metadata. */
const [IDS, METAS] = [',"ids":', ',"metas":'];

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
export function formatDelete({ vacates, delete: ids }: DeleteRecord, n: number): string {
  return sealLine({ n, vacates, delete: ids });
}

/**
 * A line that puts items, with its newline.
 *
 * @param metas - JSON of each item's metadata.
 */
export function formatPut({ row, count, vacates, sums, ids }: Omit<PutRecord, "metas">, metas: readonly string[], n: number): string {
  const [idText, metaText] = [JSON.stringify(ids.values), `[${metas.join(",")}]`];
  const [metaBytes, idBytes] = [Buffer.byteLength(metaText), Buffer.byteLength(idText)];
  const head = JSON.stringify({ n, metaBytes, idBytes, count, row, vacates, sums }).slice(0, -1);
  return sealBody(`${head}${IDS}${idText}${METAS}${metaText}`);
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
    if ("ids" in parsed) rows += parsed.count;
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
  const lengths = /^\{"n":\d+,"metaBytes":(\d+),(?:"idBytes":(\d+),)?/.exec(body.toString("latin1", 0, 80));
  if (lengths === null) return parseDelete(body, n, rows);
  const metas = columnAt(body, body.length, METAS, Number(lengths[1]));
  const hasIdBytes = lengths[2] !== undefined;
  const ids = metas !== undefined && hasIdBytes ? columnAt(body, metas.start, IDS, Number(lengths[2])) : metas;
  if (metas === undefined || ids === undefined) return undefined;
  const value = parseObject(`${body.toString("utf8", 0, ids.start)}}`);
  if (value === undefined || value["n"] !== n || value["row"] !== rows) return undefined;
  const { ids: stated, sums } = value;
  const known = !hasIdBytes && Array.isArray(stated) && stated.every((id) => typeof id === "string") ? stated : undefined;
  const count = known?.length ?? value["count"];
  if (!isCount(count, 0, Number.MAX_SAFE_INTEGER) || (known === undefined && !hasIdBytes)) return undefined;
  if (!Array.isArray(sums) || sums.length !== Math.ceil(count / ROWS_PER_SUM)) return undefined;
  if (!sums.every((sum) => isCount(sum, 0, 0xffff_ffff))) return undefined;
  const { vacates } = value;
  if (!isVacates(vacates, rows)) return undefined;
  return {
    row: rows,
    count,
    ids: known === undefined ? JsonColumn.ids(ids.text, count) : JsonColumn.of(known),
    sums,
    metas: JsonColumn.metadata(metas.text, count),
    vacates,
  };
}

function parseDelete(body: Buffer, n: number, rows: number): DeleteRecord | undefined {
  const value = parseObject(`${body.toString()}}`);
  if (value?.["n"] !== n) return undefined;
  const { delete: ids, vacates } = value;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string") || !isVacates(vacates, rows)) return undefined;
  return { delete: ids, vacates };
}

/** The array of so many bytes that ends at `end`, and where its key starts; undefined where it has not this key. */
function columnAt(body: Buffer, end: number, key: string, length: number): { readonly start: number; readonly text: Buffer } | undefined {
  const at = end - length;
  const start = at - key.length;
  if (start < 0 || body.toString("latin1", start, at) !== key) return undefined;
  return { start, text: body.subarray(at, end) };
}

/** @param rows - that there are before. */
function isVacates(value: unknown, rows: number): value is readonly number[] | undefined {
  return value === undefined || (Array.isArray(value) && value.every((row) => isCount(row, 0, rows - 1)));
}

function damaged(file: string, line: number): SearchError {
  return new SearchError("damaged-index", "expected the line that was written, got other bytes with whole lines after them", {
    file,
    line,
  });
}
