/**
 * Labels of images as rows of a table, or as lines of JSON.
 */
import type { CommandContext } from "../command.js";
import { oneLine } from "../terminal/printable.js";
import { displayWidth, widest } from "../terminal/table.js";

/** How well a label fits. */
export interface ShownLabel {
  readonly label: string;
  /** Probability among the labels. */
  readonly score: number;
  /** Cosine with the label's text; a few-shot classifier has none. */
  readonly similarity?: number | undefined;
}

/** The labels of an image, as `ImageLabels` of zero-shot classification. */
export interface ShownLabels {
  readonly best: readonly ShownLabel[];
  readonly none: "negative" | "threshold" | undefined;
  readonly closest: ShownLabel | undefined;
}

/** Columns that an image's path takes at most before the others move to the right. */
const WIDEST_PATH = 48;

/** A line of `--json`. */
export function formatLabels(file: string, { best, none, closest }: ShownLabels): string {
  const plain = ({ label, score, similarity }: ShownLabel): unknown => ({ label, probability: score, similarity });
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
  labels: readonly string[],
  { language, print }: CommandContext,
): (file: string, found: ShownLabels) => void {
  const none = language === "zh" ? "（以上都不是）" : "(none of these)";
  const fileWidth = Math.min(WIDEST_PATH, widest(files));
  const labelWidth = Math.max(widest(labels.map(oneLine)), displayWidth(none));
  const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - displayWidth(text)));
  const row = (file: string, label: string, score: ShownLabel | undefined, remark = ""): void =>
    print(
      `${pad(oneLine(file), fileWidth)}  ${pad(oneLine(label), labelWidth)}  ${score === undefined ? "" : numbers(score)}${remark === "" ? "" : `  ${remark}`}`.trimEnd(),
    );
  const numbers = ({ score, similarity }: ShownLabel): string =>
    `${(100 * score).toFixed(1).padStart(5)}%  ${similarity === undefined ? "" : similarity.toFixed(3).padStart(6)}`.trimEnd();
  const head = (hasCosine: boolean): void =>
    print(
      (language === "zh"
        ? `${pad("图片", fileWidth)}  ${pad("标签", labelWidth)}    概率${hasCosine ? "    余弦" : ""}`
        : `${pad("image", fileWidth)}  ${pad("label", labelWidth)}   prob.${hasCosine ? "  cosine" : ""}`
      ).trimEnd(),
    );
  let isEmpty = true;
  return (file, { best, closest }) => {
    if (isEmpty) head(closest?.similarity !== undefined); // where no image can be read, there is no table
    isEmpty = false;
    if (best.length === 0) row(file, none, closest, closest?.label);
    for (const [i, score] of best.entries()) row(i === 0 ? file : "", score.label, score);
  };
}
