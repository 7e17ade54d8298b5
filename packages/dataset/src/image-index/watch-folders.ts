/** Runs a comparison after each change in folders: the system tells of changes, and now and then folders are compared all the same. */
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { platform } from "node:os";
import { SkippedFiles, walkFolder } from "../images/walk-folder.js";
import type { SyncSummary } from "../sync/sync-types.js";
import type { IndexWatchOptions } from "./image-index-options.js";

/**
 * Compares, waits for a change, and so on, until the signal is aborted.
 *
 * @param folders - those to watch; asked again before each comparison.
 * @param exclude - folders that are not watched.
 */
export async function watchFolders(
  folders: () => readonly string[],
  exclude: readonly string[],
  compare: () => Promise<SyncSummary>,
  { quietMilliseconds = 1000, rescanMilliseconds = 600_000, onSync, onError, signal }: IndexWatchOptions,
): Promise<void> {
  const changes = new Changes();
  const watchers = new FolderWatchers(() => changes.tell());
  const onAbort = (): void => changes.tell();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const isAborted = (): boolean => signal?.aborted === true;
    for (let isFirst = true; !isAborted(); isFirst = false) {
      try {
        changes.clear();
        await watchers.update(folders(), exclude); // before comparing: what changes meanwhile is told
        const summary = await compare();
        if (isFirst || hasChanges(summary)) onSync?.(summary);
      } catch (error) {
        if (isAborted()) return;
        if (isFirst || onError === undefined) throw error;
        onError(error);
      }
      await changes.wait(quietMilliseconds, rescanMilliseconds, signal);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    watchers.close();
  }
}

function hasChanges({ counts }: SyncSummary): boolean {
  return Object.entries(counts).some(([type, count]) => type !== "unchanged" && count > 0);
}

/** Whether something changed since it was last asked. */
class Changes {
  #isTold = false;
  #wake: () => void = () => undefined;

  tell(): void {
    this.#isTold = true;
    this.#wake();
  }

  clear(): void {
    this.#isTold = false;
  }

  /** Waits for a change and then for a time without one, or as long as `maximum`. */
  async wait(quiet: number, maximum: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isTold) await this.#sleep(maximum);
    while (this.#isTold) {
      if (signal?.aborted === true) return;
      this.#isTold = false;
      await this.#sleep(quiet);
    }
  }

  async #sleep(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
    this.#wake = () => undefined;
  }
}

/**
 * Watches folders and those below. On Linux each folder has a watcher of its own: Node's recursive one would watch each file, and a system allows only
 * so many. A folder that cannot be watched is compared now and then only.
 */
class FolderWatchers {
  readonly #onChange: () => void;
  /** By path; `inode` tells a folder from the one that takes its place. */
  readonly #watchers: Map<string, { readonly watcher: FSWatcher; readonly inode: bigint }> = new Map();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  async update(roots: readonly string[], exclude: readonly string[]): Promise<void> {
    const isRecursive = platform() !== "linux";
    const wanted = new Set(roots);
    if (!isRecursive) for (const root of roots) for (const folder of await foldersOf(root, exclude)) wanted.add(folder);
    const inodes = new Map<string, bigint>();
    for (const folder of wanted) {
      const found = await stat(folder, { bigint: true }).catch(() => undefined);
      if (found !== undefined) inodes.set(folder, found.ino);
    }
    for (const [folder, { watcher, inode }] of this.#watchers) {
      if (inodes.get(folder) === inode) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const [folder, inode] of inodes) if (!this.#watchers.has(folder)) this.#watch(folder, inode, isRecursive);
  }

  close(): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string, inode: bigint, recursive: boolean): void {
    try {
      const watcher = watch(folder, { recursive }, this.#onChange);
      this.#watchers.set(folder, { watcher, inode });
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.delete(folder); // tried again before the next comparison
      });
    } catch {
      // It is gone, or the system allows no more.
    }
  }
}

/** A folder and those below it, as an index reads them; names that are not UTF-8 are left out. */
async function foldersOf(root: string, exclude: readonly string[]): Promise<string[]> {
  const folders: string[] = [];
  const onFolder = (folder: Buffer): void => void folders.push(folder.toString());
  const files = walkFolder(root, { extensions: new Set(), includeHidden: false, exclude, onFolder }, new SkippedFiles());
  try {
    for await (const file of files) void file;
  } catch {
    // It is not there; its watcher, if any, goes.
  }
  return folders;
}
