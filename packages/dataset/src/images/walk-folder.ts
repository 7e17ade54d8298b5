/**
 * Files below a folder, with what was skipped on the way. Each folder is read once, whatever links lead to it, so that none forms a cycle;
 * only regular files count, so that a pipe is never opened; and names are bytes, as they are on disk.
 */
import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, sep } from "node:path";
import { DatasetError, isRunFault } from "../dataset-error.js";
import { missingFile } from "../files/read-lines.js";

/** A file's path: a string, or its bytes where they are no UTF-8, as in an archive with GBK names. */
export interface FilePath {
  /** The path for people and for output files; bytes that are no UTF-8 are written as `\xNN`. */
  readonly label: string;
  /** What opens the file. */
  readonly path: string | Buffer;
}

/** What a walk skipped. */
export class SkippedFiles {
  /** Files of other types: lower-case extension with its dot, or `"other"`; and how many. */
  readonly byType: Map<string, number> = new Map();
  /** Folders that could not be read. */
  readonly folders: { readonly folder: string; readonly error: unknown }[] = [];
  /** Folders below the first without an entry, and links that lead nowhere: what is left of a drive that is not mounted. */
  readonly vacant: string[] = [];

  /** Counts one file. */
  add(type: string): void {
    this.byType.set(type, (this.byType.get(type) ?? 0) + 1);
  }

  /** Takes over what another walk skipped. */
  merge(other: SkippedFiles): void {
    for (const [type, count] of other.byType) this.byType.set(type, (this.byType.get(type) ?? 0) + count);
    for (const folder of other.folders) this.folders.push(folder);
    for (const path of other.vacant) this.vacant.push(path);
  }

  /** How many files were skipped. */
  get count(): number {
    return [...this.byType.values()].reduce((sum, count) => sum + count, 0);
  }
}

/** Which files a walk gives. */
export interface WalkRules {
  /** Lower-case extensions with their dot. */
  readonly extensions: ReadonlySet<string>;
  /** Whether hidden files and folders, and those that file managers and network drives make, count. */
  readonly includeHidden: boolean;
  /** Folders that are not read, whatever link leads to them; those that are not there are ignored. */
  readonly exclude?: readonly string[];
  /** Told of each folder, before its entries are read. */
  readonly onFolder?: (folder: Buffer) => void;
}

/** Folders that systems and network drives put among people's files. */
const SYSTEM_FOLDERS = new Set(["@eaDir", "__MACOSX", "$RECYCLE.BIN", "#recycle", "@Recycle", "lost+found", "System Volume Information"]);

/** Folders within folders beyond which a walk ends. */
const DEEPEST = 100;

/** An entry of a folder. */
interface Entry {
  readonly name: Buffer;
  readonly kind: "file" | "folder" | "broken-link" | "other";
}

/**
 * Files of a folder by name, then those of its folders by name, all compared byte by byte.
 *
 * @throws DatasetError - `no-such-folder` and its like for the folder itself; those below it are noted in `skipped`; `out-of-resources`.
 */
export async function* walkFolder(root: string, rules: WalkRules, skipped: SkippedFiles): AsyncGenerator<FilePath, void, undefined> {
  const path = Buffer.from(root);
  const seen = new Set<string>();
  for (const folder of rules.exclude ?? []) {
    const id = await idOf(Buffer.from(folder)).catch(() => undefined);
    if (id !== undefined) seen.add(id);
  }
  rules.onFolder?.(path);
  yield* walk(path, await entriesOf(path), { rules, skipped, seen: seen.add(await idOf(path)) }, DEEPEST);
}

interface Walk {
  readonly rules: WalkRules;
  readonly skipped: SkippedFiles;
  /** Device and inode of the folders that were read. */
  readonly seen: Set<string>;
}

