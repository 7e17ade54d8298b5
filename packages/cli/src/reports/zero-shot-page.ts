/**
 * The result of a zero-shot evaluation, or of a classifier's, as one HTML page that stands alone: the numbers, the matrix, the classes from worst to best, and the
 * mistakes that are made most. No script, and a policy that forbids every request.
 */
import { escapeMarkup, formatConfusionChart } from "./confusion-chart.js";
import { frequentMistakes } from "./mistakes.js";
import type { ZeroShotScores } from "@chinese-clip/evaluation";

/** What the page is about. */
export interface ZeroShotSummary {
  readonly model: string;
  readonly dataset: string;
  readonly labels: readonly string[];
  readonly templates: readonly string[];
  readonly scores: ZeroShotScores;
  /** How a classifier of a few images was fitted; without it, the labels alone classify. */
  readonly method?: string | undefined;
}

const STYLE = `
:root { --paper: #f6f4ef; --card: #fffefb; --ink: #22201c; --soft: #6d675d; --line: #e4dfd4; --right: #2f6f5e; --wrong: #c8402f; --track: #ece7dc; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171614; --card: #211f1c; --ink: #ece8e0; --soft: #a29b8e; --line: #35322d; --right: #6fb8a2; --wrong: #ef7a63; --track: #322f2a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: clamp(1.25rem, 4vw, 3rem) clamp(1rem, 4vw, 2.5rem); background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; }
p { margin: 0.3rem 0; color: var(--soft); overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0 0; }
dl div { flex: 1 1 9rem; display: flex; flex-direction: column; justify-content: space-between; padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; }
dt { color: var(--soft); font-size: 0.85rem; }
dd { margin: 0; font-size: 1.7rem; font-variant-numeric: tabular-nums; }
figure { margin: 0; overflow-x: auto; border: 1px solid var(--line); border-radius: 0.8rem; background: #fffefb; }
figure svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--line); text-align: left; }
th { color: var(--soft); font-weight: 500; font-size: 0.85rem; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.bar { width: 45%; }
.bar i { display: block; height: 0.55rem; border-radius: 0.3rem; background: var(--track); overflow: hidden; }
.bar b { display: block; height: 100%; background: var(--right); }
td.wrong { color: var(--wrong); }
details { margin-top: 1.5rem; color: var(--soft); }
`;

/** Mistakes that are listed. */
const MISTAKES_SHOWN = 12;

/** A share as a percentage with one decimal. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** The page as HTML text. */
export function formatZeroShotPage({ model, dataset, labels, templates, scores, method }: ZeroShotSummary): string {
  const images = scores.perClass.reduce((sum, one) => sum + one.images, 0);
  const figures: (readonly [string, string])[] = [
    ["top-1 准确率", formatPercent(scores.top1)],
    ...(labels.length > 5 ? [["top-5 准确率", formatPercent(scores.top5)] as const] : []),
    ["各类平均 per class", formatPercent(scores.meanPerClass)],
    ["图片 images", String(images)],
    ["类别 classes", String(labels.length)],
  ];
  const kind = method === undefined ? "零样本分类 zero-shot classification" : `少样本分类器 few-shot classifier (${escapeMarkup(method)})`;
  return `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeMarkup(dataset)} · ${escapeMarkup(model)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeMarkup(dataset)}</h1><p>${kind} · ${escapeMarkup(model)}</p></header>
<dl>${figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>
<h2>混淆矩阵 Confusion matrix</h2>
<figure>${formatConfusionChart(scores, labels)}</figure>
${mistakesTable(scores, labels)}
<h2>各类准确率 Accuracy of each class</h2>
${classTable(scores, labels)}
${templates.length === 0 ? "" : `<details><summary>模板 Templates (${templates.length})</summary><p>${templates.map(escapeMarkup).join(" · ")}</p></details>`}
</body>
</html>
`;
}

function mistakesTable(scores: ZeroShotScores, labels: readonly string[]): string {
  const mistakes = frequentMistakes(scores, MISTAKES_SHOWN);
  if (mistakes.length === 0) return "<p>没有错误。No mistakes.</p>";
  const rows = mistakes.map(({ target, predicted, images }) => {
    const total = scores.perClass[target]?.images ?? 0;
    const [actual, taken] = [escapeMarkup(labels[target] ?? ""), escapeMarkup(labels[predicted] ?? "")];
    return `<tr><td>${actual}</td><td class="wrong">${taken}</td><td class="number">${images} / ${total}</td></tr>`;
  });
  return `<h2>最常见的错误 Most frequent mistakes</h2>
<table><thead><tr><th>实际 actual</th><th>预测 predicted</th><th class="number">图片 images</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function classTable({ perClass }: ZeroShotScores, labels: readonly string[]): string {
  const rows = perClass
    .map(({ images, correct }, label) => ({ images, correct, share: correct / images, name: labels[label] ?? "" }))
    .filter(({ images }) => images > 0)
    .sort((a, b) => a.share - b.share)
    .map(
      ({ images, correct, share, name }) =>
        `<tr><td>${escapeMarkup(name)}</td><td class="bar"><i><b style="width:${(100 * share).toFixed(1)}%"></b></i></td>` +
        `<td class="number">${formatPercent(share)}</td><td class="number">${correct} / ${images}</td></tr>`,
    );
  return `<table><thead><tr><th>类别 class</th><th></th><th class="number">top-1</th><th class="number">正确 correct</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}
