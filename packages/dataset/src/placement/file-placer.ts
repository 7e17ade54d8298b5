/**
 * Copies or moves files into folders. Nothing is ever overwritten: a name that is taken gets a number, and the name is taken before the first byte is
 * written, so that two programs do not choose the same.
 */
import { copyFile, constants, lstat, mkdir, open, realpath, rename, rm, symlink, unlink, utimes } from "node:fs/promises";
import { basename, dirname, join, parse, resolve } from "node:path";
import { isAbsent, OutputError, systemErrorCode, writingTo } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";
import { missingFile } from "../files/read-lines.js";
import { bytesOfLabel } from "./bytes-of-label.js";

/** How files are placed. */
export interface PlacementOptions {
  /** Whether they are moved, not copied. */
  readonly move: boolean;
  /** Whether only the names are found. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** One file's way. */
export interface Placement {
  /** The path that was given. */
  readonly from: string;
  /** Absolute path of the new file. */
  readonly to: string;
}

/** Numbers that are tried for a name that is taken. */
const MOST_NUMBERS = 100_000;

/** Places one file after the other. */
export class FilePlacer {
  readonly #move: boolean;
  readonly #dryRun: boolean;
  /** Where a name's numbers are tried from: those before are taken. */
  readonly #numbers: Map<string, number> = new Map();

  constructor({ move, dryRun = false }: PlacementOptions) {
    this.#move = move;
    this.#dryRun = dryRun;
  }

  /**
   * Places a file under its own name, or that name with a number.
   *
   * @param source - its path, as an index or a list has it; `\xNN` stands for a byte that is no UTF-8.
   * @param folder - made where it is missing.
   * @returns undefined where the file is in the folder already.
   * @throws DatasetError - the file is gone, is a folder, or cannot be read; OutputError - the folder, the disk or, for a move, the file's
   * own folder cannot be written to. Then the file is where it was, and there is nothing new.
   */
  async place(source: string, folder: string): Promise<Placement | undefined> {
    const from = await openable(source);
    const target = resolve(folder);
    const isLink = (await lstat(from)).isSymbolicLink();
    if (!this.#dryRun) await writingTo(target, () => mkdir(target, { recursive: true }));
    const [home, there] = await Promise.all([
      realpath(dirname(resolve(source))).catch(() => undefined),
      realpath(target).catch(() => target),
    ]);
    if (home === there) return undefined;
    const name = basename(source).replaceAll(/\p{Cs}/gu, "_");
    if (this.#dryRun) return { from: source, to: await this.#freeName(target, name) };
    if (isLink) return { from: source, to: await this.#placeLink(from, dirname(source), target, name) };
    const to = await this.#takeName(target, name, async (path) => (await open(path, "wx")).close());
    try {
      if (this.#move) await moveOnto(from, to, dirname(source));
      else await copyOnto(from, to);
    } catch (error) {
      await rm(to, { force: true });
      throw placedError(source, to, error);
    }
    return { from: source, to };
  }

  /** A link is placed as a link to the same file, which is where it was. */
  async #placeLink(from: string | Buffer, home: string, folder: string, name: string): Promise<string> {
    if (!this.#move) {
      const to = await this.#takeName(folder, name, async (path) => (await open(path, "wx")).close());
      await copyOnto(from, to);
      return to;
    }
    const file = await realpath(from);
    const to = await this.#takeName(folder, name, (path) => symlink(file, path));
    try {
      await unlink(from);
    } catch (error) {
      await rm(to, { force: true });
      throw leavingError(home, error);
    }
    return to;
  }

  /** The first free name, after `take` has made something of it. */
  async #takeName(folder: string, name: string, take: (path: string) => Promise<void>): Promise<string> {
    for (const path of this.#names(folder, name)) {
      try {
        await take(path);
        return path;
      } catch (error) {
        if (systemErrorCode(error) !== "EEXIST") return writingTo(folder, () => Promise.reject(error));
      }
    }
    throw new DatasetError("no-free-name", { file: join(folder, name) });
  }

  async #freeName(folder: string, name: string): Promise<string> {
    for (const path of this.#names(folder, name)) {
      const isTaken = await lstat(path).then(
        () => true,
        () => false,
      );
      if (!isTaken) return path;
    }
    throw new DatasetError("no-free-name", { file: join(folder, name) });
  }

  /** `a.jpg`, `a (2).jpg`, …; the names before the one that was taken last are not tried again. */
  *#names(folder: string, name: string): Generator<string, void, undefined> {
    const { name: stem, ext } = parse(name);
    const key = join(folder, name.toLowerCase());
    for (let number = this.#numbers.get(key) ?? 1; number <= MOST_NUMBERS; number++) {
      this.#numbers.set(key, number + 1);
      yield join(folder, number === 1 ? name : `${stem} (${number})${ext}`);
    }
  }
}

/** What opens the file that a path names. */
async function openable(source: string): Promise<string | Buffer> {
  const candidates = [source, bytesOfLabel(source)];
  for (const path of candidates) {
    const found = path === undefined ? undefined : await lstat(path).catch(() => undefined);
    if (path === undefined || found === undefined) continue;
    if (found.isDirectory()) throw new DatasetError("not-a-file", { file: source });
    return path;
  }
  return lstat(source).then(
    () => source,
    (cause: unknown) => Promise.reject(missingFile(source, cause)),
  );
}

/** Onto an empty file of ours, which the move replaces. */
async function moveOnto(from: string | Buffer, to: string, home: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== "EXDEV") throw leavingError(home, error);
    await copyOnto(from, to);
    await unlink(from).catch((cause: unknown) => Promise.reject(leavingError(home, cause)));
  }
}

/** A file that may be read and not be taken out of its folder. */
function leavingError(home: string, error: unknown): unknown {
  const code = systemErrorCode(error) ?? "";
  if (!["EACCES", "EPERM", "EROFS"].includes(code)) return error;
  const reason = `a file that is moved is removed from its folder: ${error instanceof Error ? error.message : String(error)}`;
  return new OutputError("not-writable", { path: home, errno: code, reason }, { cause: error });
}

/** A copy has the times of its file, so that an index sees that it is the same. */
async function copyOnto(from: string | Buffer, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const { atime, mtime } = await lstat(from);
  await utimes(to, atime, mtime);
}

function placedError(from: string, to: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (code === "ENOSPC" || code === "EDQUOT") return new OutputError("disk-full", { path: to, errno: code, reason }, { cause: error });
  return isAbsent(error) || code === "EACCES" || code === "EPERM" ? missingFile(from, error) : error;
}
