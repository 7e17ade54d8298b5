/**
 * Files that a command wrote, with their sizes.
 */
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import type { CommandContext } from "../command.js";
import { formatBytes } from "../terminal/transfer.js";

/** Prints absolute paths as they are seen from the current folder where that is shorter; as JSON, absolute with bytes. */
export async function printWritten(files: readonly string[], { json, print }: CommandContext): Promise<void> {
  const sized = await Promise.all(files.map(async (file) => ({ file, bytes: (await stat(file)).size })));
  if (json) return print(JSON.stringify({ files: sized }, null, 2));
  for (const { file, bytes } of sized) {
    const near = relative(process.cwd(), file);
    print(`${formatBytes(bytes).padStart(8)}  ${near.length < file.length ? near : file}`);
  }
}
