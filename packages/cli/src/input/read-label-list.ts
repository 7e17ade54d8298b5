/**
 * Labels as a command line gives them: a list separated by commas, or a file with one per line.
 */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { isFolder, readText } from "@chinese-clip/dataset";
import { parseLabelLines, parseLabelList } from "@chinese-clip/pipeline/zero-shot";
import { CommandError, t } from "../translation/translate.js";

/** Millions of labels. */
const MAX_LIST_BYTES = 1 << 26;

/**
 * Reads labels.
 *
 * @param value - `猫,狗` (also with Chinese commas), or the path of a UTF-8 file: one a line, empty lines and lines that start with `#` skipped, or one
 *   line with commas, or a JSON array of strings.
 * @returns at least one label, none of them twice.
 * @throws DatasetError - no such file, no UTF-8; CommandError - no labels in it, other JSON.
 */
export async function readLabelList(value: string): Promise<string[]> {
  const labels = (await isPath(value)) ? labelsOf(await readText(value, MAX_LIST_BYTES), value) : parseLabelList(value);
  if (labels.length === 0) {
    throw new CommandError(t`${value}: no labels in it; write one per line, or separate them by commas: 猫,狗`);
  }
  return labels;
}

/** What ends like a text file, or begins like a path, is one though it may not be there; with a comma in it, only if it is there. */
async function isPath(value: string): Promise<boolean> {
  if (/\.(?:txt|csv|tsv|json|list|labels)$/i.test(value)) return true;
  const exists = await stat(value).then(
    () => true,
    () => false,
  );
  if (exists || /[,，]/.test(value)) return exists;
  // 猫/狗 is a label unless there is a folder 猫.
  return /^(?:\.{0,2}|~|[a-z]:)[/\\]/i.test(value) || (/[/\\]/.test(value) && (await isFolder(dirname(value))));
}

function labelsOf(text: string, file: string): string[] {
  const json = parseJson(text);
  if (json !== undefined) {
    if (Array.isArray(json) && json.every((label) => typeof label === "string")) return parseLabelLines(json.join("\n"));
    throw new CommandError(t`${file}: expected one label a line, or a JSON array of strings; got other JSON`);
  }
  const labels = parseLabelLines(text);
  return labels.length === 1 ? parseLabelList(labels[0] ?? "") : labels;
}

/** JSON of an array or object; undefined for other text. */
function parseJson(text: string): unknown {
  try {
    return /^\s*[[{]/.test(text) ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
