/** The mistakes of a classification, the most frequent first. */
import type { ZeroShotScores } from "@chinese-clip/evaluation";
import { formatTable } from "../terminal/table.js";

/** The mistakes that are made most, most frequent first. */
export function frequentMistakes(
  { confusion }: ZeroShotScores,
  most: number,
): { readonly target: number; readonly predicted: number; readonly images: number }[] {
  return confusion
    .flatMap((row, target) => Array.from(row, (images, predicted) => ({ target, predicted, images })))
    .filter(({ target, predicted, images }) => target !== predicted && images > 0)
    .sort((a, b) => b.images - a.images)
    .slice(0, most);
}

/** The same as a table below a heading; empty where there are none. */
export function formatMistakes(scores: ZeroShotScores, labels: readonly string[], most: number, language: "en" | "zh"): string {
  const rows = frequentMistakes(scores, most).map(({ target, predicted, images }) => [
    `${labels[target]} → ${labels[predicted]}`,
    String(images),
  ]);
  return rows.length === 0 ? "" : `\n${language === "zh" ? "最常见的错误" : "most frequent mistakes"}\n${formatTable(rows)}`;
}
