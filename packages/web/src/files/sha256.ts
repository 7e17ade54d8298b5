/**
 * sha256 of a file as it comes, in pieces: the browser's own digest takes a file only whole, and a tower has hundreds of megabytes. Downloaded
 * when there is a file whose hash is known.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { ByteRange } from "./byte-ranges.js";
import type { ByteSink } from "./remote-file.js";

/** sha256 of a small file, in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/**
 * Hands out a file in its order, what is there from there, and hashes it on the way.
 *
 * @param present - what of the file is there, in its order.
 * @param read - the bytes of one of `present`; undefined where they are gone by now.
 * @param fetch - gets the bytes of a range, in their order, or, from a server without ranges, the whole file from its beginning.
 * @returns the hash, in hex.
 */
export async function deliverHashed(
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
