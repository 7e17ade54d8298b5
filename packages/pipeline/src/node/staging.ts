/**
 * Files and folders that appear whole or not at all: a writer takes a lock, writes beside the place, and commits by renaming. What a killed
 * writer left is removed by the next one.
 *
 *     new folder out       .out.chinese-clip.part/ beside it     -> out, one rename
 *     folder out           out/.chinese-clip.part/               -> out/.chinese-clip.commit/, one rename, from where the files are moved
 *     file out.json        .out.json.chinese-clip.part           -> out.json, one rename
 *
 * A `.commit` folder is whole: whoever finds one moves its files on.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { FileLock } from "./file-lock.js";
import { OutputError, writingTo } from "./output-error.js";

const MARK = ".chinese-clip";

/**
 * Writes files into a folder: all of them appear, or none.
 *
 * @param target - is made if need be; files of the same names are replaced, others stay.
 * @param write - writes the files, folders among them, into the folder that it is given.
 * @throws OutputError - the place cannot be written; what `write` throws; the signal's reason.
 */
export async function stageFolder<Result>(
  target: string,
  write: (staging: string) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const { stem, lock, isThere } = await lockFolder(target, signal);
  const part = `${stem}.part`;
  try {
    if (isThere) await removeStale(besideStem(target));
    await writingTo(target, async () => {
      finishCommit(stem, target);
      await rm(part, { recursive: true, force: true });
      await mkdir(part);
    });
    const result = await write(part);
    signal?.throwIfAborted();
    await writingTo(target, () => {
      commit(stem, target, isThere);
      lock.releaseAtOnce();
    });
    return result;
  } catch (error) {
    await giveUp(part, lock);
    throw error;
  }
}

/**
 * Writes one file, folders included: it appears whole, or what was there before stays. Where the target is a symbolic link, the file that it leads to is
 * written.
 *
 * @param write - writes the file under the name that it is given.
 * @throws OutputError - the place cannot be written, or is a folder, a device, a named pipe or a socket; what `write` throws; the signal's reason.
 */
export async function stageFile<Result>(named: string, write: (part: string) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  const target = await writingTo(named, () => endOfLinks(named));
  await writingTo(named, () => checkReplaceable(named, statSync(target, { throwIfNoEntry: false })));
  const stem = besideStem(target);
  const part = `${stem}.part`;
  const lock = await writingTo(dirname(target), () => FileLock.acquire(`${stem}.lock`, signal));
  try {
    const result = await write(part);
    signal?.throwIfAborted();
    await writingTo(target, () => {
      renameSync(part, target);
      lock.releaseAtOnce();
    });
    return result;
  } catch (error) {
    await giveUp(part, lock);
    throw error;
  }
}

/** Removes what was written, unless the next writer has the place already. */
async function giveUp(part: string, lock: FileLock): Promise<void> {
  if (await lock.isHeld()) await rm(part, { recursive: true, force: true }).catch(() => undefined);
  await lock.release();
}

/** Removes what killed writers left beside the targets in a folder. Failures are not reported. */
export async function sweepStaging(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const stems = new Set(names.flatMap((name) => /^(\..+\.chinese-clip)\.(?:part|lock)$/u.exec(name)?.[1] ?? []));
  for (const stem of stems) await removeStale(join(folder, stem)).catch(() => undefined);
}

/** Takes a target's lock, which lies in it, or beside it as long as it is not there. */
async function lockFolder(
  target: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly stem: string; readonly lock: FileLock; readonly isThere: boolean }> {
  for (;;) {
    const isThere = await writingTo(target, () => isFolder(target));
    const stem = isThere ? join(target, MARK) : besideStem(target);
    const lock = await writingTo(isThere ? target : dirname(target), () => FileLock.acquire(`${stem}.lock`, signal));
    // Another writer may have made the folder in the meantime.
    if (isFolder(target) === isThere) return { stem, lock, isThere };
    await lock.release();
  }
}

/** Where a symbolic link leads, also to nothing: a rename would replace the link. */
function endOfLinks(path: string): string {
  statSync(path, { throwIfNoEntry: false }); // a cycle is an error
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? endOfLinks(resolve(dirname(path), readlinkSync(path))) : path;
}

/** @throws OutputError - a rename would remove what is no file: as root even `/dev/null`. */
function checkReplaceable(path: string, found: Stats | undefined): void {
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return;
  forgetPipe(found);
  const [errno, kind] = found.isDirectory() ? ["EISDIR", "a folder"] : ["EINVAL", found.isFIFO() ? "a named pipe" : found.isSocket() ? "a socket" : "a device"]; // prettier-ignore
  throw new OutputError("not-writable", { path, errno, reason: `expected a file, got ${kind}` });
}

function besideStem(target: string): string {
  return join(dirname(target), `.${basename(target)}${MARK}`);
}

function isFolder(target: string): boolean {
  const found = statSync(target, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) {
    forgetPipe(found);
    throw new OutputError("not-writable", { path: target, errno: "ENOTDIR", reason: "expected a folder, got a file" });
  }
  return found !== undefined;
}

/**
 * Node resolves a module by what its last synchronous `stat` was of, whoever called it: after a named pipe it stops at a symbolic link, as all
 * packages are that pnpm installs (`realpathSync` of Node 20), and does not find what lies beside the package.
 */
function forgetPipe(found: Stats): void {
  if (found.isFIFO()) statSync("/");
}

/** Removes a staging place unless its writer lives. */
async function removeStale(stem: string): Promise<void> {
  if (!existsSync(`${stem}.part`) && !existsSync(`${stem}.lock`)) return;
  const lock = await FileLock.tryAcquire(`${stem}.lock`);
  if (!(lock instanceof FileLock)) return;
  await rm(`${stem}.part`, { recursive: true, force: true });
  await lock.release();
}

/** Without a pause in which a signal could come between two renames. */
function commit(stem: string, target: string, isThere: boolean): void {
  if (!isThere) return renameSync(`${stem}.part`, target);
  for (const name of filesIn(`${stem}.part`)) {
    // What cannot be replaced shows before the first file is.
    checkReplaceable(join(target, name), lstatSync(join(target, name), { throwIfNoEntry: false }));
    mkdirSync(dirname(join(target, name)), { recursive: true });
  }
  renameSync(`${stem}.part`, `${stem}.commit`);
  finishCommit(stem, target);
}

function finishCommit(stem: string, target: string): void {
  const whole = `${stem}.commit`;
  if (!existsSync(whole)) return;
  for (const name of filesIn(whole)) {
    mkdirSync(dirname(join(target, name)), { recursive: true });
    renameSync(join(whole, name), join(target, name));
  }
  rmSync(whole, { recursive: true, force: true });
}

/** In the order in which they were written, so that a model never appears before the data file that it names. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, writtenAt: statSync(path, { bigint: true }).mtimeNs }))
    .sort((a, b) => Number(a.writtenAt - b.writtenAt))
    .map(({ path }) => relative(folder, path));
}
