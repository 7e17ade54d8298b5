/**
 * ELEVATER's `index.json`: in which order the rows of a prediction file come.
 */
import { readText } from "@chinese-clip/dataset";
import { shownJson } from "@chinese-clip/dataset/formats";
import { EvaluationError } from "../evaluation-error.js";

/**
 * Reads an `index.json`: a list with the row that comes at each place; negative ones count from the end, as in Python.
 *
 * @throws DatasetError - no such file; EvaluationError - `invalid-index`, `row-number`.
 */
export async function readIndex(file: string, rows: number): Promise<number[]> {
  const index = parseJson(await readText(file));
  if (!Array.isArray(index) || index.length === 0) {
    throw new EvaluationError("invalid-index", { file });
  }
  return index.map((row: unknown, place) => {
    if (typeof row === "number" && Number.isInteger(row) && row >= -rows && row < rows) return row;
    throw new EvaluationError("row-number", { rows, got: shownJson(row), item: place + 1, file });
  });
}

/** Undefined for text that is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
