/** Whether an open file is still what it was: what is read at offsets that were found before is otherwise something else. */
import type { FileHandle } from "node:fs/promises";
import { DatasetError } from "../dataset-error.js";

/** What a file looks like. */
export interface FileStamp {
  /** In bytes. */
  readonly size: bigint;
  /** When it was last written, in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
}

/** What an open file looks like now. */
export async function stampOf(handle: FileHandle): Promise<FileStamp> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  return { size, mtimeNs };
}

/** @throws DatasetError - `replaced-while-read`: an open file is not the one that the stamp is of, or was written since. */
export async function checkUnchanged(handle: FileHandle, { size, mtimeNs }: FileStamp, file: string): Promise<void> {
  const now = await stampOf(handle);
  if (now.size !== size || now.mtimeNs !== mtimeNs) throw new DatasetError("replaced-while-read", { file });
}
