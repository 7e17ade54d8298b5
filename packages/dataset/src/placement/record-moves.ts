/** An index after its images were moved: their items get the new paths at once, so that nothing is embedded again and no search finds what is gone. */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { StoreItem } from "@chinese-clip/search";
import type { ImageIndex } from "../image-index/image-index.js";
import { isWithin, prefixOf, withSlashes } from "../image-index/indexed-folders.js";
import { isHidden } from "../images/walk-folder.js";
import type { ImageMeta } from "../sync/folder-file.js";

/** An image's item and where its file is now. */
export interface MovedImage {
  /** Its item's id: where it was. */
  readonly id: string;
  /** Path of the file. */
  readonly to: string;
}

/** Items that are written together. */
const BATCH = 64;

/**
 * Notes moves in an index that is open for writing. An image that was moved out of the index's folders, or into a hidden one, is removed.
 *
 * @returns how many items were removed.
 */
export async function recordMoves(index: ImageIndex, moves: readonly MovedImage[]): Promise<number> {
  let removed = 0;
  const folders = index.folders.map(withSlashes);
  for (let start = 0; start < moves.length; start += BATCH) {
    const batch = moves.slice(start, start + BATCH);
    const items = await index.store.get(batch.map(({ id }) => id));
    const moved: StoreItem<ImageMeta>[] = [];
    const gone: string[] = [];
    for (const [i, { id, to }] of batch.entries()) {
      const item = items[i];
      if (item === undefined) continue;
      const there = await itemAt(item, to, folders);
      if (there?.id === id) continue;
      gone.push(id);
      if (there === undefined) removed++;
      else moved.push(there);
    }
    await index.store.upsert(moved);
    await index.store.delete(gone);
  }
  return removed;
}

async function itemAt(
  { embedding, meta }: StoreItem<ImageMeta>,
  file: string,
  folders: readonly string[],
): Promise<StoreItem<ImageMeta> | undefined> {
  const id = withSlashes(join(await realpath(dirname(file)), basename(file)));
  const folder = folders.find((one) => isWithin(id, one));
  const path = folder === undefined ? "" : id.slice(prefixOf(folder).length);
  const found = await stat(file).catch(() => undefined);
  if (folder === undefined || found === undefined || path.split("/").some((name) => isHidden(Buffer.from(name)))) return undefined;
  return { id, embedding, meta: { ...meta, path, size: found.size, mtime: found.mtimeMs } };
}
