/**
 * Result files that are there whole or not at all: written under a temporary name and renamed.
 */
import { open } from "node:fs/promises";
import { stageFile, writingTo } from "@chinese-clip/pipeline/node";

/** Characters that are collected before they are written. */
const BUFFERED = 1 << 20;

/**
 * Writes a text file, folders included, from its pieces.
 *
 * @throws OutputError - the place cannot be written; then no temporary file is left, and a file that was there before is as it was.
 */
export async function writeWhole(file: string, pieces: Iterable<string>): Promise<void> {
  await stageFile(file, (part) => writingTo(file, () => writePieces(part, pieces)));
}

async function writePieces(part: string, pieces: Iterable<string>): Promise<void> {
  const handle = await open(part, "w");
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
