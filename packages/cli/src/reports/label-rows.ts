/**
 * Labels of images as rows of a table, or as lines of JSON.
 */
import type { Classification, ImageLabels, LabelSet } from "@chinese-clip/pipeline/zero-shot";
import type { CommandContext } from "../command.js";
import { oneLine } from "../terminal/printable.js";
import { displayWidth, widest } from "../terminal/table.js";

/** Columns that an image's path takes at most before the others move to the right. */
const WIDEST_PATH = 48;

/** A line of `--json`. */
export function formatLabels(file: string, { best, none, closest }: ImageLabels): string {
  const plain = ({ label, score, similarity }: Classification): unknown => ({ label, probability: score, similarity });
  const [first] = best;
  return JSON.stringify({
    file,
    label: first?.label ?? null,
    best: best.map(plain),
    none: none ?? null,
    closest: closest && plain(closest),
  });
}

/** Prints rows of columns whose widths are known before the first result is. */
export function labelRows(
  files: readonly string[],
  { labels, positives }: LabelSet,
  { language, print }: CommandContext,
): (file: string, found: ImageLabels) => void {
  const none = language === "zh" ? "（以上都不是）" : "(none of these)";
  const fileWidth = Math.min(WIDEST_PATH, widest(files));
  const labelWidth = Math.max(widest(labels.slice(0, positives)), displayWidth(none));
  const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - displayWidth(text)));
  const row = (file: string, label: string, score: Classification | undefined, remark = ""): void =>
    print(
      `${pad(oneLine(file), fileWidth)}  ${pad(label, labelWidth)}  ${score === undefined ? "" : numbers(score)}${remark === "" ? "" : `  ${remark}`}`.trimEnd(),
    );
  const numbers = ({ score, similarity }: Classification): string =>
    `${(100 * score).toFixed(1).padStart(5)}%  ${similarity.toFixed(3).padStart(6)}`;
  const head = (): void =>
    print(
      language === "zh"
        ? `${pad("图片", fileWidth)}  ${pad("标签", labelWidth)}    概率    余弦`
        : `${pad("image", fileWidth)}  ${pad("label", labelWidth)}   prob.  cosine`,
    );
  let isEmpty = true;
  return (file, { best, closest }) => {
    if (isEmpty) head(); // where no image can be read, there is no table
    isEmpty = false;
    if (best.length === 0) row(file, none, closest, closest?.label);
    for (const [i, score] of best.entries()) row(i === 0 ? file : "", score.label, score);
  };
}
