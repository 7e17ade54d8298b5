/**
 * The images that somebody names: files, folders with all that is below them, a list on stdin.
 */
import { isFolder, listImages } from "../images/list-images.js";
import { type FilePath, SkippedFiles } from "../images/walk-folder.js";
import { listedFiles } from "./list-file.js";

/**
 * Finds images.
 *
 * @param paths - files and folders; `-` is a list on stdin, one path a line. A file that is named is tried whatever it is called.
 * @param skipped - gets what is no image in the folders.
 * @returns paths, in the order of the arguments, within a folder sorted. Files need not exist: the decoder says so.
 * @throws DatasetError - a folder that cannot be read; a folder or a list without images; the signal's reason.
 */
export async function findImages(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array | string>,
  skipped: SkippedFiles = new SkippedFiles(),
  signal?: AbortSignal,
): Promise<FilePath[]> {
  const found: FilePath[] = [];
  for (const path of paths) {
    const files = path === "-" ? listedFiles(stdin) : (await isFolder(path)) ? listImages(path, skipped) : [{ label: path, path }];
    for await (const file of files) {
      signal?.throwIfAborted();
      found.push(file);
    }
  }
  return found;
}
