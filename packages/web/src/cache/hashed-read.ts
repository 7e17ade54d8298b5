/**
 * SHA-256 of a file while it is read. Loaded on demand, when a file's hash is known.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { ByteRange, ByteSink } from "../http/byte-ranges.js";

/**
 * The longest file that is hashed by the browser's own code, five to ten times as fast as JavaScript, and beside the page's thread. It takes only whole
 * buffers: a q8 tower is there once more until it is hashed, and again in the browser's process. Longer ones are hashed in chunks, in JavaScript.
 */
const MAX_NATIVE_BYTES = 1 << 28;

/** A hash of bytes that come in order. */
interface Hash {
  update(bytes: Uint8Array): void;
  /** In hex. */
  digest(): Promise<string>;
}

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
  let hash = createHash(byteLength);
  const done = { position: 0 };
  const take: ByteSink = (start, bytes) => {
    if (start === 0) {
      done.position = 0;
      hash = createHash(byteLength);
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
  return hash.digest();
}

function createHash(byteLength: number): Hash {
  const subtle = (globalThis.crypto as Partial<Crypto> | undefined)?.subtle; // only pages of https and localhost have it
  if (subtle === undefined || byteLength > MAX_NATIVE_BYTES) {
    const parts = sha256.create();
    return { update: (bytes) => parts.update(bytes), digest: async () => bytesToHex(parts.digest()) };
  }
  let whole: Uint8Array<ArrayBuffer> | undefined; // made by the first bytes: a hash may begin again before they come
  let position = 0;
  return {
    update(bytes) {
      whole ??= new Uint8Array(byteLength);
      whole.set(bytes, position);
      position += bytes.length;
    },
    digest: async () => bytesToHex(new Uint8Array(await subtle.digest("SHA-256", whole ?? new Uint8Array()))),
  };
}
