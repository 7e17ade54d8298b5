import { CheckpointError } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";

/**
 * A JSON file of the model, parsed; undefined where there is no such file.
 *
 * @throws CheckpointError - `malformed`, naming the file.
 */
export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const text = await files.readText(name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError("malformed", `${name}: expected JSON`, { file: name }, { cause });
  }
}

/** The error for a file that must be there. */
export function missing(files: ModelFiles, name: string): CheckpointError {
  return new CheckpointError("missing-file", `expected a file ${name}, got none`, { file: name, source: files.source });
}
