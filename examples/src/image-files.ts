/**
 * Image files: those of a folder, and one as a `data:` URL for a page that stands alone.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { UsageError } from "./arguments.js";

/** An image file. */
export interface ImageFile {
  readonly path: string;
  /** The file's name, for people. */
  readonly name: string;
  /** What is in it, where a `pictures.json` beside it says so. Shown, never searched. */
  readonly caption: string | undefined;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".bmp": "image/bmp",
  ".gif": "image/gif",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".tif": "image/tiff",
  ".tiff": "image/tiff",
  ".webp": "image/webp",
};

/** An image without a caption. */
export function imageFileAt(path: string): ImageFile {
  return { path, name: basename(path), caption: undefined };
}

/**
 * The images of a folder by name, told by their extensions.
 *
 * @throws UsageError - no such folder, or no images in it.
 */
export async function listImages(folder: string): Promise<ImageFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${folder}: ${error.code === "ENOENT" ? "no such folder" : error.code === "ENOTDIR" ? "not a folder" : error.message}`,
    );
  });
  const captions = names.includes("pictures.json") ? await readCaptions(join(folder, "pictures.json")) : new Map<string, string>();
  const images = names
    .filter((name) => extname(name).toLowerCase() in MEDIA_TYPES)
    .toSorted()
    .map((name) => ({ path: join(folder, name), name, caption: captions.get(name) }));
  if (images.length === 0) throw new UsageError(`${folder}: no images in this folder (${Object.keys(MEDIA_TYPES).join(" ")})`);
  return images;
}

/** An image's file as a `data:` URL, unchanged. */
export async function readDataUrl({ path }: ImageFile): Promise<string> {
  const type = MEDIA_TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
  return `data:${type};base64,${(await readFile(path)).toString("base64")}`;
}

/** File name to caption; a user's own file of this name, with something else in it, gives none. */
async function readCaptions(file: string): Promise<Map<string, string>> {
  const json: unknown = JSON.parse(await readFile(file, "utf8"));
  const entries = Array.isArray(json) ? (json as readonly unknown[]) : [];
  return new Map(entries.flatMap((entry) => (isCaption(entry) ? [[entry.file, entry.caption]] : [])));
}

function isCaption(entry: unknown): entry is { readonly file: string; readonly caption: string } {
  if (typeof entry !== "object" || entry === null) return false;
  const { file, caption } = entry as { readonly file?: unknown; readonly caption?: unknown };
  return typeof file === "string" && typeof caption === "string";
}
