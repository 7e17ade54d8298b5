/** An image of a folder, and what a store holds of it. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** What the store holds of an image beside its embedding. */
export interface ImageMeta {
  /** Its path below the folder, with `/`. */
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly mtime: number;
  /** SHA-256 of the file in hexadecimal. */
  readonly sha256: string;
  /** Pixels of a row, where the header of a PNG, JPEG, GIF, WebP or BMP states them; before an EXIF orientation is applied. */
  readonly width?: number;
  /** Rows of pixels. */
  readonly height?: number;
  /** What `SyncOptions.describe` added. */
  readonly [key: string]: unknown;
}

/** A file of the folder. */
export interface FolderFile {
  /** Its item's id. */
  readonly id: string;
  /** Its path below the folder, with `/`. */
  readonly path: string;
  /** What opens it. */
  readonly file: string | Buffer;
  /** Bytes; 0 where it cannot be asked. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** What the store has under its id. */
  readonly known: Pick<ImageMeta, "size" | "mtime" | "sha256"> | undefined;
}

/** The bytes of a file with their SHA-256. */
export async function hashedContent({ file }: FolderFile): Promise<{ readonly bytes: Uint8Array; readonly sha256: string }> {
  const bytes = await readFile(file);
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}
