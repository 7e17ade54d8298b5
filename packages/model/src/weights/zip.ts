/**
 * Finds the entries of a zip archive, also above 4 GB. Follows PKWARE's APPNOTE 6.3.10 (4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3), and departs
 * from it in what it takes: the archive is the whole file and ends without a comment, as torch and Python write it, so that there is one
 * way to read it; entries do not overlap; and the directory's word is checked against the header in front of the data.
 */
import { malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";

/** Fifty times what the 2,400 storages of ViT-H-14 with its optimizer's state take. */
const MAX_DIRECTORY_BYTES = 8 * 1024 * 1024;

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
/** Lengths of those records, without the parts that vary. */
const LOCAL_BYTES = 30;
const ENTRY_BYTES = 46;
const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR_BYTES = 20;
/** What a 32-bit field says when a 64-bit one speaks for it. */
const SEE_64 = 0xffffffff;
const SEE_64_COUNT = 0xffff;
const ENCRYPTED = 1;

/** One file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** 0 for stored, 8 for deflated. */
  readonly method: number;
  /** Bytes in the archive. */
  readonly compressedSize: number;
  /** Bytes of the file itself. */
  readonly size: number;
  /** Where its header starts. */
  readonly headerOffset: number;
  /** Where the next header, or the directory, starts. */
  readonly limit: number;
}

/**
 * Reads an archive's directory.
 *
 * @returns name -> entry.
 * @throws {@link CheckpointError} `malformed`, naming the entry.
 */
export async function readZipDirectory(file: CheckpointFile): Promise<Map<string, ZipEntry>> {
  const { start, end, count } = await findDirectory(file);
  if (end - start > MAX_DIRECTORY_BYTES)
    malformed(file, `expected a zip directory of at most ${MAX_DIRECTORY_BYTES} bytes, got ${end - start}`);
  const view = viewOf(await file.read(start, end));
  const entries: Omit<ZipEntry, "limit">[] = [];
  let at = 0;
  while (at < view.byteLength) {
    if (view.byteLength - at < ENTRY_BYTES || view.getUint32(at, true) !== DIRECTORY_ENTRY) broken(file, start + at);
    const variable = at + ENTRY_BYTES;
    const extra = variable + view.getUint16(at + 28, true);
    const comment = extra + view.getUint16(at + 30, true);
    const next = comment + view.getUint16(at + 32, true);
    if (next > view.byteLength) broken(file, start + at);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + variable, extra - variable));
    if ((view.getUint16(at + 8, true) & ENCRYPTED) !== 0) malformed(file, `zip entry ${quote(name)}: expected no encryption`);
    // Order matters: the 64-bit fields follow one another in it, as far as they are needed.
    const [size, compressedSize, headerOffset] = wideFields(
      file,
      name,
      [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
      new DataView(view.buffer, view.byteOffset + extra, comment - extra),
    );
    entries.push({ name, method: view.getUint16(at + 10, true), size, compressedSize, headerOffset });
    at = next;
  }
  if (entries.length !== count) malformed(file, `expected ${count} entries in the zip directory, got ${entries.length}`);

  entries.sort((a, b) => a.headerOffset - b.headerOffset);
  const byName = new Map<string, ZipEntry>();
  for (const [i, entry] of entries.entries()) {
    const limit = entries[i + 1]?.headerOffset ?? start;
    if (entry.headerOffset + LOCAL_BYTES + entry.compressedSize > limit)
      malformed(file, `zip entry ${quote(entry.name)}: expected it to end before the next one starts, at byte ${limit}`);
    if (byName.has(entry.name)) malformed(file, `zip entry ${quote(entry.name)}: expected the name once`);
    byName.set(entry.name, { ...entry, limit });
  }
  return byName;
}

/**
 * Finds the first byte of an entry's data. Reads the header in front of it.
 *
 * @throws {@link CheckpointError} `malformed`, where header and directory do not agree.
 */
export async function locateZipEntry(file: CheckpointFile, entry: ZipEntry): Promise<number> {
  const { name, headerOffset, compressedSize, size, limit } = entry;
  const encoded = new TextEncoder().encode(name);
  const view = viewOf(await file.read(headerOffset, Math.min(headerOffset + LOCAL_BYTES + encoded.length, limit)));
  const disagree = (what: string): never =>
    malformed(file, `zip entry ${quote(name)}: expected its header to agree with the directory on ${what}`);
  if (view.byteLength < LOCAL_BYTES + encoded.length || view.getUint32(0, true) !== LOCAL_HEADER) disagree("its place");
  if (view.getUint16(8, true) !== entry.method) disagree("its compression");
  const nameLength = view.getUint16(26, true);
  if (nameLength !== encoded.length || encoded.some((byte, i) => view.getUint8(LOCAL_BYTES + i) !== byte)) disagree("its name");
  // Zero where the sizes follow the data, as torch writes it.
  for (const [offset, expected] of [[18, compressedSize] as const, [22, size] as const]) {
    const actual = view.getUint32(offset, true);
    if (actual !== expected && actual !== SEE_64 && actual !== 0) disagree("its size");
  }
  const start = headerOffset + LOCAL_BYTES + nameLength + view.getUint16(28, true);
  if (start + compressedSize > limit)
    malformed(
      file,
      `zip entry ${quote(name)}: expected its data to end before the next entry starts, at byte ${limit}, got ${start + compressedSize}`,
    );
  return start;
}

