/**
 * Image indexes as a server shows them: their stores, images and thumbnails.
 */
import { DatasetError, type ImageIndex, type ImageMeta, openImageIndex } from "@chinese-clip/dataset";
import { FolderStore, openFolderStore } from "@chinese-clip/search/node";
import type { ServedIndex } from "@chinese-clip/server";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { sameByIndexPixels } from "./index-pixels.js";
import { MadeThumbnails } from "./made-thumbnails.js";

/** Bytes of an image that is sent, at most. */
const MAX_FILE_BYTES = 256 * 2 ** 20;

/** Indexes that are open, to read. */
export interface OpenIndexes {
  /** By the names of their folders. */
  readonly served: Readonly<Record<string, ServedIndex>>;
  /** Those of images. */
  readonly opened: readonly ImageIndex[];
  /** Where images without a thumbnail get one from. */
  readonly thumbnails: MadeThumbnails;
  close(): Promise<void>;
}

/**
 * Opens indexes beside the process that writes to them.
 *
 * @throws DatasetError, SearchError - a folder that is no image index, or a damaged one.
 */
export async function openIndexes(folders: readonly string[], signal: AbortSignal): Promise<OpenIndexes> {
  const opened: (ImageIndex | FolderStore)[] = [];
  const close = async (): Promise<void> => void (await Promise.all(opened.map((index) => index.close())));
  const served: Record<string, ServedIndex> = {};
  const thumbnails = new MadeThumbnails();
  try {
    for (const folder of folders) {
      const index = await openEither(folder, signal);
      opened.push(index);
      served[freeName(basename(resolve(folder)), served)] =
        index instanceof FolderStore ? { store: index } : servedIndex(index, thumbnails);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { served, opened: opened.filter((index): index is ImageIndex => !(index instanceof FolderStore)), thumbnails, close };
}

/** An index of images, or a store without them, such as `load` makes. */
async function openEither(folder: string, signal: AbortSignal): Promise<ImageIndex | FolderStore> {
  const options = { readOnly: true, precision: "int8" } as const;
  try {
    return await openImageIndex(folder, { ...options, signal });
  } catch (error) {
    // An empty store may be the beginning of an index of images.
    const isStore = error instanceof DatasetError && (error.code === "not-an-image-index" || error.code === "no-index");
    if (!isStore || !existsSync(join(folder, "index.json"))) throw error;
    return openFolderStore(folder, options);
  }
}

function servedIndex(index: ImageIndex, thumbnails: MadeThumbnails): ServedIndex {
  const isSame = sameByIndexPixels(index);
  return {
    store: index.store,
    readFile: (id) => readImage(index.fileOf(id)),
    readThumbnail: async (id, meta) => {
      const sha256: unknown = typeof meta === "object" && meta !== null && "sha256" in meta ? meta.sha256 : undefined;
      const found = typeof sha256 === "string" ? await index.thumbnail({ sha256 }) : undefined;
      return found ?? thumbnails.get(typeof sha256 === "string" ? sha256 : id, index.fileOf(id));
    },
    sameImage: (first, second) => isSame(first as ImageMeta, second as ImageMeta),
  };
}

/** @returns undefined for a file that is gone since, cannot be read, or is no file of an image's size. */
async function readImage(path: string): Promise<Uint8Array | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    const found = await file?.stat();
    if (file === undefined || found === undefined || !found.isFile() || found.size > MAX_FILE_BYTES) return undefined;
    return await file.readFile();
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** A folder's name with what a URL would have to escape replaced, and a number where it is taken. */
function freeName(folder: string, taken: Readonly<Record<string, unknown>>): string {
  const name = folder.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, 80) || "index";
  const base = /^\.+$/.test(name) ? "index" : name;
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? base : `${base}-${number}`;
    if (!Object.hasOwn(taken, candidate)) return candidate;
  }
}
