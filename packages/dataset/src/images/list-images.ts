/**
 * The one lister of images: which files of a folder are images, for every command and source.
 */
import { stat } from "node:fs/promises";
import { readWholeFile } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";
import { type FilePath, SkippedFiles, walkFolder } from "./walk-folder.js";

/** Extensions of images. Whether one can be decoded is said by the decoder, for each file. */
export const IMAGE_EXTENSIONS: readonly string[] =
  ".jpg .jpeg .jpe .jfif .png .webp .gif .avif .bmp .tif .tiff .ppm .pgm .pbm .pnm .heic .heif".split(" ");

const RULES = { extensions: new Set(IMAGE_EXTENSIONS), includeHidden: false };

/**
 * Images of a folder and those below it: of each folder its images by name, then its folders by name.
 *
 * @param skipped - gets what is no image, and the folders that cannot be read.
 * @param exclude - folders that are left out, whatever link leads to them.
 * @throws DatasetError - `no-such-folder` and its like; `no-images`.
 */
export async function* listImages(
  root: string,
  skipped: SkippedFiles = new SkippedFiles(),
  exclude: readonly string[] = [],
): AsyncGenerator<FilePath, void, undefined> {
  let count = 0;
  for await (const image of walkFolder(root, { ...RULES, exclude }, skipped)) {
    count++;
    yield image;
  }
  const [unreadable] = skipped.folders;
  if (count === 0 && unreadable !== undefined) throw unreadable.error;
  if (count === 0) throw new DatasetError("no-images", { extensions: IMAGE_EXTENSIONS.join(" "), file: root });
}

/** Bytes of an image that are read here: the decoder's own default. */
const MAX_IMAGE_BYTES = 256 * 2 ** 20;

/** What the decoder gets for a path: the path, or the bytes of a file whose name is no UTF-8 (none where it cannot be read, or is too large). */
export async function imageInput({ path }: FilePath): Promise<string | Uint8Array> {
  return typeof path === "string" ? path : readWholeFile(path, MAX_IMAGE_BYTES).catch(() => new Uint8Array());
}

/** {@link imageInput} of one file after the other, each read when it is asked for. */
export async function* imageInputs(files: Iterable<FilePath>): AsyncGenerator<string | Uint8Array, void, undefined> {
  for (const file of files) yield await imageInput(file);
}

/** Whether a path is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