/**
 * Reads an entry whole, inflating it where it is deflated.
 *
 * @param ceiling - the most bytes that it may have.
 * @throws {@link CheckpointError} `malformed`, where it is larger, or not what the directory says.
 */
export async function readZipEntry(file: CheckpointFile, entry: ZipEntry, ceiling: number): Promise<Uint8Array> {
  const { name, method, size, compressedSize } = entry;
  if (size > ceiling || compressedSize > ceiling)
    malformed(file, `zip entry ${quote(name)}: expected at most ${ceiling} bytes, got ${Math.max(size, compressedSize)}`);
  const start = await locateZipEntry(file, entry);
  const bytes = await file.read(start, start + compressedSize);
  if (method === 0 && size === compressedSize) return bytes;
  if (method !== 8) malformed(file, `zip entry ${quote(name)}: expected it to be stored or deflated, got compression method ${method}`);
  const inflated = new Uint8Array(size);
  let length = 0;
  try {
    const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    for await (const chunk of chunksOf(stream)) {
      length += chunk.length;
      if (length > size) break; // leaving ends the stream; a bomb goes no further
      inflated.set(chunk, length - chunk.length);
    }
  } catch (cause) {
    malformed(file, `zip entry ${quote(name)}: expected deflated data`, {}, { cause });
  }
  if (length !== size) malformed(file, `zip entry ${quote(name)}: expected ${size} bytes when inflated`);
  return inflated;
}

/** Browsers do not yet iterate over streams. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => undefined); // a stream that failed has said so already
  }
}

async function findDirectory(file: CheckpointFile): Promise<{ start: number; end: number; count: number }> {
  const tailStart = Math.max(0, file.byteLength - END_BYTES - LOCATOR_BYTES - END64_BYTES);
  const view = viewOf(await file.read(tailStart, file.byteLength));
  const end = view.byteLength - END_BYTES;
  if (end < 0 || view.getUint32(end, true) !== END)
    malformed(file, "expected a zip archive to end with its directory; the file is cut short, or something was added to it");
  const locator = end - LOCATOR_BYTES;
  let count = view.getUint16(end + 10, true);
  let size = view.getUint32(end + 12, true);
  let start = view.getUint32(end + 16, true);
  let directoryEnd = tailStart + end;
  if (locator >= END64_BYTES && view.getUint32(locator, true) === END64_LOCATOR) {
    const record = locator - END64_BYTES;
    const wide = [view.getBigUint64(record + 32, true), view.getBigUint64(record + 40, true), view.getBigUint64(record + 48, true)].map(
      Number,
    );
    const agrees = (narrow: number, value: number | undefined, escape: number): boolean => narrow === escape || narrow === value;
    if (
      view.getUint32(record, true) !== END64 ||
      view.getBigUint64(locator + 8, true) !== BigInt(tailStart + record) ||
      !agrees(count, wide[0], SEE_64_COUNT) ||
      !agrees(size, wide[1], SEE_64) ||
      !agrees(start, wide[2], SEE_64)
    )
      malformed(file, "expected both ends of the zip directory to agree");
    [count = 0, size = 0, start = 0] = wide;
    directoryEnd = tailStart + record;
  }
  if (start + size !== directoryEnd)
    malformed(file, `expected the zip directory to end at byte ${directoryEnd}, where its end record starts, got ${start + size}`);
  return { start, end: directoryEnd, count };
}

/** The 64-bit fields (4.5.3) in the place of those 32-bit ones that have no room. */
function wideFields(
  file: CheckpointFile,
  name: string,
  narrow: readonly [number, number, number],
  extra: DataView,
): [number, number, number] {
  let field = 0;
  let fieldEnd = 0;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === 1 && end <= extra.byteLength) [field, fieldEnd] = [at + 4, end];
    at = end;
  }
  const wide = narrow.map((value) => {
    if (value !== SEE_64) return value;
    if (field + 8 > fieldEnd) malformed(file, `zip entry ${quote(name)}: expected a 64-bit size or offset`);
    field += 8;
    return Number(extra.getBigUint64(field - 8, true));
  });
  const [size = 0, compressedSize = 0, headerOffset = 0] = wide;
  if (compressedSize > file.byteLength || headerOffset > file.byteLength)
    malformed(file, `zip entry ${quote(name)}: expected it to lie within the file's ${file.byteLength} bytes`);
  return [size, compressedSize, headerOffset];
}

function broken(file: CheckpointFile, at: number): never {
  malformed(file, `expected an entry of the zip directory at byte ${at}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
