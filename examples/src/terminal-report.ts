/**
 * Results as terminal text: a table with bars for each image that was labelled and each sentence that was searched.
 */
import type { Classification } from "@chinese-clip/node";
import type { ImageFile } from "./image-files.js";
import type { SearchResult } from "./search.js";
import { bar, formatTable, type Paint } from "./terminal-table.js";

/** Matches shown for a sentence, here and on the page. */
export const MATCHES_SHOWN = 5;

const BAR_WIDTH = 24;

/** Labels of one image, best first, as {@link ChineseCLIP.classify} gives them. */
export interface ClassificationResult {
  readonly image: ImageFile;
  readonly template: string | undefined;
  readonly labels: readonly Classification[];
}

/** A probability in percent, for people. */
export function formatPercent(score: number): string {
  const percent = 100 * score;
  return percent > 0 && percent < 0.05 ? "<0.1 %" : `${percent.toFixed(1)} %`;
}

/** The labels of an image: probability among these labels, and cosine. */
export function classificationReport({ image, template, labels }: ClassificationResult, paint: Paint): string {
  const rows = labels.map(({ label, score, similarity }) => [label, bar(score, BAR_WIDTH), formatPercent(score), similarity.toFixed(3)]);
  const sentence = template === undefined ? "" : `  ${paint.faint(template)}`;
  return [
    `${paint.title(`看图识物  ${image.name}`)}${sentence}`,
    ...indent(formatTable(rows, ["left", "left", "right", "right"]), paint),
  ].join("\n");
}

/** The best matches of a sentence by cosine. */
export function searchReport({ text, matches }: SearchResult, paint: Paint): string {
  const rows = matches
    .slice(0, MATCHES_SHOWN)
    .map(({ image, similarity }) => [image.name, bar(similarity, BAR_WIDTH), similarity.toFixed(3), image.caption ?? ""]);
  return [paint.title(`以文搜图  ${text}`), ...indent(formatTable(rows, ["left", "left", "right", "left"]), paint)].join("\n");
}

function indent(lines: readonly string[], paint: Paint): string[] {
  return lines.map((line, i) => `  ${i === 0 ? paint.best(line) : line}`);
}
