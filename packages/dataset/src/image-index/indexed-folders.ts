/** Names of an index's folders: absolute, links resolved, with `/`, and none in another. An item's id is its image's path in this form. */
import { realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { DatasetError } from "../dataset-error.js";
import { isFolder } from "../images/list-images.js";

/**
 * A folder as it is recorded. Two links to one folder have one name.
 *
 * @throws DatasetError - `no-such-folder`, `not-a-folder`.
 */
export async function recordedName(folder: string): Promise<string> {
  const found = await realpath(folder).catch((cause: unknown) => {
    throw new DatasetError("no-such-folder", { file: folder }, { cause });
  });
  if (!(await isFolder(found))) throw new DatasetError("not-a-folder", { file: folder });
  return withSlashes(found);
}

/** An absolute path with `/`, as it is in ids; a path that is gone can be named, too. */
export function withSlashes(path: string): string {
  const absolute = resolve(path);
  return sep === "/" ? absolute : absolute.replaceAll(sep, "/");
}

/** A path as the system writes it. */
export function withSeparators(path: string): string {
  return sep === "/" ? path : path.replaceAll("/", sep);
}

/** What is before a folder's paths in ids. */
export function prefixOf(folder: string): string {
  return folder.endsWith("/") ? folder : `${folder}/`;
}

/** Whether a folder is another or in it. */
export function isWithin(folder: string, outer: string): boolean {
  return folder === outer || folder.startsWith(prefixOf(outer));
}

/** The folders of which none is in another, in their order. */
export function outermost(folders: readonly string[]): string[] {
  return [...new Set(folders)].filter((folder, _, all) => !all.some((other) => other !== folder && isWithin(folder, other)));
}
