/**
 * How found images are printed and what is done with them: the same for every command that finds some.
 */
import { type ImageIndex, type ImageMeta, writeWhole } from "@chinese-clip/dataset";
import type { Hit, StoreHit } from "@chinese-clip/search";
import type { CommandContext } from "../command.js";
import { type CsvCell, formatCsv } from "../reports/csv.js";
import { formatResultPage } from "../reports/result-page.js";
import { oneLine } from "../terminal/printable.js";
import { formatTable } from "../terminal/table.js";
import { t } from "../translation/translate.js";
import { notePlaced, placeImages, PLACEMENT_OPTIONS, type Target, targetOf } from "./placement-options.js";
import { type CommandOptions, flag, numberValue, type OptionValues, setting, stringValue, UsageError } from "../option.js";

/** A result; from an index with its item. */
export interface FoundImage extends Hit {
  /** The item's id. */
  readonly item?: string;
  readonly meta?: ImageMeta;
}

/** Which results count, and where they go. */
export const HIT_OPTIONS: CommandOptions = {
  top: setting("k", "number of results (default: 10)", "返回条数（默认 10）"),
  "min-score": setting("cosine", "leave out results with a lower score, such as 0.3", "去掉得分更低的结果，如 0.3"),
  "relative-score": setting(
    "share",
    "leave out results below this share of the best score, such as 0.9",
    "去掉低于最高分该比例的结果，如 0.9",
  ),
  "paths-only": flag("print only paths, for pipes", "只输出路径，便于管道处理"),
  html: setting("file", "write a page with the images", "写出含图片的网页"),
  csv: setting("file", "write a CSV table, which Excel opens", "写出表格文件（可用 Excel 打开）"),
  ...PLACEMENT_OPTIONS,
};

/** What {@link HIT_OPTIONS} say. */
export interface HitOutput {
  readonly top: number;
  readonly minScore: number;
  /** Share of the best score; 0 for no cut. */
  readonly relativeScore: number;
  readonly pathsOnly: boolean;
  readonly html: string | undefined;
  readonly csv: string | undefined;
  readonly target: Target | undefined;
}

/** @throws UsageError - a value that cannot be, or options that exclude each other. */
export function hitOutputOf(values: OptionValues, { json }: Pick<CommandContext, "json">): HitOutput {
  const pathsOnly = values["paths-only"] === true;
  if (pathsOnly && json) throw new UsageError(t`give --${"paths-only"} or --${"json"}, not both`);
  const minScore = numberValue(values, "min-score", -1, 1);
  return {
    top: topOf(values),
    minScore: minScore ?? -Infinity,
    relativeScore: numberValue(values, "relative-score", 0, 1) ?? 0,
    pathsOnly,
    html: stringValue(values, "html"),
    csv: stringValue(values, "csv"),
    target: targetOf(values),
  };
}

function topOf(values: OptionValues): number {
  const text = stringValue(values, "top") ?? "10";
  const top = Number(text);
  if (/^\d{1,6}$/.test(text) && top >= 1) return top;
  throw new UsageError(t`--top: expected a number from 1 to 999999, got ${text}`);
}

/** The results that count, of those in order. */
export function cutHits<Found extends Hit>(hits: readonly Found[], { minScore, relativeScore }: HitOutput): Found[] {
  const best = hits[0]?.score ?? 0;
  // A share of a negative score would be above it.
  const floor = Math.max(minScore, relativeScore > 0 && best > 0 ? best * relativeScore : -Infinity);
  return hits.filter(({ score }) => score >= floor);
}

/** An index's results as those of any source. */
export function indexHits(index: ImageIndex, hits: readonly StoreHit<ImageMeta>[]): FoundImage[] {
  return hits.map(({ id, score, meta }, i) => ({ rank: i + 1, score, id: undefined, path: index.fileOf(id), item: id, meta }));
}

/** What was asked, and of which index. */
export interface HitReport {
  readonly query: string;
  readonly source: string;
  readonly model: string;
  readonly index?: ImageIndex;
}

/**
 * Prints results and does with them what the options say.
 *
 * @returns the exit code: 1 if there were images that could not be copied or moved.
 */
export async function printHits(
  hits: readonly FoundImage[],
  report: HitReport,
  output: HitOutput,
  context: CommandContext,
): Promise<0 | 1> {
  const { language, json, print, note } = context;
  const { pathsOnly, html, csv, target } = output;
  const images =
    target === undefined ? [] : hits.flatMap(({ item, path }) => (path === undefined ? [] : [{ id: item, path, folder: target.folder }]));
  // Written before images move, with the names that they have now.
  if (csv !== undefined) await writeWhole(csv, formatCsv(csvRows(hits)));
  if (html !== undefined) {
    const { query, source, model, index } = report;
    const thumbnail =
      index === undefined ? undefined : async ({ meta }: FoundImage) => (meta === undefined ? undefined : index.thumbnail(meta));
    await writeWhole(html, [await formatResultPage({ query, source, model, hits, file: html, date: new Date(), language, thumbnail })]);
  }
  if (!json) printPlain(hits, pathsOnly, context);
  const placed = target === undefined ? undefined : await placeImages(images, target, context, report.index);
  if (json) {
    const results = hits.map(({ rank, score, id, path, meta }) =>
      meta === undefined ? { rank, score, id, path } : { rank, score, path, meta },
    );
    const files = placed === undefined || target === undefined ? {} : { [wayOf(target)]: placed.placed };
    print(JSON.stringify({ query: report.query, results, ...files }, null, 2));
  } else {
    for (const file of pathsOnly ? [] : [html, csv]) if (file !== undefined) note(`→ ${file}`);
    if (placed !== undefined && target !== undefined) notePlaced(placed, target, context);
  }
  return placed !== undefined && placed.failed > 0 ? 1 : 0;
}

/** The key of placed images in JSON. */
export function wayOf({ move, dryRun }: Target): string {
  return dryRun ? "planned" : move ? "moved" : "copied";
}

function printPlain(hits: readonly FoundImage[], pathsOnly: boolean, { language, print }: CommandContext): void {
  if (pathsOnly && !process.stdout.isTTY) process.stdout.write(hits.map((hit) => `${nameOf(hit)}\n`).join("")); // for a program, byte by byte
  else if (pathsOnly) for (const hit of hits) print(oneLine(nameOf(hit)));
  else if (hits.length === 0) print(language === "zh" ? "没有符合条件的图片" : "no images match");
  else {
    const head = language === "zh" ? ["图片", "得分"] : ["image", "score"];
    print(formatTable([head, ...hits.map((hit) => [oneLine(nameOf(hit)), hit.score.toFixed(4)])]));
  }
}

function nameOf({ path, id }: FoundImage): string {
  return path ?? String(id ?? "");
}

function* csvRows(hits: readonly FoundImage[]): Generator<readonly CsvCell[], void, undefined> {
  const fields = ["takenAt", "camera", "width", "height", "size", "latitude", "longitude"] as const;
  const isIndexed = hits.some(({ meta }) => meta !== undefined);
  yield ["rank", "score", "path", ...(isIndexed ? fields : ["id"])];
  for (const { rank, score, path, id, meta } of hits)
    yield [rank, score, path, ...(isIndexed ? fields.map((field) => meta?.[field]) : [id])];
}
