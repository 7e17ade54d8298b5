/**
 * Duplicates as one HTML page: in each group the image to keep on the left, the others beside it, with what tells them apart.
 */
import type { ImageIndex, ImageMeta } from "@chinese-clip/dataset";
import type { DuplicateCandidate, DuplicateGroup, DuplicateTier, KeepReason } from "@chinese-clip/search";
import { formatBytes } from "../terminal/transfer.js";
import type { Bilingual } from "../translation/translate.js";
import { escapeMarkup } from "./confusion-chart.js";
import { embeddedImage, formatHtmlPage, linked } from "./html-page.js";

/** Groups and images of a group that a page shows: browsers hold some thousand images. */
const [MOST_GROUPS, MOST_OTHERS] = [1000, 20];

/** What the tiers are called. */
export const TIER_NAMES: Readonly<Record<DuplicateTier, Bilingual>> = {
  bytes: { en: "the same bytes", zh: "内容完全相同" },
  image: { en: "the same image", zh: "同一图片" },
  similar: { en: "similar images", zh: "相似图片" },
};

const REASONS: Readonly<Record<KeepReason, Bilingual>> = {
  pixels: { en: "keep: more pixels", zh: "保留：像素更多" },
  bytes: { en: "keep: more bytes", zh: "保留：文件更大" },
  oldest: { en: "keep: older", zh: "保留：更早" },
  order: { en: "keep", zh: "保留" },
};

/** Why an image is suggested. */
export function keepText(reason: KeepReason, language: keyof Bilingual): string {
  return REASONS[reason][language];
}

const STYLE = `
h2 { font-size: 1.2rem; margin: 2rem 0 0.7rem; }
section { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13rem, 42vw), 1fr)); gap: clamp(0.5rem, 2vw, 1rem); padding: 0.8rem 0; border-top: 1px solid var(--line); }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; overflow: hidden; }
figure.keep { border-color: #3d8b5f; outline: 1px solid #3d8b5f; }
figcaption { padding: 0.5rem 0.8rem 0.7rem; font-size: 0.85rem; color: var(--soft); overflow-wrap: anywhere; }
figcaption b { display: block; color: var(--ink); font-variant-numeric: tabular-nums; }
`;

/** What the page is about. */
export interface DuplicatePage {
  readonly index: ImageIndex;
  readonly groups: readonly DuplicateGroup<ImageMeta>[];
  /** Images that were compared. */
  readonly count: number;
  /** Where the page will be. */
  readonly file: string;
  readonly date: Date;
  readonly language: "en" | "zh";
}

/** The page, in pieces. */
export async function formatDuplicatePage({ index, groups, count, file, date, language }: DuplicatePage): Promise<string[]> {
  const zh = language === "zh";
  const figure = async ({ id, meta }: DuplicateCandidate<ImageMeta>, remark: string, kind: "keep" | "other"): Promise<string> => {
    const path = index.fileOf(id);
    const { width, height, size, mtime } = meta;
    const facts = [width === undefined ? "" : `${width} x ${height}`, formatBytes(size), new Date(mtime).toISOString().slice(0, 10)];
    const image = await embeddedImage(path, await index.thumbnail(meta), language);
    const caption = `<b>${escapeMarkup(remark)}</b>${facts.filter((fact) => fact !== "").join(" · ")}<br><span class="name">${escapeMarkup(path)}</span>`;
    return `<figure class="${kind}">${linked(`${image}<figcaption>${caption}</figcaption>`, path, file)}</figure>`;
  };
  const body: string[] = [];
  let tier: DuplicateTier | undefined;
  for (const group of groups.slice(0, MOST_GROUPS)) {
    if (group.tier !== tier) body.push(`<h2>${TIER_NAMES[group.tier][language]}</h2>`);
    tier = group.tier;
    const figures = [await figure(group.keep, keepText(group.reason, language), "keep")];
    for (const other of group.others.slice(0, MOST_OTHERS)) {
      const same = tier === "bytes" ? (zh ? "内容相同" : "the same bytes") : `${zh ? "余弦" : "cosine"} ${other.cosine.toFixed(4)}`;
      figures.push(await figure(other, same, "other"));
    }
    const hidden = group.others.length - MOST_OTHERS;
    const more = hidden > 0 ? `<p>${zh ? `另有 ${hidden} 张` : `and ${hidden} more`}</p>` : "";
    body.push(`<section>${figures.join("\n")}${more}</section>`);
  }
  const left = groups.length - MOST_GROUPS;
  if (left > 0) body.push(`<p>${zh ? `另有 ${left} 组；完整结果见 --json` : `and ${left} more groups; --json has all of them`}</p>`);
  const facts = [
    index.path,
    zh ? `${count} 张图片，${groups.length} 组重复` : `${count} images, ${groups.length} groups of duplicates`,
    index.settings.model,
    date.toISOString().slice(0, 10),
  ];
  return [...formatHtmlPage({ title: zh ? "重复图片" : "Duplicates", facts, body, style: STYLE, language })];
}
