/** One writer for each output: the lock of `@chinese-clip/search/node` in a file beside it. */
import { SearchError } from "@chinese-clip/search";
import { lockFile } from "@chinese-clip/search/node";
import { DatasetError } from "../dataset-error.js";

/**
 * Takes the lock of an output.
 *
 * @returns gives it back.
 * @throws DatasetError - `output-locked`: another process has it.
 */
export async function lockOutput(output: string): Promise<() => Promise<void>> {
  try {
    return await lockFile(`${output}.lock`);
  } catch (cause) {
    if (!(cause instanceof SearchError && cause.code === "locked")) throw cause;
    const { owner = "?", file: lock = `${output}.lock` } = cause.details;
    throw new DatasetError("output-locked", { process: owner, lock, file: output }, { cause });
  }
}
