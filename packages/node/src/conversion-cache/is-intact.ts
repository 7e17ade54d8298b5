/**
 * Whether a file has the bytes that its writer gave it: its sha256 is compared with the one beside it, once for each process and state of the file.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";

/** Bytes hashed at a time: a millisecond, in which the caller's event loop waits. */
const CHUNK_BYTES = 1 << 20;

/** Files that were found whole, by path, and what they looked like then. */
const checked: Map<string, string> = new Map();

/** @param checksumPath - a file with the sha256 in hex. @returns false also where either file is missing. */
export async function isIntact(path: string, checksumPath: string, byteLength: number): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found?.isFile() !== true || found.size !== BigInt(byteLength)) return false;
  const look = [found.ino, found.mtimeNs, found.ctimeNs].join();
  if (checked.get(path) === look) return true;
  const expected = await readFile(checksumPath, "utf8").catch(() => undefined);
  if (expected === undefined) return false;
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) hash.update(chunk as Uint8Array);
  } catch {
    return false;
  }
  if (hash.digest("hex") !== expected.trim()) return false;
  checked.set(path, look);
  return true;
}
