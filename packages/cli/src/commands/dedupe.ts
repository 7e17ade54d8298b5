/**
 * `chinese-clip dedupe`: the duplicates of an image index, in three tiers. Nothing is moved unless a folder is named, and similar images only when their
 * tier is, too.
 */
import { type ImageIndex, type ImageMeta, writeWhole } from "@chinese-clip/dataset";
import { type DuplicateGroup, type DuplicateReport, type DuplicateTier, findDuplicates } from "@chinese-clip/search";
import type { Command, CommandContext } from "../command.js";
import { filterOf, FILTER_OPTION } from "../input/filters.js";
import { INDEX_OPTION } from "../input/index-path.js";
import { sameByIndexPixels } from "../input/index-pixels.js";
import { type CsvCell, formatCsv } from "../reports/csv.js";
import { formatDuplicatePage, keepText, TIER_NAMES } from "../reports/duplicate-page.js";
import { oneLine } from "../terminal/printable.js";
import { formatTable } from "../terminal/table.js";
import { formatBytes } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import { MOVE_OPTIONS, notePlaced, placeImages, targetOf } from "./placement-options.js";
import { wayOf } from "./print-hits.js";
import { withIndex } from "./with-index.js";
import { numberValue, type OptionValues, parseChoice, setting, stringValue, UsageError } from "../option.js";

const TIERS: readonly DuplicateTier[] = ["bytes", "image", "similar"];
/** Tiers whose images are moved where none is named: those of one image. */
const SAME: readonly DuplicateTier[] = ["bytes", "image"];
/** The minimum cosine of similar images. */
const SIMILAR = 0.95;

/** The command. */
export const dedupe: Command = {
  options: {
    ...INDEX_OPTION,
    ...FILTER_OPTION,
    tier: setting(
      "list",
      "bytes, image, similar, separated by commas (default: all; bytes,image are moved)",
      "bytes（内容相同）、image（同一图片）、similar（相似），用逗号分隔（默认全部；移动时只含 bytes,image）",
    ),
    similar: setting("cosine", `minimum cosine of similar images (default: ${SIMILAR})`, `相似图片的余弦相似度下限（默认 ${SIMILAR}）`),
    html: setting("file", "write a page with the images side by side", "写出并排对比的网页"),
    csv: setting("file", "write a CSV table, which Excel opens", "写出表格文件（可用 Excel 打开）"),
    ...MOVE_OPTIONS,
    "move-to": setting("folder", "move the duplicates to a folder; the ones to keep stay", "把重复的图片移动到该文件夹；建议保留的不动"),
  },
  examples: ["--html duplicates.html", "--tier bytes,image --move-to trash --dry-run", "--tier similar --similar 0.97 --json"],

  async run(values, context) {
    const named = tiersOf(values);
    const target = targetOf(values);
    const tiers = named ?? (target === undefined ? TIERS : SAME);
    const similarCosine = numberValue(values, "similar", -1, 1);
    if (similarCosine !== undefined && !tiers.includes("similar")) {
      throw new UsageError(t`--similar is of use only with the tier similar; see --tier`);
    }
    const filter = filterOf(values);
    const isMoving = target !== undefined && !target.dryRun;
    return withIndex(values, context, !isMoving, async ({ index, onProgress, below }) => {
      const { language, json, print, note, signal } = below;
      const { count, groups } = await findDuplicates<ImageMeta>(index.store, {
        filter,
        similarCosine: tiers.includes("similar") ? (similarCosine ?? SIMILAR) : undefined,
        sameImage: tiers.includes("bytes") && tiers.length === 1 ? () => false : sameByIndexPixels(index),
        signal,
        onProgress: (done, total) => onProgress(language === "zh" ? "图片" : "images", done, total),
      });
      const found = tiers.flatMap((tier) => groups[tier]);
      const [html, csv] = [stringValue(values, "html"), stringValue(values, "csv")];
      if (html !== undefined) {
        await writeWhole(html, await formatDuplicatePage({ index, groups: found, count, file: html, date: new Date(), language }));
      }
      if (csv !== undefined) await writeWhole(csv, formatCsv(csvRows(index, found)));
      if (!json) printGroups(index, found, count, below);
      const others = target === undefined ? [] : distinctOthers(found).map((id) => ({ id, path: index.fileOf(id), folder: target.folder }));
      const placed = target === undefined ? undefined : await placeImages(others, target, below, isMoving ? index : undefined);
      if (json) {
        const files = placed === undefined || target === undefined ? {} : { [wayOf(target)]: placed.placed };
        print(JSON.stringify({ images: count, groups: jsonGroups(index, found), ...files }, null, 2));
      } else {
        for (const file of [html, csv]) if (file !== undefined) note(`→ ${file}`);
        if (placed !== undefined && target !== undefined) notePlaced(placed, target, below);
      }
      return placed !== undefined && placed.failed > 0 ? 1 : 0;
    });
  },
};

