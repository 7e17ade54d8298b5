/**
 * Decodes Parquet in a process of its own: what a stranger's file makes the decoder do, be it a run of a billion values or a loop without an end, ends
 * this process and not the program. (A thread is not enough: V8 aborts the whole process when an array grows beyond its limit.) The bytes are read by the
 * other side, `parquet-reader.ts`, which ends this process when it takes too long.
 */
import { constants, setPriority } from "node:os";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { decompress as unzstd } from "fzstd";
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  snappyUncompress,
} from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import type { ParquetAnswer, ParquetColumn, ParquetRequest } from "./parquet-messages.js";

/** Bytes of a page without compression, at most: pages are a megabyte unless one value is larger. */
const MOST_PAGE_BYTES = 256 << 20;
/** Rows of a row group, at most. */
const MOST_ROWS = 16_000_000;
/** What an answer holds, about, in bytes or characters. */
const ANSWER_SIZE = 1 << 18;

let metadata: FileMetaData | undefined;
let file: AsyncBuffer | undefined;
let rows: Record<string, unknown>[] = [];
let at = 0;
const reads = new Map<number, (bytes: ArrayBuffer) => void>();
let readId = 0;

try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL); // the other side may be a server
} catch {
  // A sandbox.
}
process.on("disconnect", () => process.exit());
process.on("message", (request: ParquetRequest) => {
  if (request.type === "bytes") {
    const { buffer, byteOffset, byteLength } = request.bytes;
    reads.get(request.id)?.(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
    reads.delete(request.id);
    return;
  }
  serve(request).then(send, (error: unknown) => send({ type: "error", message: error instanceof Error ? error.message : String(error) }));
});

function send(answer: ParquetAnswer): void {
  process.send?.(answer);
}

async function serve(request: Exclude<ParquetRequest, { type: "bytes" }>): Promise<ParquetAnswer> {
  if (request.type === "open") return openFooter(request.byteLength, request.maxBytes);
  if (request.type === "select") return select(request.from, request.to, request.columns, request.maxBytes);
  return { type: "rows", rows: nextRows() };
}

/** Rows that go together: many of names and numbers, few of images. */
function nextRows(): Record<string, unknown>[] {
  const part: Record<string, unknown>[] = [];
  for (let size = 0; at < rows.length && size < ANSWER_SIZE; at++) {
    const row: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(rows[at] ?? {})) {
      row[name] = plain(value);
      size += 16 + (typeof value === "string" || value instanceof Uint8Array ? value.length : 0);
    }
    part.push(row);
  }
  return part;
}

async function openFooter(byteLength: number, maxBytes: number): Promise<ParquetAnswer> {
  [rows, at, metadata] = [[], 0, undefined];
  const slice = async (start: number, end: number = byteLength): Promise<ArrayBuffer> => {
    if (!(start >= 0 && end <= byteLength && start <= end)) throw new RangeError(`bytes ${start} to ${end} of ${byteLength}`);
    if (end - start > maxBytes) throw new RangeError(`a footer or column of ${end - start} bytes; at most ${maxBytes} are read at once`);
    return readRange(start, end);
  };
  file = { byteLength, slice };
  metadata = await parquetMetadataAsync(file, { geoparquet: false });
  const groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const odd = groups.find((count) => !(count >= 0 && count <= MOST_ROWS));
  if (odd !== undefined) throw new RangeError(`a row group of ${odd} rows; at most ${MOST_ROWS} are read`);
  const columns = parquetSchema(metadata).children.map(({ element, children }): ParquetColumn => ({
    name: element.name,
    isFlat: children.length === 0 && element.repetition_type !== "REPEATED",
    members: children.map((child) => child.element.name),
  }));
  return { type: "opened", groups, columns };
}

