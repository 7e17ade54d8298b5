/** A part of an open file in chunks. Node's streams close the file of a handle when they end early, whatever their options say. */
import type { FileHandle } from "node:fs/promises";

/** Bytes that are read at once. */
const CHUNK = 1 << 18;

/** The bytes from `start` up to `end` or the end of the file; each chunk has a buffer of its own. The handle stays open. */
export async function* readChunks(
  handle: FileHandle,
  start: number = 0,
  end: number = Infinity,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end;) {
    const bytes = Buffer.allocUnsafe(Math.min(CHUNK, end - at));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield bytes.subarray(0, bytesRead);
  }
}
