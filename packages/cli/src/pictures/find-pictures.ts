/**
 * The pictures that a command line names: files, folders with all that is below them, a list on stdin.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../dataset/dataset-error.js";
import { byCodePoints } from "../evaluation/image-folder.js";
import { missingFile } from "../evaluation/read-lines.js";

/** What counts as a picture in a folder; a file that is named is tried whatever it is called. */
const PICTURE = /\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif)$/i;

/** Lines of a list that are taken, as a bound for what is no list. */
const MOST_LISTED = 10_000_000;

/**
 * Finds pictures.
 *
 * @param paths - files and folders; `-` is a list on stdin, one path a line.
 * @returns paths, in the order of the arguments, within a folder sorted. Files need not exist: whoever reads them says so.
 * @throws DatasetError - `missing`: a folder that cannot be read; `empty`: a folder or a list without pictures.
 */
export async function findPictures(paths: readonly string[], stdin: AsyncIterable<Uint8Array | string>): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (path === "-") {
      const listed = await readList(stdin);
      if (listed.length === 0) {
        throw new DatasetError("no-paths", { file: "stdin" });
      }
      found.push(...listed);
    } else if (await isFolder(path)) {
      const pictures = await picturesBelow(path);
      if (pictures.length === 0) {
        throw new DatasetError("no-images", { extensions: ".jpg .png .webp .gif .bmp .tiff or .avif", file: path });
      }
      for (const picture of pictures) found.push(picture);
    } else found.push(path);
  }
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

async function picturesBelow(folder: string): Promise<string[]> {
  // Links to folders are not followed, so none leads in a circle.
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw missingFile(folder, cause);
  });
  return names
    .filter((name) => PICTURE.test(name))
    .sort(byCodePoints)
    .map((name) => join(folder, name));
}

async function readList(stdin: AsyncIterable<Uint8Array | string>): Promise<string[]> {
  const decoder = new TextDecoder();
  let text = "";
  const lines: string[] = [];
  for await (const chunk of stdin) {
    const parts = (text + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    text = parts.pop() ?? "";
    for (const part of parts) lines.push(part);
    if (lines.length > MOST_LISTED) throw new DatasetError("too-many-paths", { maximum: MOST_LISTED, file: "stdin" });
  }
  return [...lines, text].map((line) => line.replace(/\r$/, "")).filter((line) => line.trim() !== "");
}
