/** Texts that are not what their file's name says; loaded with the first of them. */
import { describeOtherFile } from "@chinese-clip/model";

/**
 * JSON with the numbers that Python writes though JSON has none such; NaN becomes text, so that no key can take it for a missing value.
 *
 * @returns undefined where it is no such JSON.
 */
export function parsePythonJson(text: string): unknown {
  const numbers: Readonly<Record<string, string>> = { NaN: '"NaN"', Infinity: "1e999", "-Infinity": "-1e999" };
  const json = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gsu, (found) => numbers[found] ?? found);
  try {
    return json === text ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** What a text is, for a message: a Git LFS pointer, an HTML page, nothing at all; undefined for others. */
export async function describeText(name: string, text: string): Promise<string | undefined> {
  const bytes = new TextEncoder().encode(text.slice(0, 1024));
  return describeOtherFile({ name, byteLength: bytes.length, read: async (start, end) => bytes.subarray(start, end) });
}
