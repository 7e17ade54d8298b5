/** A file by its bytes, wherever it is: on this machine, behind a URL, in a bucket. */
import { open, stat } from "node:fs/promises";
import { DatasetError } from "../dataset-error.js";
import { readChunks } from "../files/read-chunks.js";
import { missingFile } from "../files/read-lines.js";

/** Which bytes, and what ends reading them. */
export interface ByteRange {
  /** The first one. Default 0. */
  readonly start?: number | undefined;
  /** Behind the last one. Default: the end of the file. */
  readonly end?: number | undefined;
  /** Ends reading with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A file that can be read as a stream, from any byte. */
export interface ByteFile {
  /** Its path or address, without passwords and signatures. */
  readonly label: string;
  /** Its path, where it is on this machine. */
  readonly path?: string;
  /** Its length in bytes. @throws DatasetError - there is none. */
  size(call?: Pick<ByteRange, "signal">): Promise<number>;
  /** Its bytes in chunks. @throws DatasetError - `no-such-file` and its like. */
  stream(range?: ByteRange): AsyncGenerator<Uint8Array, void, undefined>;
}

/** A file on this machine. */
export function localFile(path: string): ByteFile {
  return {
    label: path,
    path,
    async size() {
      const found = await stat(path).catch((cause: unknown) => {
        throw missingFile(path, cause);
      });
      if (!found.isFile())
        throw new DatasetError(found.isDirectory() ? "not-a-file" : "unreadable", { reason: "it is no regular file", file: path });
      return found.size;
    },
    async *stream({ start = 0, end = Infinity, signal } = {}) {
      await this.size(); // a pipe would wait for its writer
      const handle = await open(path).catch((cause: unknown) => {
        throw missingFile(path, cause);
      });
      try {
        for await (const chunk of readChunks(handle, start, end)) {
          signal?.throwIfAborted();
          yield chunk;
        }
      } catch (cause) {
        signal?.throwIfAborted();
        throw missingFile(path, cause);
      } finally {
        await handle.close();
      }
    },
  };
}

/** A file whose bytes are in memory. */
export function memoryFile(label: string, bytes: Uint8Array): ByteFile {
  return {
    label,
    size: () => Promise.resolve(bytes.length),
    // oxlint-disable-next-line require-await -- a stream, as that of every file
    async *stream({ start = 0, end = bytes.length, signal } = {}) {
      signal?.throwIfAborted();
      yield bytes.subarray(start, end);
    },
  };
}

/**
 * Reads a file, or a part of it, into memory.
 *
 * @param maximum - bytes that are read at most.
 * @throws DatasetError - `too-large`; what reading throws.
 */
export async function readBytes(file: ByteFile, maximum: number, range: ByteRange = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of file.stream(range)) {
    length += chunk.length;
    if (length > maximum) throw new DatasetError("too-large", { maximum, file: file.label });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
