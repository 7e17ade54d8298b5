/**
 * The encoded bytes behind a path or a Blob, never more of them than allowed.
 */

import { ImageError } from "@chinese-clip/image-processor";
import { causeWithoutSecrets, isError } from "@chinese-clip/pipeline";
import { openPath, readPipe } from "@chinese-clip/pipeline/node";

/** How to read. */
export interface ReadOptions {
  /** The most bytes to read. */
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

const CHUNK_BYTES = 1 << 16;

/**
 * Reads a local file.
 *
 * @param path - A path, or a `file:` URL.
 * @throws {@link ImageError} with code `"unreadable"` or `"too-large"`; `signal.reason` when aborted.
 */
export async function readFileBytes(path: string | URL, { maxBytes, signal }: ReadOptions): Promise<Uint8Array> {
  const source = String(path);
  signal?.throwIfAborted();
  try {
    const { file, isPipe } = await openPath(path);
    try {
      if (isPipe) return await collectBytes(readPipe(file), source, { maxBytes, signal });
      const stat = await file.stat();
      if (stat.isFile() && stat.size > maxBytes) throw tooLarge(source, maxBytes, stat.size);
      // Devices have no size.
      if (!stat.isFile() || stat.size === 0) {
        return await collectBytes(file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES }), source, { maxBytes, signal });
      }
      const bytes = new Uint8Array(stat.size);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
        signal?.throwIfAborted();
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ImageError || signal?.aborted === true) throw error;
    throw unreadable(source, error);
  }
}

/**
 * Reads a Blob or File.
 *
 * @throws {@link ImageError} with code `"unreadable"` or `"too-large"`; `signal.reason` when aborted.
 */
export async function readBlobBytes(blob: Blob, { maxBytes, signal }: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  if (blob.size > maxBytes) throw tooLarge("Blob", maxBytes, blob.size);
  try {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    signal?.throwIfAborted();
    return bytes;
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable("Blob", error);
  }
}

/** The error for encoded data above the limit. */
export function tooLarge(source: string, maxBytes: number, byteLength: number): ImageError {
  return new ImageError("too-large", `${source}: expected at most ${maxBytes} bytes, got ${byteLength}`, { source, maxBytes, byteLength });
}

/** All chunks of a stream; leaving the loop early cancels it, and with it the transfer. */
export async function collectBytes(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  { maxBytes, signal }: ReadOptions,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(source, maxBytes, length);
    parts.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** System errors that say something of this process and nothing of the file. */
const OUT_OF_RESOURCES: readonly unknown[] = ["EMFILE", "ENFILE", "ENOMEM"];

/** The error for bytes that could not be read, with what happened. */
export function unreadable(source: string, thrown: unknown): ImageError {
  const cause = causeWithoutSecrets(thrown);
  // Some errors say only that something failed, and keep what happened as the cause.
  const reasons: string[] = [];
  for (let error = cause; isError(error) && reasons.length < 3; error = error.cause) reasons.push(error.message);
  const code = isError(cause) && "code" in cause ? cause.code : undefined;
  if (OUT_OF_RESOURCES.includes(code)) {
    const what = code === "ENOMEM" ? "too little memory" : "too many open files";
    const message = `${source}: cannot be read now, as this process has ${what} (${String(code)}); raise its limit (ulimit -n), or run less at once`;
    return new ImageError("out-of-resources", message, { source, errno: code }, { cause });
  }
  return new ImageError(
    "unreadable",
    `${source}: cannot be read (${reasons.filter(Boolean).join(": ") || String(cause)})`,
    { source, ...(typeof code === "string" ? { errno: code } : {}) },
    { cause },
  );
}
