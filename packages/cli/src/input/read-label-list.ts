/**
 * Labels as a command line gives them: a list separated by commas, or a file with one per line.
 */
import { stat } from "node:fs/promises";
import { missingFile } from "@chinese-clip/dataset";
import { readWholeFile } from "@chinese-clip/pipeline/node";
import { parseLabelLines, parseLabelList } from "@chinese-clip/pipeline/zero-shot";
import { CommandError, t } from "../translation/translate.js";

/** Millions of labels. */
const MAX_LIST_BYTES = 1 << 26;

/**
 * Reads labels.
 *
 * @param value - `猫,狗` (also with Chinese commas), or the path of a UTF-8 file; empty lines and lines that start with `#` are skipped.
 * @returns at least one label, none of them twice.
 * @throws DatasetError - no such file; CommandError - no labels in it.
 */
export async function readLabelList(value: string): Promise<string[]> {
  const file = await isPath(value);
  const labels = file ? parseLabelLines(await readLabelFile(value)) : parseLabelList(value);
  if (labels.length === 0) {
    throw new CommandError(t`${value}: no labels in it; write one per line, or separate them by commas: 猫,狗`);
  }
  return labels;
}

/** A list is no path; what ends like a text file is one, though it may not be there. */
async function isPath(value: string): Promise<boolean> {
  if (/\.(?:txt|csv|tsv|list|labels)$/i.test(value)) return true;
  return stat(value).then(
    () => true,
    () => false,
  );
}

async function readLabelFile(file: string): Promise<string> {
  const bytes = await readWholeFile(file, MAX_LIST_BYTES).catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
  const text = bytes.toString("utf8");
  if (text.includes("\0") || text.includes("\ufffd")) {
    throw new CommandError(t`${file}: expected UTF-8 text with one label a line; convert the file first (iconv -t UTF-8)`);
  }
  return text;
}
