/**
 * Result files that are there whole or not at all: written under a temporary name and renamed. What is no file, such as `/dev/stdout` and a shell's
 * `>(command)`, is written to as it is.
 */
import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { OutputError, stageFile, writingTo } from "@chinese-clip/pipeline/node";

/** Characters that are collected before they are written. */
const BUFFERED = 1 << 20;

/** Bytes at the beginning of a file that tell whether it is text. */
const HEAD = 4096;

/** Names of what the process has open: renaming something onto one would not reach its reader. Standard output may be a socket, which has no second opening. */
const OPENED = /^\/(?:dev|proc\/self)\/(?:std|fd\/\d)/u;
const STANDARD_OUTPUT = /^\/(?:dev|proc\/self)\/(?:stdout|fd\/1)$/u;

/**
 * Writes a text file, folders included, from its pieces.
 *
 * @throws OutputError - the place cannot be written, or holds a file that is no text, such as an image; then no temporary file is left, and a file that
 * was there before is as it was.
 */
export async function writeWhole(file: string, pieces: Iterable<string>): Promise<void> {
  if (STANDARD_OUTPUT.test(file)) return writingTo(file, () => print(pieces));
  const found = await stat(file).catch(() => undefined);
  if (OPENED.test(file) || found?.isFIFO() === true || found?.isCharacterDevice() === true)
    return writingTo(file, async () => writePieces(await openStream(file, found?.isFIFO() === true), pieces));
  if (found?.isFile() === true) await writingTo(file, () => checkText(file));
  await stageFile(file, (part) => writingTo(file, async () => writePieces(await open(part, "w"), pieces)));
}

async function print(pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces)
    await new Promise<void>((resolve, reject) => process.stdout.write(piece, (error) => (error == null ? resolve() : reject(error))));
}

/** A named pipe that nobody reads would be waited for for ever, in a thread that nothing interrupts. */
async function openStream(file: string, isPipe: boolean): Promise<FileHandle> {
  const reader = isPipe ? await open(file, constants.O_WRONLY | constants.O_NONBLOCK) : undefined;
  try {
    return await open(file, "w");
  } finally {
    await reader?.close();
  }
}

/** @throws OutputError - the file is no text: an image, or weights, that a mistaken name would replace. */
async function checkText(file: string): Promise<void> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    const isText = !buffer.subarray(0, bytesRead).includes(0); // every image and every weights file has zeros at its head, and no encoding of a table but UTF-16
    if (!isText) throw new OutputError("not-writable", { path: file, errno: "EEXIST", reason: "it is there, and is no text file" });
  } finally {
    await handle.close();
  }
}

async function writePieces(handle: FileHandle, pieces: Iterable<string>): Promise<void> {
  try {
    let pending: string[] = [];
    let length = 0;
    for (const piece of pieces) {
      pending.push(piece);
      length += piece.length;
      if (length < BUFFERED) continue;
      await handle.writeFile(pending.join(""));
      pending = [];
      length = 0;
    }
    await handle.writeFile(pending.join(""));
  } finally {
    await handle.close();
  }
}
