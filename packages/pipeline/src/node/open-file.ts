/**
 * Reading files that somebody names. To open a named pipe waits for a writer that may never come, in a thread of Node's that nothing interrupts, and a
 * device may have no end.
 */
import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Bytes of the longest file that becomes a string. */
const LONGEST_STRING = 0x1fffffe8;
const CHUNK_BYTES = 1 << 20;

/** `named-pipe`: no file; `too-large`: more bytes than are read. */
export type NotAFileErrorCode = "named-pipe" | "too-large";

/** What was named is no file that can be read. The message does not name it: the caller does. */
export class NotAFileError extends Error {
  override readonly name: string = "NotAFileError";
  readonly code: NotAFileErrorCode;
  /** The most bytes that are read, where there are more. */
  readonly maximum: number | undefined;

  constructor(code: NotAFileErrorCode, maximum?: number) {
    super(code === "named-pipe" ? "expected a file, got a named pipe" : `expected at most ${maximum} bytes`);
    this.code = code;
    this.maximum = maximum;
  }
}

/**
 * Opens a file for reading, at once. The pipes of a shell's `<(command)` are taken.
 *
 * @throws NotAFileError - `named-pipe`; what the system says.
 */
export async function openFile(path: string | Uint8Array | URL): Promise<FileHandle> {
  const name = typeof path === "object" && !(path instanceof URL) ? Buffer.from(path) : path;
  // Windows has neither the flag nor the pipes.
  const file = await open(name, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  let isPipe: boolean;
  try {
    isPipe = (await file.stat()).isFIFO();
  } catch (error) {
    await file.close();
    throw error;
  }
  if (!isPipe) return file;
  await file.close();
  // The other end of these is open already.
  if (/^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/(?:self|\d+)\/fd\/\d+)$/u.test(String(name))) return open(name);
  throw new NotAFileError("named-pipe");
}

/**
 * The bytes of a whole file.
 *
 * @param maximum - the most bytes to read. Default: as many as a string can have characters.
 * @throws NotAFileError, what the system says.
 */
export async function readWholeFile(path: string | Uint8Array | URL, maximum: number = LONGEST_STRING): Promise<Buffer> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    if (size > maximum) throw new NotAFileError("too-large", maximum);
    if (size > 0) return await file.readFile();
    // Devices and pipes have no size.
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maximum) throw new NotAFileError("too-large", maximum);
      parts.push(part);
    }
    return Buffer.concat(parts);
  } finally {
    await file.close();
  }
}
