/**
 * The results of a search as one HTML page, with links to the images' files.
 */
import type { Hit } from "@chinese-clip/search";
import { escapeMarkup } from "./confusion-chart.js";
import { embeddedImage, formatHtmlPage, linked } from "./html-page.js";

const STYLE = `
ol { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 40vw), 1fr)); gap: clamp(0.5rem, 2vw, 1rem); }
li { background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; overflow: hidden; display: flex; flex-direction: column; }
div { padding: 0.5rem 0.8rem 0.7rem; font-size: 0.85rem; color: var(--soft); overflow-wrap: anywhere; }
b { display: flex; justify-content: space-between; color: var(--ink); font-size: 1rem; font-variant-numeric: tabular-nums; }
b i { font-style: normal; font-weight: 400; color: var(--soft); }
`;

/** What the page is about. */
export interface ResultPage<Found extends Hit = Hit> {
  readonly query: string;
  /** What was searched. */
  readonly source: string;
  readonly model: string;
  readonly hits: readonly Found[];
  /** Where the page will be: links to images are relative to it. */
  readonly file: string;
  readonly date: Date;
  readonly language: "en" | "zh";
  /** A WebP file to be shown in place of the image. */
  readonly thumbnail?: ((hit: Found) => Promise<Uint8Array | undefined>) | undefined;
}

/** The page. Images that are gone, or that browsers do not show, have their name only. */
export async function formatResultPage<Found extends Hit>(page: ResultPage<Found>): Promise<string> {
  const { query, source, model, hits, file, date, language, thumbnail } = page;
  const zh = language === "zh";
  const items: string[] = [];
  for (const hit of hits) {
    const { rank, score, path, id } = hit;
    const image = await embeddedImage(path, await thumbnail?.(hit), language);
    const name = escapeMarkup(path ?? String(id ?? rank));
    const item = `${image}<div><b>${score.toFixed(4)}<i>${rank}</i></b><span class="name">${name}</span></div>`;
    items.push(`<li>${linked(item, path, file)}</li>`);
  }
  const count = zh ? `${hits.length} 条结果` : `${hits.length} ${hits.length === 1 ? "result" : "results"}`;
  const body = [`<ol>${items.join("\n")}</ol>`];
  const facts = [source, count, model, date.toISOString().slice(0, 10)];
  return [...formatHtmlPage({ title: query, facts, body, style: STYLE, language })].join("");
}
