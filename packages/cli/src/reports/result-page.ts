/**
 * The results of a search as one HTML page that stands alone: the images are in it and link to their files; no script, and a policy that
 * forbids every request.
 */
import { readFile } from "node:fs/promises";
import { dirname, extname, relative, sep } from "node:path";
import { escapeMarkup } from "./confusion-chart.js";
import type { Hit } from "@chinese-clip/search";

const TYPES: Readonly<Record<string, string>> = {
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".jpe": "image/jpeg",
  ".jfif": "image/jpeg",
  ".png": "image/png",
  ".webp": "image/webp",
  ".bmp": "image/bmp",
  ".gif": "image/gif",
  ".avif": "image/avif",
};

const STYLE = `
:root { --paper: #f6f4ef; --card: #fffefb; --ink: #22201c; --soft: #6d675d; --line: #e4dfd4; --mat: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #171614; --card: #211f1c; --ink: #ece8e0; --soft: #a29b8e; --line: #35322d; --mat: #2b2925; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; }
h1 { font-size: clamp(1.5rem, 5vw, 2.2rem); line-height: 1.2; margin: 0 0 0.3rem; overflow-wrap: anywhere; }
p { margin: 0 0 1.5rem; color: var(--soft); overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 40vw), 1fr)); gap: clamp(0.5rem, 2vw, 1rem); }
li { background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; overflow: hidden; display: flex; flex-direction: column; }
img, .none { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--mat); }
.none { display: grid; place-items: center; color: var(--soft); }
a { color: inherit; text-decoration: none; }
a:hover .name, a:focus-visible .name { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--ink); outline-offset: -2px; }
div { padding: 0.5rem 0.8rem 0.7rem; font-size: 0.85rem; color: var(--soft); overflow-wrap: anywhere; }
b { display: flex; justify-content: space-between; color: var(--ink); font-size: 1rem; font-variant-numeric: tabular-nums; }
b i { font-style: normal; font-weight: 400; color: var(--soft); }
`;

/** What the page is about. */
export interface ResultPage {
  readonly query: string;
  /** What was searched. */
  readonly source: string;
  readonly model: string;
  readonly hits: readonly Hit[];
  /** Where the page will be: links to images are relative to it. */
  readonly file: string;
  readonly date: Date;
  readonly language: "en" | "zh";
}

/** The page. Images that are gone, or that browsers do not show, have their name only. */
export async function formatResultPage({ query, source, model, hits, file, date, language }: ResultPage): Promise<string> {
  const zh = language === "zh";
  const items: string[] = [];
  for (const { rank, score, path, id } of hits) {
    const name = path ?? String(id ?? rank);
    const type = TYPES[extname(name).toLowerCase()];
    const bytes = type === undefined ? undefined : await readFile(name).catch(() => undefined);
    const image =
      bytes === undefined
        ? `<span class="none">${zh ? "无法显示" : "not shown"}</span>`
        : `<img alt="" src="data:${type};base64,${bytes.toString("base64")}">`;
    const item = `${image}<div><b>${score.toFixed(4)}<i>${rank}</i></b><span class="name">${escapeMarkup(name)}</span></div>`;
    items.push(`<li>${path === undefined ? item : `<a href="${escapeMarkup(linkTo(path, file))}">${item}</a>`}</li>`);
  }
  const count = zh ? `${hits.length} 条结果` : `${hits.length} ${hits.length === 1 ? "result" : "results"}`;
  const facts = [source, count, model, date.toISOString().slice(0, 10)].map(escapeMarkup).join(" · ");
  return [
    `<!doctype html><html lang="${zh ? "zh-CN" : "en"}"><head><meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>${escapeMarkup(query)}</title><style>${STYLE}</style></head>`,
    `<body><h1>${escapeMarkup(query)}</h1><p>${facts}</p><ol>${items.join("\n")}</ol></body></html>\n`,
  ].join("\n");
}

/** A relative URL, so that the page may be moved together with its images. */
function linkTo(path: string, page: string): string {
  const url = relative(dirname(page), path).split(sep).map(encodeURIComponent).join("/");
  return url.startsWith("..") ? url : `./${url}`;
}
