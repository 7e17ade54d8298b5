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
  /** Pixels of a row: as displayed where the embedder gave details, else as the header states them, before an EXIF orientation is applied. */
  readonly width?: number;
  /** Rows of pixels. */
  readonly height?: number;
  /** EXIF orientation, 1 to 8; the pixels were turned by it where the index's settings say so. */
  readonly orientation?: number;
  /** When it was taken, by the camera's clock: ISO 8601, with an offset where the camera recorded one. */
  readonly takenAt?: string;
  /** Make and model, such as `Canon EOS R5`. */
  readonly camera?: string;
  /** The lens's model. */
  readonly lens?: string;
  /** Degrees north, -90 to 90. */
  readonly latitude?: number;
  /** Degrees east, -180 to 180. */
  readonly longitude?: number;
  /** 64 bits in hexadecimal, of which images that look alike differ in few. */
  readonly perceptualHash?: string;
  /** What `SyncOptions.describe` added. */
  readonly [key: string]: unknown;
}

/** What a plan compares a file with. */
export type KnownFile = Pick<ImageMeta, "size" | "mtime" | "sha256" | "path">;

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
  readonly known: KnownFile | undefined;
}

/** The bytes of a file with their SHA-256. */
export async function hashedContent({ file }: FolderFile): Promise<{ readonly bytes: Uint8Array; readonly sha256: string }> {
  const bytes = await readFile(file);
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}
