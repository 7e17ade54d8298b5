/**
 * What a search found as one HTML page that stands alone: the images in it as they are, no script, and a policy that forbids every request.
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { escapeMarkup } from "./confusion-chart.js";
import type { Hit } from "@chinese-clip/search";

const TYPES: Readonly<Record<string, string>> = {
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".png": "image/png",
  ".webp": "image/webp",
  ".bmp": "image/bmp",
};

const STYLE = `
:root { --paper: #f6f4ef; --card: #fffefb; --ink: #22201c; --soft: #6d675d; --line: #e4dfd4; }
@media (prefers-color-scheme: dark) { :root { --paper: #171614; --card: #211f1c; --ink: #ece8e0; --soft: #a29b8e; --line: #35322d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; }
h1 { font-size: clamp(1.5rem, 5vw, 2.2rem); line-height: 1.2; margin: 0 0 0.3rem; overflow-wrap: anywhere; }
p { margin: 0 0 1.5rem; color: var(--soft); overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; }
li { background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; overflow: hidden; display: flex; flex-direction: column; }
img, .none { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff; }
.none { display: grid; place-items: center; background: var(--paper); color: var(--soft); }
div { padding: 0.5rem 0.8rem 0.7rem; font-size: 0.85rem; color: var(--soft); overflow-wrap: anywhere; }
b { display: flex; justify-content: space-between; color: var(--ink); font-size: 1rem; font-variant-numeric: tabular-nums; }
b i { font-style: normal; font-weight: 400; color: var(--soft); }
`;

/** The page. Images that are not there any more, or that browsers do not show, are named only. */
export async function formatResultPage(query: string, source: string, hits: readonly Hit[], language: "en" | "zh"): Promise<string> {
  const items: string[] = [];
  for (const { rank, score, path, id } of hits) {
    const name = path ?? String(id ?? rank);
    const type = TYPES[extname(name).toLowerCase()];
    const bytes = type === undefined ? undefined : await readFile(name).catch(() => undefined);
    const image =
      bytes === undefined
        ? `<span class="none">${language === "zh" ? "无法显示" : "no image"}</span>`
        : `<img alt="" src="data:${type};base64,${bytes.toString("base64")}">`;
    items.push(`<li>${image}<div><b>${score.toFixed(4)}<i>${rank}</i></b>${escapeMarkup(name)}</div></li>`);
  }
  return [
    `<!doctype html><html lang="${language === "zh" ? "zh-CN" : "en"}"><head><meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeMarkup(query)}</title><style>${STYLE}</style></head>`,
    `<body><h1>${escapeMarkup(query)}</h1><p>${escapeMarkup(source)}</p><ol>${items.join("\n")}</ol></body></html>\n`,
  ].join("\n");
}
