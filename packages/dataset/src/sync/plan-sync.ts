/** What a run has to look at: the files of a folder beside the items of a store, compared by size and time of change. */
import { stat } from "node:fs/promises";
import { sep } from "node:path";
import type { VectorStore } from "@chinese-clip/search";
import { listImages } from "../images/list-images.js";
import { type FilePath, SkippedFiles } from "../images/walk-folder.js";
import type { FailedFiles } from "./failed-files.js";
import type { FolderFile, ImageMeta } from "./folder-file.js";

/** Files whose sizes are asked for together. */
const FILES_AT_A_TIME = 64;

/** The work of a run. */
export interface SyncPlan {
  /** Files that are new or look changed, in the order of the folder. */
  readonly pending: readonly FolderFile[];
  /** Files that are as the store has them, or known to be unreadable. */
  readonly unchanged: number;
  /** Ids of items whose files are gone. */
  readonly gone: ReadonlySet<string>;
  /** An item by its content. */
  readonly idOf: Map<string, string>;
  /** What the folder has beside images. */
  readonly skipped: SkippedFiles;
  /** Those of them by their content. */
  readonly goneOf: ReadonlyMap<string, string[]>;
}

/** Compares a folder with a store. */
export async function planSync(
  store: VectorStore<ImageMeta>,
  folder: string,
  prefix: string,
  failed: FailedFiles,
  signal: AbortSignal | undefined,
): Promise<SyncPlan> {
  const known = new Map<string, Pick<ImageMeta, "size" | "mtime" | "sha256">>();
  const byContent = new Map<string, string>();
  for await (const { id, meta } of store.scan()) {
    if (!id.startsWith(prefix)) continue;
    const { size, mtime, sha256 } = meta;
    known.set(id, { size, mtime, sha256 });
    byContent.set(sha256, id);
  }
  const skipped = new SkippedFiles();
  const files: FolderFile[] = [];
  let group: Promise<FolderFile>[] = [];
  const root = folder.endsWith(sep) ? folder : `${folder}${sep}`;
  for await (const found of listImages(folder, skipped)) {
    signal?.throwIfAborted();
    group.push(describeFile(found, root, prefix, known));
    if (group.length === FILES_AT_A_TIME) {
      for (const file of await Promise.all(group)) files.push(file);
      group = [];
    }
  }
  for (const file of await Promise.all(group)) files.push(file);

  const pending = files.filter((file) => !isUnchanged(file) && !failed.has(file));
  const listed = new Set(files.map(({ id }) => id));
  const unreadable = skipped.folders.map((one) => `${prefix}${below(one.folder, root)}/`);
  const gone = new Set([...known.keys()].filter((id) => !listed.has(id) && !unreadable.some((start) => id.startsWith(start))));
  const goneOf = new Map<string, string[]>();
  for (const id of gone) {
    const sha256 = known.get(id)?.sha256 ?? "";
    goneOf.set(sha256, [...(goneOf.get(sha256) ?? []), id]);
  }
  failed.retain(new Set(files.map(({ path }) => path)));
  return { pending, unchanged: files.length - pending.length, gone, goneOf, idOf: byContent, skipped };
}

async function describeFile(
  { label, path: file }: FilePath,
  root: string,
  prefix: string,
  items: ReadonlyMap<string, Pick<ImageMeta, "size" | "mtime" | "sha256">>,
): Promise<FolderFile> {
  const path = below(label, root);
  const id = `${prefix}${path}`;
  const found = await stat(file).catch(() => undefined);
  return { id, path, file, size: found?.size ?? 0, mtime: found?.mtimeMs ?? 0, known: items.get(id) };
}

function isUnchanged({ size, mtime, known }: FolderFile): boolean {
  return known !== undefined && known.size === size && known.mtime === mtime;
}

function below(label: string, root: string): string {
  const path = label.startsWith(root) ? label.slice(root.length) : label;
  return sep === "/" ? path : path.replaceAll(sep, "/");
}
