/**
 * Result files that are there whole or not at all: written under a temporary name and renamed.
 */
import { open, mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Characters that are collected before they are written. */
const BUFFERED = 1 << 20;

/**
 * Writes a text file, folders included, from its pieces.
 *
 * @throws what Node's file system throws; then no temporary file is left, and a file that was there before is as it was.
 */
export async function writeWhole(file: string, pieces: Iterable<string>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, "w");
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
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
