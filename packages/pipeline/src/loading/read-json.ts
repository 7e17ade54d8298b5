import { CheckpointError } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";

/** Characters of a configuration; published ones have some thousands. What reads them copies objects, which takes seconds for a million keys. */
const MAX_CONFIG_CHARACTERS = 1 << 22;

/**
 * A JSON file of the model, parsed as Python does; undefined where there is no such file. A byte order mark, which editors on Windows write, is skipped.
 *
 * @param maximum - characters that are read at most. Default: those of a configuration.
 * @throws CheckpointError - `malformed`, naming the file.
 */
export async function readJson(files: ModelFiles, name: string, maximum: number = MAX_CONFIG_CHARACTERS): Promise<unknown> {
  const text = await files.readText(name);
  if (text === undefined) return undefined;
  if (text.length > maximum) {
    const message = `${name}: expected at most ${maximum} characters, got ${text.length}`;
    throw new CheckpointError("malformed", message, { file: name, expected: maximum, actual: text.length });
  }
  const json = text.replace(/^\uFEFF/u, "");
  try {
    return JSON.parse(json);
  } catch (cause) {
    const { describeText, parsePythonJson } = await import("./other-text.js");
    const parsed = parsePythonJson(json);
    if (parsed !== undefined) return parsed;
    // Of JSON that is cut or has a mistake there is nothing to say.
    const what = /^\s*[[{]/u.test(json) ? undefined : await describeText(name, text);
    throw new CheckpointError("malformed", `${name}: expected JSON${what === undefined ? "" : `, got ${what}`}`, { file: name }, { cause });
  }
}

/** The error for a file that must be there. */
export function missing(files: ModelFiles, name: string): CheckpointError {
  return new CheckpointError("missing-file", `expected a file ${name}, got none`, { file: name, source: files.source });
}