async function* walk(
  folder: Buffer,
  entries: readonly Entry[],
  { rules, skipped, seen }: Walk,
  left: number,
): AsyncGenerator<FilePath, void, undefined> {
  if (left === 0) throw new DatasetError("folder-too-deep", { file: labelOf(folder) });
  const folders: Buffer[] = [];
  for (const { name, kind } of entries) {
    if (!rules.includeHidden && isHidden(name)) continue;
    const path = within(folder, name);
    if (kind === "folder") folders.push(path);
    else if (kind === "file" && rules.extensions.has(extensionOf(name))) yield filePath(path);
    else skipped.add(kind === "file" ? extensionOf(name) || "other" : "other");
    if (kind === "broken-link") skipped.vacant.push(labelOf(path));
  }
  for (const path of folders) {
    try {
      const id = await idOf(path);
      if (seen.has(id)) continue;
      seen.add(id);
    } catch (error) {
      skipped.folders.push({ folder: labelOf(path), error: missingFile(labelOf(path), error) });
      continue;
    }
    rules.onFolder?.(path);
    const below = await entriesOf(path).catch((error: unknown) => {
      if (isRunFault(error)) throw error;
      skipped.folders.push({ folder: labelOf(path), error });
      return undefined;
    });
    if (below?.every(({ name }) => isHidden(name)) === true) skipped.vacant.push(labelOf(path));
    if (below !== undefined) yield* walk(path, below, { rules, skipped, seen }, left - 1);
  }
}

/**
 * The entries of a folder in the order of their bytes; a link is what it leads to.
 *
 * @throws DatasetError - `no-such-folder`, `not-a-folder`, `unreadable`.
 */
export async function entriesOf(folder: string | Buffer): Promise<Entry[]> {
  const path = Buffer.from(folder);
  const found = await readdir(path, { withFileTypes: true, encoding: "buffer" }).catch((cause: unknown) => {
    const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") throw new DatasetError("no-such-folder", { file: labelOf(path) }, { cause });
    if (code === "ENOTDIR") throw new DatasetError("not-a-folder", { file: labelOf(path) }, { cause });
    throw missingFile(labelOf(path), cause);
  });
  const entries: Entry[] = [];
  for (const entry of found) {
    const name = Buffer.from(entry.name);
    const target = entry.isSymbolicLink() ? await stat(within(path, name)).catch(() => undefined) : entry;
    entries.push({ name, kind: target === undefined ? "broken-link" : kindOf(target) });
  }
  return entries.sort((a, b) => Buffer.compare(a.name, b.name));
}

function kindOf(entry: Pick<Stats, "isFile" | "isDirectory">): Entry["kind"] {
  return entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
}

async function idOf(folder: Buffer): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true }).catch((cause: unknown) => {
    throw missingFile(labelOf(folder), cause);
  });
  return `${dev}:${ino}`;
}

/** Whether a file or folder is hidden, or one that file managers and network drives make. */
export function isHidden(name: Buffer): boolean {
  return name[0] === 0x2e || SYSTEM_FOLDERS.has(name.toString("latin1"));
}

function extensionOf(name: Buffer): string {
  const text = name.toString("latin1");
  const dot = text.lastIndexOf(".");
  return dot <= 0 ? "" : text.slice(dot).toLowerCase();
}

function within(folder: Buffer, name: Buffer): Buffer {
  const end = folder.at(-1) === sep.charCodeAt(0) ? "" : sep;
  return folder.length === 0 ? name : Buffer.concat([folder, Buffer.from(end), name]);
}

/** A path from its bytes. */
export function filePath(bytes: Buffer): FilePath {
  return isUtf8(bytes) ? { label: bytes.toString(), path: bytes.toString() } : { label: labelOf(bytes), path: bytes };
}

function labelOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  // Byte by byte where it is no UTF-8; a name's valid characters are few enough to be looked for one by one.
  let label = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((size) => at + size <= bytes.length && isUtf8(bytes.subarray(at, at + size)));
    label += length === undefined ? `\\x${bytes.toString("hex", at, at + 1)}` : bytes.toString("utf8", at, at + length);
    at += length ?? 1;
  }
  return label;
}

/** The last part of a path. */
export function nameOf({ label }: FilePath): string {
  return basename(label);
}
