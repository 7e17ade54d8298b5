/**
 * The frame of a report as one HTML page that stands alone: images are in it, no script, and a policy that forbids every request.
 */
import { dirname, extname, relative, sep } from "node:path";
import { readFile } from "node:fs/promises";
import { escapeMarkup } from "./confusion-chart.js";

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
img, .none { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--mat); }
.none { display: grid; place-items: center; color: var(--soft); }
a { color: inherit; text-decoration: none; }
a:hover .name, a:focus-visible .name { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--ink); outline-offset: -2px; }
`;

/** A page's parts. */
export interface HtmlPage {
  readonly title: string;
  /** Said below the title, one after the other. */
  readonly facts: readonly string[];
  /** Markup. */
  readonly body: Iterable<string>;
  /** CSS beside the common one. */
  readonly style: string;
  readonly language: "en" | "zh";
}

/** A page, in pieces. */
export function* formatHtmlPage({ title, facts, body, style, language }: HtmlPage): Generator<string, void, undefined> {
  const heading = escapeMarkup(title);
  yield [
    `<!doctype html><html lang="${language === "zh" ? "zh-CN" : "en"}"><head><meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>${heading}</title><style>${STYLE}${style}</style></head>`,
    `<body><h1>${heading}</h1><p>${facts.map(escapeMarkup).join(" · ")}</p>`,
  ].join("\n");
  yield* body;
  yield "</body></html>\n";
}

/** An image inside a page: a thumbnail where there is one, else the file; a word where browsers show neither. */
export async function embeddedImage(path: string | undefined, thumbnail: Uint8Array | undefined, language: "en" | "zh"): Promise<string> {
  const type = thumbnail === undefined ? TYPES[extname(path ?? "").toLowerCase()] : "image/webp";
  const bytes = thumbnail ?? (type === undefined || path === undefined ? undefined : await readFile(path).catch(() => undefined));
  if (bytes === undefined || type === undefined) return `<span class="none">${language === "zh" ? "无法显示" : "not shown"}</span>`;
  return `<img alt="" src="data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}">`;
}

/** Markup that links to a file, relative, so that the page may be moved together with its images. */
export function linked(markup: string, path: string | undefined, page: string): string {
  if (path === undefined) return markup;
  const url = relative(dirname(page), path).split(sep).map(encodePart).join("/");
  return `<a href="${escapeMarkup(url.startsWith("..") ? url : `./${url}`)}">${markup}</a>`;
}

/** Half a surrogate pair, as in a name that is no Unicode, cannot be encoded. */
function encodePart(name: string): string {
  return encodeURIComponent(name.replaceAll(/\p{Cs}/gu, "\ufffd"));
}
