/**
 * SHA-256 of a file while it is read, in chunks: the browser's `crypto.subtle.digest` takes only whole buffers, and a tower has hundreds of
 * megabytes. Loaded on demand, when a file's hash is known.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { ByteRange, ByteSink } from "../http/byte-ranges.js";

/** SHA-256 of a small file, in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/**
 * Reads a file from its first byte to its last, hashes it, and passes the bytes on.
 *
 * @param present - the ranges that `read` has, sorted.
 * @param read - the bytes of one of `present`; undefined where they are gone by now.
 * @param fetch - passes on the bytes of a range in order, or, from a server without ranges, the whole file from its beginning.
 * @returns the hash, in hex.
 */
export async function readHashed(
  byteLength: number,
  present: readonly ByteRange[],
  read: (range: ByteRange) => Promise<Uint8Array | undefined>,
  fetch: (range: ByteRange, sink: ByteSink) => Promise<unknown>,
  sink: ByteSink,
): Promise<string> {
  let hash = sha256.create();
  const done = { position: 0 };
  const take: ByteSink = (start, bytes) => {
    if (start === 0) {
      done.position = 0;
      hash = sha256.create();
    }
    const fresh = bytes.subarray(Math.min(done.position - start, bytes.length));
    hash.update(fresh);
    done.position += fresh.length;
    sink(start, bytes);
  };
  while (done.position < byteLength) {
    const { position } = done;
    const range = present.find(({ start, end }) => start <= position && position < end);
    const bytes = range === undefined ? undefined : await read(range);
    if (range !== undefined && bytes !== undefined) take(range.start, bytes);
    else await fetch({ start: position, end: present.find(({ start }) => start > position)?.start ?? byteLength }, take);
  }
  return bytesToHex(hash.digest());
}
