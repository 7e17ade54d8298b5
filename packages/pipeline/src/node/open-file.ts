/**
 * Reading files that somebody names. To open a named pipe waits for a writer that may never come, in a thread of Node's that nothing interrupts, and a
 * device may have no end.
 */
import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Bytes of the longest file that becomes a string. */
const LONGEST_STRING = 0x1fffffe8;
const CHUNK_BYTES = 1 << 20;
/** How long a named pipe may be silent. */
const SILENCE_MS = 2000;
const POLL_MS = 10;

/** For reading, without waiting for a pipe's writer. Windows has neither the flag nor the pipes. */
const PIPE_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

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

/** A file, or a named pipe, whose content {@link readPipe} reads. */
export interface OpenedPath {
  readonly file: FileHandle;
  readonly isPipe: boolean;
}

/**
 * Opens a file or a named pipe for reading, at once. The pipes of a shell's `<(command)` are files here.
 *
 * @throws what the system says.
 */
export async function openPath(path: string | Uint8Array | URL): Promise<OpenedPath> {
  const name = typeof path === "object" && !(path instanceof URL) ? Buffer.from(path) : path;
  const file = await open(name, PIPE_FLAGS);
  try {
    const isPipe = (await file.stat()).isFIFO();
    // The other end of these is open already.
    const isShells = isPipe && /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/(?:self|\d+)\/fd\/\d+)$/u.test(String(name));
    if (!isShells) return { file, isPipe };
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return { file: await open(name), isPipe: false };
}

/**
 * Opens a file for reading, at once.
 *
 * @throws NotAFileError - `named-pipe`; what the system says.
 */
export async function openFile(path: string | Uint8Array | URL): Promise<FileHandle> {
  const { file, isPipe } = await openPath(path);
  if (!isPipe) return file;
  await file.close();
  throw new NotAFileError("named-pipe");
}

/**
 * What is written into a named pipe. Nothing waits in the system for a writer that does not come, which would keep the process from ending.
 *
 * @throws NotAFileError - `named-pipe`: nothing is written for two seconds; what the system says.
 */
export async function* readPipe(pipe: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  let [begun, silent] = [false, 0];
  while (true) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    // Nothing yet, with a writer: EAGAIN. Without one: the end.
    const { bytesRead } = await pipe.read(buffer, 0, CHUNK_BYTES, null).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EAGAIN") return { bytesRead: -1 };
      throw error;
    });
    if (bytesRead === 0 && begun) return;
    if (bytesRead > 0) {
      [begun, silent] = [true, 0];
      yield buffer.subarray(0, bytesRead);
    } else if ((silent += POLL_MS) > SILENCE_MS) throw new NotAFileError("named-pipe");
    else await sleep(POLL_MS);
  }
}

/**
 * The bytes of a whole file, or of a named pipe.
 *
 * @param maximum - the most bytes to read. Default: as many as a string can have characters.
 * @throws NotAFileError, what the system says.
 */
export async function readWholeFile(path: string | Uint8Array | URL, maximum: number = LONGEST_STRING): Promise<Buffer> {
  const { file, isPipe } = await openPath(path);
  try {
    if (isPipe) return await collect(readPipe(file), maximum);
    const { size } = await file.stat();
    if (size > maximum) throw new NotAFileError("too-large", maximum);
    if (size > 0) return await file.readFile();
    // Devices and pipes have no size.
    return await collect(file.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>, maximum);
  } finally {
    await file.close();
  }
}

async function collect(chunks: AsyncIterable<Buffer>, maximum: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of chunks) {
    length += part.length;
    if (length > maximum) throw new NotAFileError("too-large", maximum);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
