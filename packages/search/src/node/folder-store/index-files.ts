/**
 * The files of an index. `index.json` names the current generation, and is replaced by one rename; a generation is a file of vectors (a `.npy` whose
 * header states the rows of its first day) and a log. What the log does not state does not exist.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatNpyHead, NPY_HEAD } from "../../npy/npy-head.js";
import { SearchError } from "../../search-error.js";
import { isAbsent, systemErrorCode, writingTo } from "@chinese-clip/pipeline/node";
import { openLine, sealLine } from "./sealed-line.js";

/** How `index.json` and every log begin. */
const SIGNATURE = '{"format":"chinese-clip-index",';
const VERSION = 2;

/** Values of an embedding: ten times what the largest models have. */
export const MAX_DIM = 65_536;

/** Bytes of a log's first line, or of `index.json`, at most. */
const MAX_HEAD = 4096;

/** What `index.json` states, and the first line of a log. */
export interface IndexHead {
  /** The generation, as its files are named: `1-0a1b2c3d`. */
  readonly generation: string;
  readonly dim: number;
  readonly fingerprint: string;
  /** Rows of the vectors when the generation was made. */
  readonly rows: number;
}

/** The open files of a generation. */
export interface IndexFiles {
  readonly vectors: FileHandle;
  readonly log: FileHandle;
}

/** Names of a generation's files. */
export function namesOf(folder: string, generation: string): { readonly vectors: string; readonly log: string } {
  return { vectors: join(folder, `vectors.${generation}.npy`), log: join(folder, `log.${generation}.jsonl`) };
}

/** The name of the generation that follows. */
export function nextGeneration(generation: string | undefined): string {
  return `${Number.parseInt(generation ?? "0", 10) + 1}-${randomBytes(4).toString("hex")}`;
}

/** Where `index.json` is. */
export function headFile(folder: string): string {
  return join(folder, "index.json");
}

/**
 * Reads `index.json`.
 *
 * @returns undefined where there is none.
 * @throws SearchError - `foreign-index`, `damaged-index`, `missing-file`.
 */
export async function readHead(folder: string): Promise<IndexHead | undefined> {
  const file = headFile(folder);
  const bytes = await readFile(file).catch((cause: unknown) => {
    if (isAbsent(cause)) return undefined;
    throw unreadable(file, cause);
  });
  return bytes === undefined ? undefined : parseHead(bytes, file);
}

/** Makes the files of a generation, and leaves them open; nothing refers to them before {@link commitHead}. */
export async function createGeneration(folder: string, head: IndexHead): Promise<IndexFiles & { readonly logBytes: number }> {
  const names = namesOf(folder, head.generation);
  const vectors = await open(names.vectors, "wx+");
  try {
    await writeAll(vectors, formatNpyHead(head.rows, head.dim), 0);
    const line = Buffer.from(lineOf(head));
    const log = await open(names.log, "wx+");
    await writeAll(log, line, 0).catch(async (error: unknown) => {
      await log.close();
      throw error;
    });
    return { vectors, log, logBytes: line.length };
  } catch (error) {
    await vectors.close();
    throw error;
  }
}

/**
 * Opens the files of a generation and checks how they begin.
 *
 * @returns undefined where they are gone, as after a compaction; else the files with the length of the log's first line.
 * @throws SearchError - `foreign-index`, `damaged-index`.
 */
export async function openGeneration(
  folder: string,
  head: IndexHead,
  mode: "r" | "r+",
): Promise<(IndexFiles & { readonly logBytes: number }) | undefined> {
  const names = namesOf(folder, head.generation);
  const opened: FileHandle[] = [];
  try {
    for (const name of [names.log, names.vectors]) opened.push(await open(name, mode));
    const [log, vectors] = opened as [FileHandle, FileHandle];
    const first = await readUpTo(log, MAX_HEAD);
    const end = first.indexOf(10);
    const stated = parseHead(first.subarray(0, end < 0 ? first.length : end + 1), names.log);
    if (end < 0 || lineOf(stated) !== lineOf(head))
      throw new SearchError("damaged-index", "expected the log that index.json names", { file: names.log });
    const npyHead = await readUpTo(vectors, NPY_HEAD);
    if (!npyHead.equals(formatNpyHead(head.rows, head.dim))) {
      throw new SearchError("damaged-index", "expected the header that this index was made with", { file: names.vectors });
    }
    return { log, vectors, logBytes: end + 1 };
  } catch (error) {
    for (const handle of opened) await handle.close();
    if (isAbsent(error)) return undefined;
    if (systemErrorCode(error) === undefined) throw error;
    if (mode === "r+") return writingTo(folder, () => Promise.reject(error as Error));
    throw unreadable(folder, error);
  }
}

/** Makes a generation the current one: durable when it resolves. */
export async function commitHead(folder: string, head: IndexHead): Promise<void> {
  const staged = `${headFile(folder)}.part`;
  const handle = await open(staged, "w");
  try {
    await handle.writeFile(lineOf(head));
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await syncFolderEntries(folder);
  await rename(staged, headFile(folder));
  await syncFolderEntries(folder);
}

/** Removes what compactions that ended or were killed left behind; files that are not an index's stay. */
export async function sweep(folder: string, current: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const generation = /^(?:vectors|log|int8)\.(\d+-[0-9a-f]{8})\.(?:npy|jsonl|bin)$/.exec(name)?.[1];
    if (generation !== undefined && generation !== current) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}

/** Writes all bytes at a place. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Fills bytes from a place in a file. @returns how many there are: fewer where the file ends. */
export async function readAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
  return bytes.length;
}

/** Closes a generation's files. */
export async function closeFiles({ vectors, log }: IndexFiles): Promise<void> {
  await vectors.close();
  await log.close();
}

/** The bytes of some values. */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function lineOf({ generation, dim, fingerprint, rows }: IndexHead): string {
  return sealLine({ format: "chinese-clip-index", version: VERSION, generation, dim, fingerprint, rows });
}

function parseHead(bytes: Buffer, file: string): IndexHead {
  if (bytes.toString("latin1", 0, SIGNATURE.length) !== SIGNATURE) {
    throw new SearchError("foreign-index", "expected an index of @chinese-clip/search", { file });
  }
  const line = bytes.length <= MAX_HEAD && bytes.at(-1) === 10 ? openLine(bytes.subarray(0, -1)) : undefined;
  if (line === undefined) throw new SearchError("damaged-index", "its bytes are not those that were written", { file });
  const { version, generation, dim, fingerprint, rows } = line;
  if (version !== VERSION) {
    throw new SearchError("foreign-index", "an index of another version; update @chinese-clip/search", {
      file,
      expected: VERSION,
      actual: String(version),
    });
  }
  const isValid =
    typeof generation === "string" &&
    /^\d{1,9}-[0-9a-f]{8}$/.test(generation) &&
    typeof fingerprint === "string" &&
    isCount(dim, 1, MAX_DIM) &&
    isCount(rows, 0, Number.MAX_SAFE_INTEGER);
  if (!isValid) throw new SearchError("damaged-index", "expected generation, dim, fingerprint and rows", { file });
  return { generation, dim, fingerprint, rows };
}

function unreadable(file: string, cause: unknown): SearchError {
  return new SearchError(
    "missing-file",
    `cannot be read (${systemErrorCode(cause) ?? String(cause)}); check its permissions`,
    { file },
    { cause },
  );
}

/** Whether a value is an integer of a range. */
export function isCount(value: unknown, minimum: number, maximum: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum;
}

async function readUpTo(handle: FileHandle, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

/** Makes renames durable, where a folder can be synced; Windows does that itself. */
async function syncFolderEntries(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
}
