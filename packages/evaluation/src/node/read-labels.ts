/**
 * ELEVATER's labels, `label_cn.txt`: one a line, the line's number is the class's.
 */
import { readText } from "@chinese-clip/dataset";
import { shortList } from "@chinese-clip/dataset/formats";
import { EvaluationError } from "../evaluation-error.js";

/**
 * The labels, one a line, for classes in their order.
 *
 * @throws EvaluationError - `missing`; `labels`: not as many as classes, or an empty one.
 */
export async function readLabels(file: string, classes: readonly string[]): Promise<string[]> {
  const text = await readText(file);
  const lines = text
    .replace(/\r?\n$/, "")
    .split("\n")
    .map((line) => line.trim());
  const empty = lines.indexOf("");
  if (empty >= 0) {
    throw new EvaluationError("empty-label", { file, line: empty + 1 });
  }
  if (lines.length !== classes.length) {
    throw new EvaluationError("label-count", { expected: classes.length, classes: shortList(classes), got: lines.length, file });
  }
  return lines;
}
