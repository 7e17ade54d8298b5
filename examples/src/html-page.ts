/**
 * Results as one HTML page that stands alone: images as `data:` URLs, no script, and a policy that forbids every request.
 */
import { PAGE_STYLE } from "./html-style.js";
import { type ImageFile, readDataUrl } from "./image-files.js";
import type { SearchResult } from "./search.js";
import { type ClassificationResult, formatPercent, MATCHES_SHOWN } from "./terminal-report.js";

/** What the page shows. */
export interface PageContent {
  readonly classification: ClassificationResult | undefined;
  readonly searches: readonly SearchResult[];
  /** Images searched. */
  readonly imageCount: number;
  /** What the model is called. */
  readonly model: string;
}

/** The page as HTML text. */
export async function buildPage({ classification, searches, imageCount, model }: PageContent): Promise<string> {
  const sections = [
    ...(classification === undefined ? [] : [await classificationSection(classification)]),
    ...(searches.length === 0 ? [] : [await searchSection(searches, imageCount)]),
  ];
  return `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Chinese-CLIP：看图识物，以文搜图</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>Chinese-CLIP</h1>
<p>中文与图片，同一个空间 <span lang="en">Chinese text and images in one space</span></p>
</header>
<main>
${sections.join("\n")}
</main>
<footer>
<p>模型 ${escape(model)}，在本机计算，本页不联网。<span lang="en">Computed on this machine; this page makes no request.</span></p>
</footer>
</body>
</html>
`;
}

async function classificationSection({ image, template, labels }: ClassificationResult): Promise<string> {
  const rows = labels.map(
    ({ label, score, similarity }) => `<li>
<span class="label">${escape(label)}</span>
<span class="bar"><i style="width:${(100 * score).toFixed(2)}%"></i></span>
<b>${formatPercent(score)}</b>
<small>${similarity.toFixed(3)}</small>
</li>`,
  );
  const sentence = template === undefined ? "" : `<p class="note">句式 <q>${escape(template)}</q></p>`;
  return `<section>
<h2>看图识物 <span lang="en">Zero-shot classification</span></h2>
<p class="note">从给定的标签中选出最合适的一个；百分数是标签之间的概率，小字是余弦相似度。</p>
${sentence}
<div class="classification">
<figure>${await imageTag(image)}<figcaption>${escape(image.name)}</figcaption></figure>
<ol>
${rows.join("\n")}
</ol>
</div>
</section>`;
}

async function searchSection(searches: readonly SearchResult[], imageCount: number): Promise<string> {
  const results = await Promise.all(searches.map(searchResult));
  const captioned = searches.some(({ matches }) => matches.some(({ image }) => image.caption !== undefined));
  return `<section>
<h2>以文搜图 <span lang="en">Text-to-image search</span></h2>
<p class="note">在 ${imageCount} 张图片中寻找最符合一句话的图片；数字是余弦相似度。${captioned ? "图下的文字只供对照，不参与检索。" : ""}</p>
${results.join("\n")}
</section>`;
}

async function searchResult({ text, matches }: SearchResult): Promise<string> {
  const cards = await Promise.all(
    matches.slice(0, MATCHES_SHOWN).map(
      async ({ image, similarity }) => `<li>
<figure>${await imageTag(image)}<figcaption>${escape(image.caption ?? image.name)}</figcaption></figure>
<span class="bar"><i style="width:${(100 * Math.max(0, similarity)).toFixed(1)}%"></i></span>
<b>${similarity.toFixed(3)}</b>
</li>`,
    ),
  );
  return `<article>
<h3>${escape(text)}</h3>
<ol class="matches">
${cards.join("\n")}
</ol>
</article>`;
}

async function imageTag(image: ImageFile): Promise<string> {
  return `<img src="${await readDataUrl(image)}" alt="${escape(image.caption ?? image.name)}">`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML, in elements and in quoted attributes. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
