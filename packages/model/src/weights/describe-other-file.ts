import type { CheckpointFile } from "./byte-source.js";

/** What a file is that is not what its name says, for a message: a Git LFS pointer, an HTML page, an empty file and so on; undefined for others. */
export async function describeOtherFile(file: Pick<CheckpointFile, "name" | "byteLength" | "read">): Promise<string | undefined> {
  return (await import("./not-weights.js")).describeOtherFile(file); // with the first message that needs it
}