type Group = DuplicateGroup<ImageMeta>;

function tiersOf(values: OptionValues): DuplicateTier[] | undefined {
  const text = stringValue(values, "tier");
  if (text === undefined) return undefined;
  const named = text.split(/[,，]/).map((name) => parseChoice("--tier", name.trim(), TIERS));
  return TIERS.filter((tier) => named.includes(tier));
}

/** Ids of the images that others stand for, each once; one that stays in a tier may be similar to another in the next. */
function distinctOthers(groups: readonly Group[]): string[] {
  return [...new Set(groups.flatMap(({ others }) => others.map(({ id }) => id)))];
}

function printGroups(index: ImageIndex, groups: readonly Group[], count: number, { language, print }: CommandContext): void {
  const zh = language === "zh";
  for (const tier of TIERS) {
    const some = groups.filter((group) => group.tier === tier);
    if (some.length === 0) continue;
    const others = some.flatMap((group) => group.others);
    const bytes = formatBytes(others.reduce((sum, { meta }) => sum + meta.size, 0));
    print(
      zh
        ? `${TIER_NAMES[tier].zh}：${some.length} 组，可去掉 ${others.length} 张（${bytes}）`
        : `${TIER_NAMES[tier].en}: ${some.length} ${some.length === 1 ? "group" : "groups"}, ${others.length} to spare (${bytes})`,
    );
    const rows = some.flatMap(({ keep, reason, others: rest }) => [
      [`  ${oneLine(index.fileOf(keep.id))}`, sizeOf(keep.meta), formatBytes(keep.meta.size), keepText(reason, language)],
      ...rest.map(({ id, meta, cosine }) => [`    ${oneLine(index.fileOf(id))}`, sizeOf(meta), formatBytes(meta.size), cosine.toFixed(4)]),
    ]);
    print(`${formatTable(rows)}\n`);
  }
  if (groups.length === 0) print(zh ? `${count} 张图片中没有发现重复` : `no duplicates among ${count} ${count === 1 ? "image" : "images"}`);
}

function sizeOf({ width, height }: ImageMeta): string {
  return width === undefined || height === undefined ? "" : `${width} x ${height}`;
}

function jsonGroups(index: ImageIndex, groups: readonly Group[]): Record<string, unknown>[] {
  const fileOf = ({ id, meta: { width, height, size, mtime } }: Group["keep"]): Record<string, unknown> => ({
    path: index.fileOf(id),
    width,
    height,
    size,
    mtime,
  });
  return groups.map(({ tier, keep, reason, others }) => ({
    tier,
    keep: { ...fileOf(keep), reason },
    others: others.map((other) => ({ ...fileOf(other), cosine: other.cosine, hashDistance: other.hashDistance })),
  }));
}

function* csvRows(
  index: ImageIndex,
  groups: DuplicateReport<ImageMeta>["groups"]["bytes"],
): Generator<readonly CsvCell[], void, undefined> {
  yield ["tier", "group", "role", "path", "width", "height", "size", "cosine", "reason"];
  for (const [i, { tier, keep, reason, others }] of groups.entries()) {
    const of = ({ id, meta }: Group["keep"]): CsvCell[] => [index.fileOf(id), meta.width, meta.height, meta.size];
    yield [tier, i + 1, "keep", ...of(keep), undefined, reason];
    for (const other of others) yield [tier, i + 1, "duplicate", ...of(other), other.cosine, undefined];
  }
}
