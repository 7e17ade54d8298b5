/**
 * One model's folder in the cache: the layout of Python's huggingface_hub (`file_download.py`), so that both find each other's files.
 *
 * ```
 * models--owner--name/
 *   blobs/<etag>                     the bytes, named by sha256 (large files) or git's sha1 (small ones)
 *   refs/<revision>                  the commit that a branch or tag was last seen at
 *   snapshots/<commit>/<file>        relative symlinks to the blobs; where the system has none, the files themselves
 *   .no_exist/<commit>/<file>        empty: the commit has no such file
 *   .listing/<commit>.json           ours: the names of all files of the commit
 * .locks/models--owner--name/<etag>.node.lock
 * ```
 * Departs from Python in two names. A download in progress is `blobs/<etag>.node.incomplete`: older Pythons append to `<etag>.incomplete`
 * under a lock that Node cannot take, and two writers would spoil the file. The lock's name has a reason too, see pipeline's `file-lock.ts`.
 */
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileSize } from "../files/disk-file.js";
import { errorMessage, HubError } from "@chinese-clip/pipeline";
import { isSafeId, isSafePath } from "./hub-path.js";
import { OutputError, stageFile, systemErrorCode } from "@chinese-clip/pipeline/node";

/** Paths and small files of one model in the cache. Names must have been checked before. */
export class HubCache {
  /** Absolute path of the model's folder. */
  readonly path: string;
  readonly #locks: string;
  readonly #symlinks: boolean;

  /**
   * @param folder - such as `models--owner--name`.
   * @param symlinks - whether to try symlinks at all.
   */
  constructor(cacheDir: string, folder: string, symlinks: boolean) {
    this.path = join(cacheDir, folder);
    this.#locks = join(cacheDir, ".locks", folder);
    this.#symlinks = symlinks;
  }

  blobPath(etag: string): string {
    return join(this.path, "blobs", etag);
  }

  partialPath(etag: string): string {
    return join(this.path, "blobs", `${etag}.node.incomplete`);
  }

  lockPath(etag: string): string {
    return join(this.#locks, `${etag}.node.lock`);
  }

  snapshotPath(commit: string, name = ""): string {
    return join(this.path, "snapshots", commit, ...name.split("/"));
  }

  /** The commit that a branch or tag was last seen at. */
  async readRef(revision: string): Promise<string | undefined> {
    const commit = await readFile(join(this.path, "refs", ...revision.split("/")), "utf8").catch(() => "");
    return isSafeId(commit.trim()) ? commit.trim() : undefined;
  }

  /** Remembers a branch's commit. In a cache that cannot be written, what is there may still be used: failures are not reported. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.readRef(revision)) === commit) return;
    await this.#note(join(this.path, "refs", ...revision.split("/")), commit);
  }

  /** Whether a file of a commit is there, whole. */
  async has(commit: string, name: string): Promise<boolean> {
    return (await fileSize(this.snapshotPath(commit, name))) !== undefined;
  }

  /** Names of the files of a commit that are there, those in folders with the way to them. */
  async snapshotNames(commit: string): Promise<readonly string[]> {
    const found = await readdir(this.snapshotPath(commit), { recursive: true }).catch(() => []);
    const names = found.map((name) => name.replaceAll("\\", "/"));
    const there = await Promise.all(names.map((name) => this.has(commit, name)));
    return names.filter((_, i) => there[i] === true);
  }

  /** Whether a commit is known not to have a file. */
  async isMarkedMissing(commit: string, name: string): Promise<boolean> {
    return (await fileSize(join(this.path, ".no_exist", commit, ...name.split("/")))) !== undefined;
  }

  /** Remembers that a commit has no such file. */
  async markMissing(commit: string, name: string): Promise<void> {
    if (!(await this.isMarkedMissing(commit, name))) await this.#note(join(this.path, ".no_exist", commit, ...name.split("/")), "");
  }

  /** Names of all files of a commit, if they were ever listed. */
  async readListing(commit: string): Promise<readonly string[] | undefined> {
    const text = await readFile(join(this.path, ".listing", `${commit}.json`), "utf8").catch(() => "null");
    try {
      const names: unknown = JSON.parse(text);
      return Array.isArray(names) ? names.filter((name): name is string => typeof name === "string" && isSafePath(name)) : undefined;
    } catch {
      return undefined;
    }
  }

  async writeListing(commit: string, names: readonly string[]): Promise<void> {
    if ((await this.readListing(commit)) === undefined)
      await this.#note(join(this.path, ".listing", `${commit}.json`), JSON.stringify(names));
  }

  /**
   * Makes a blob visible as a file of a commit.
   *
   * @param isNew - whether nobody else has the blob yet: without symlinks it is moved then, and copied else, as in Python.
   */
  async link(etag: string, commit: string, name: string, isNew: boolean): Promise<void> {
    const [blob, pointer] = [this.blobPath(etag), this.snapshotPath(commit, name)];
    await mkdir(dirname(pointer), { recursive: true });
    if (this.#symlinks) {
      try {
        return await symlink(relative(dirname(pointer), blob), pointer);
      } catch (error) {
        const code = systemErrorCode(error);
        if (code === "EEXIST") {
          if (await this.has(commit, name)) return; // another process was faster
          await rm(pointer, { force: true }); // it leads nowhere: its blob was deleted
          return symlink(relative(dirname(pointer), blob), pointer);
        }
        // Windows without the right to make symlinks, file systems without them.
        if (!["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "UNKNOWN"].includes(code ?? "")) throw error;
      }
    }
    if (isNew) return rename(blob, pointer);
    await stageFile(pointer, (part) => copyFile(blob, part));
  }

  /** Marks the cache as one that backups may skip, once; by https://bford.info/cachedir/, as Python does. */
  async tag(): Promise<void> {
    const path = join(dirname(this.path), "CACHEDIR.TAG");
    if ((await stat(path).catch(() => undefined)) === undefined)
      await this.#note(
        path,
        "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by chinese-clip.\n",
      );
  }

  /** Writes a small file so that nobody ever reads half of it. What it says can be found out again, so failures are not reported. */
  async #note(path: string, text: string): Promise<void> {
    await stageFile(path, (part) => writeFile(part, text)).catch(() => undefined);
  }
}

/** An error of the file system while writing to the cache, as one that says what to do; any other as it is. */
export function cacheError(thrown: unknown, path: string): unknown {
  const error = thrown instanceof OutputError ? thrown.cause : thrown;
  const code = thrown instanceof OutputError ? thrown.details.errno : systemErrorCode(error);
  if (code === undefined) return thrown;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new HubError(
      "disk",
      `${path}: the disk is full. Free some space, or set HF_HUB_CACHE or the cacheDir option to a folder on another disk`,
      { path, errno: code },
      { cause: error },
    );
  }
  return new HubError(
    "cache",
    `${path}: the cache cannot be written (${errorMessage(error)}). Set HF_HUB_CACHE or the cacheDir option to a folder that can`,
    { path, errno: code },
    { cause: error },
  );
}
