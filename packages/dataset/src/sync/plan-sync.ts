/** What a run has to look at: the files of folders beside the items of a store, compared by size and time of change. */
import { stat, type Stats } from "node:fs";
import { sep } from "node:path";
import type { VectorStore } from "@chinese-clip/search";
import { listImages } from "../images/list-images.js";
import { type FilePath, SkippedFiles } from "../images/walk-folder.js";
import type { FailedFiles } from "./failed-files.js";
import type { FolderFile, ImageMeta, KnownFile } from "./folder-file.js";

/** Files whose sizes are asked for together: the more, the less a busy thread delays the system. */
const FILES_AT_A_TIME = 512;

/** A root with other images and none of so many that the store has of it is a mount point without its drive, rather than a folder that was emptied. */
const MANY = 100;

/** A folder whose images a store is to hold. */
export interface SyncRoot {
  readonly folder: string;
  /** Put before each path to make an item's id. */
  readonly prefix: string;
  /** Whether the run continues where the folder cannot be read or has no image; its items then stay. */
  readonly isOptional: boolean;
  /** Folders that are left out, whatever link leads to them. */
  readonly exclude: readonly string[];
}

/** The work of a run. */
export interface SyncPlan {
  /** Files that are new or look changed, in the order of the folders. */
  readonly pending: readonly FolderFile[];
  /** Files that are as the store has them, or known to be unreadable. */
  readonly unchanged: number;
  /** Ids of items whose files are gone; their paths below their folders. */
  readonly gone: ReadonlyMap<string, string>;
  /** Those whose folders are vacant, by folder: they stay, unless they were moved. */
  readonly vacant: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** An item by its content. */
  readonly idOf: Map<string, string>;
  /** What the folders have beside images. */
  readonly skipped: SkippedFiles;
  /** Those that are gone or vacant by their content. */
  readonly goneOf: ReadonlyMap<string, string[]>;
}

/**
 * Compares folders with a store.
 *
 * @throws DatasetError - a folder that is not optional cannot be read or has no image; or none can.
 */
export async function planSync(
  store: VectorStore<ImageMeta>,
  roots: readonly SyncRoot[],
  failed: FailedFiles,
  { prune = false, signal }: { readonly prune?: boolean | undefined; readonly signal?: AbortSignal | undefined },
): Promise<SyncPlan> {
  const known = new Map<string, KnownFile>();
  const byContent = new Map<string, string>();
  for await (const { id, meta } of store.list()) {
    const { size, mtime, sha256, path } = meta;
    known.set(id, { size, mtime, sha256, path });
    byContent.set(sha256, id);
  }
  const skipped = new SkippedFiles();
  const files: FolderFile[] = [];
  const unread: string[] = []; // prefixes of ids whose folders could not be read
  const vacantIds = new Map<string, string>(); // of what is vacant, as ids; its path
  let reason: unknown;
  for (const root of roots) {
    try {
      for (const file of await listFolder(root, known, skipped, unread, vacantIds, signal)) files.push(file);
    } catch (error) {
      signal?.throwIfAborted();
      if (!root.isOptional) throw error;
      reason ??= error;
      unread.push(root.prefix);
      skipped.folders.push({ folder: root.folder, error });
    }
  }
  if (files.length === 0 && reason !== undefined) throw reason;

  const isOurs = (id: string): boolean =>
    roots.some(({ prefix }) => id.startsWith(prefix)) && !unread.some((prefix) => id.startsWith(prefix));
  const pending = files.filter((file) => !isUnchanged(file) && !failed.has(file));
  const listed = new Set(files.map(({ id }) => id));
  const gone = new Map<string, string>();
  const vacant = new Map<string, Map<string, string>>();
  const goneOf = new Map<string, string[]>();
  for (const [id, { sha256, path }] of known) {
    if (listed.has(id) || !isOurs(id)) continue;
    const folder = prune || vacantIds.size === 0 ? undefined : vacantAbove(id, vacantIds);
    if (folder === undefined) gone.set(id, path);
    else vacant.set(folder, (vacant.get(folder) ?? new Map<string, string>()).set(id, path));
    const before = goneOf.get(sha256) ?? [];
    // The last is the first to be taken for the source of a move: rather one that is gone.
    if (folder === undefined) before.push(id);
    else before.unshift(id);
    goneOf.set(sha256, before);
  }
  failed.retain(listed, (id) => isOurs(id) && (vacantIds.size === 0 || vacantAbove(id, vacantIds) === undefined));
  return { pending, unchanged: files.length - pending.length, gone, vacant, goneOf, idOf: byContent, skipped };
}

/** The vacant folder that an item's file was in, or the broken link that it was. */
function vacantAbove(id: string, vacant: ReadonlyMap<string, string>): string | undefined {
  for (let end = id.length; end > 0; end = id.lastIndexOf("/", end - 1)) {
    const found = vacant.get(id.slice(0, end));
    if (found !== undefined) return found;
  }
  return vacant.get("");
}

/** The images of one folder; `unread` gets the prefixes of folders below it that cannot be read, `vacant` what is vacant. */
async function listFolder(
  { folder, prefix, exclude }: SyncRoot,
  known: ReadonlyMap<string, KnownFile>,
  skipped: SkippedFiles,
  unread: string[],
  vacant: Map<string, string>,
  signal: AbortSignal | undefined,
): Promise<FolderFile[]> {
  const root = folder.endsWith(sep) ? folder : `${folder}${sep}`;
  const files: FolderFile[] = [];
  let group: Promise<FolderFile>[] = [];
  const collect = async (): Promise<void> => {
    for (const file of await Promise.all(group)) files.push(file);
    group = [];
  };
  const own = new SkippedFiles();
  for await (const found of listImages(folder, own, exclude)) {
    signal?.throwIfAborted();
    group.push(describeFile(found, root, prefix, known));
    if (group.length === FILES_AT_A_TIME) await collect();
  }
  await collect();
  for (const one of own.folders) unread.push(`${prefix}${below(one.folder, root)}/`);
  for (const one of own.vacant) vacant.set(`${prefix}${below(one, root)}`, one);
  const isOther = files.length > 0 && files.every(({ known: item }) => item === undefined);
  if (isOther && [...known.keys()].filter((id) => id.startsWith(prefix)).length >= MANY) vacant.set(prefix.replace(/\/$/, ""), folder);
  skipped.merge(own);
  return files;
}

async function describeFile(
  { label, path: file }: FilePath,
  root: string,
  prefix: string,
  items: ReadonlyMap<string, KnownFile>,
): Promise<FolderFile> {
  const path = below(label, root);
  const id = `${prefix}${path}`;
  // The promise of node:fs/promises takes twice the processor's time.
  const found = await new Promise<Stats | undefined>((resolve) =>
    stat(file, (error, stats) => resolve(error === null ? stats : undefined)),
  );
  return { id, path, file, size: found?.size ?? 0, mtime: found?.mtimeMs ?? 0, known: items.get(id) };
}

function isUnchanged({ path, size, mtime, known }: FolderFile): boolean {
  return known !== undefined && known.size === size && known.mtime === mtime && known.path === path;
}

function below(label: string, root: string): string {
  const path = label.startsWith(root) ? label.slice(root.length) : label;
  return sep === "/" ? path : path.replaceAll(sep, "/");
}
