/**
 * The hash that an ETag is: sha256 for large files (LFS, Xet), git's sha1 of the blob for small ones. Any other ETag says nothing.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename } from "node:path";

/** Which kind of hash an ETag looks like. */
export function hashKind(etag: string): "sha256" | "git-sha1" | undefined {
  if (/^[0-9a-f]{64}$/u.test(etag)) return "sha256";
  if (/^[0-9a-f]{40}$/u.test(etag)) return "git-sha1";
  return undefined;
}

/**
 * What a file's bytes are called in the cache: the hash that its ETag is. A plain ETag may stand for several files, so the file's name goes with it.
 */
export function contentName(etag: string, name: string): string {
  return hashKind(etag) === undefined ? `${etag}-${createHash("sha1").update(name).digest("hex").slice(0, 16)}` : etag;
}

/**
 * Starts the hash of a file.
 *
 * @param size - bytes of the whole file, which git hashes first.
 */
export function createBlobHash(kind: "sha256" | "git-sha1", size: number): Hash {
  return kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/** A blob whose bytes are not those that its name says. */
export interface DamagedBlob {
  /** Absolute path, without symlinks. */
  readonly path: string;
  /** Its name: the hash that it should have. */
  readonly etag: string;
  /** Its size as it is. */
  readonly byteLength: number;
}

/**
 * Reads a file of the cache and compares its hash with the name of its blob.
 *
 * @param maxBytes - a larger file counts as whole.
 * @returns undefined for a whole one, and for one whose name is no hash.
 */
export async function findDamage(path: string, maxBytes: number = Infinity): Promise<DamagedBlob | undefined> {
  const real = await realpath(path);
  const etag = basename(real);
  const kind = hashKind(etag);
  const { size: byteLength } = await stat(real);
  if (kind === undefined || byteLength > maxBytes) return undefined;
  const hash = createBlobHash(kind, byteLength);
  for await (const bytes of createReadStream(real, { highWaterMark: 1 << 20 })) hash.update(bytes as Uint8Array);
  return hash.digest("hex") === etag ? undefined : { path: real, etag, byteLength };
}