/** Decodes rows of the file, all of one row group. */
async function select(from: number, to: number, columns: readonly string[], maxBytes: number): Promise<ParquetAnswer> {
  if (metadata === undefined || file === undefined) throw new Error("no file is open");
  const cached: { readonly start: number; readonly bytes: ArrayBuffer }[] = [];
  let [first, total] = [0, 0];
  for (const { num_rows, columns: chunks } of metadata.row_groups) {
    const count = Number(num_rows);
    if (first < to && first + count > from) {
      for (const { meta_data: chunk, file_path } of chunks) {
        if (chunk === undefined || !columns.includes(chunk.path_in_schema[0] ?? "")) continue;
        if (file_path !== undefined && file_path !== "") throw new Error("columns in other files");
        const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
        const length = Number(chunk.total_compressed_size);
        total += length;
        if (!(total <= maxBytes)) throw new RangeError(`columns of more than ${maxBytes} bytes in a row group`);
        const bytes = await file.slice(start, start + length);
        checkPages(bytes, chunk, count);
        cached.push({ start, bytes });
      }
    }
    first += count;
  }
  const whole = file;
  const slice = async (start: number, end: number = whole.byteLength): Promise<ArrayBuffer> => {
    const chunk = cached.find((one) => start >= one.start && end <= one.start + one.bytes.byteLength);
    return chunk === undefined ? whole.slice(start, end) : chunk.bytes.slice(start - chunk.start, end - chunk.start);
  };
  rows = await parquetReadObjects({
    file: { byteLength: whole.byteLength, slice },
    metadata,
    columns: [...columns],
    rowStart: from,
    rowEnd: to,
    compressors: compressors(),
    utf8: false,
    geoparquet: false,
  });
  at = 0;
  return { type: "selected", count: rows.length };
}

/** Looks at the sizes that pages state before anything is made of them. */
function checkPages(bytes: ArrayBuffer, { num_values, path_in_schema: path }: ColumnMetaData, groupRows: number): void {
  const reader = { view: new DataView(bytes), offset: 0 };
  const most = Math.min(MOST_ROWS, Math.max(groupRows, Number(num_values)));
  let values = 0;
  while (reader.offset < bytes.byteLength - 1) {
    const { type, uncompressed_page_size: size, compressed_page_size: length, ...header } = parquetHeader(reader);
    const page = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
    const name = path.join(".");
    if (!(size >= 0 && size <= MOST_PAGE_BYTES))
      throw new RangeError(`a page of ${size} bytes in ${name}; at most ${MOST_PAGE_BYTES} are read`);
    if (!(length >= 0 && reader.offset + length <= bytes.byteLength))
      throw new RangeError(`a page in ${name} that is longer than its column`);
    if (page !== undefined && !(page.num_values >= 0 && page.num_values <= most))
      throw new RangeError(`a page of ${page.num_values} values in ${name}`);
    // Each of its values may repeat the one before at the cost of a byte.
    if (page?.encoding === "DELTA_BYTE_ARRAY") throw new Error(`encoding DELTA_BYTE_ARRAY in ${name}, which is not read`);
    if (type !== "DICTIONARY_PAGE" && page !== undefined) values += page.num_values;
    if (values > most) throw new RangeError(`more than ${most} values in ${name}`);
    reader.offset += length;
  }
}

function compressors(): Compressors {
  let left = 4 * MOST_PAGE_BYTES;
  const within = (length: number): number => {
    left -= length;
    if (!(length >= 0 && length <= MOST_PAGE_BYTES && left >= 0)) throw new RangeError("pages that become more than a gigabyte");
    return length;
  };
  return {
    SNAPPY: (input, length) => {
      const output = new Uint8Array(within(length));
      snappyUncompress(input, output);
      return output;
    },
    GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, within(length)) }),
    BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, within(length)) }),
    ZSTD: (input, length) => unzstd(input, new Uint8Array(within(length))),
  };
}

function readRange(start: number, end: number): Promise<ArrayBuffer> {
  const id = readId++;
  return new Promise((resolve) => {
    reads.set(id, resolve);
    send({ type: "read", id, start, end });
  });
}

/** A value that can be sent and is JSON but for bytes; a buffer of its own, not the whole page's. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice();
  if (typeof value === "bigint")
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
  return value ?? null;
}
