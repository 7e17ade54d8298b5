/** A training run as one HTML page: what it is, what it reached, and its curves. */
import { meanRecall, type StepRecord, type TrainingRun } from "@chinese-clip/training/node";
import { formatSeconds } from "../terminal/progress.js";
import { escapeMarkup } from "./confusion-chart.js";
import { formatHtmlPage } from "./html-page.js";
import { formatLineChart, type LineChart, LINE_CHART_STYLE, type Series } from "./line-chart.js";

const STYLE = `
:root { --a: #2f6f5e; --b: #c8602f; --c: #4a64a8; }
@media (prefers-color-scheme: dark) { :root { --a: #6fb8a2; --b: #ef9a63; --c: #93aaf0; } }
.numbers { display: flex; flex-wrap: wrap; gap: 0.8rem; margin: 0 0 1.5rem; }
.numbers div { flex: 1 1 8rem; padding: 0.8rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; }
.numbers dt { color: var(--soft); font-size: 0.85rem; }
.numbers dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
section { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 0.9rem 1rem 0.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.8rem; }
figcaption { font-weight: 600; margin-bottom: 0.4rem; }
figcaption small { color: var(--soft); font-weight: 400; }
details { margin-top: 1.5rem; color: var(--soft); }
details table { border-collapse: collapse; }
details td { padding: 0.2rem 1rem 0.2rem 0; overflow-wrap: anywhere; }
${LINE_CHART_STYLE}`;

/** What the page is about. */
export interface TrainingSummary {
  readonly run: TrainingRun;
  readonly folder: string;
  readonly date: Date;
  readonly language: "en" | "zh";
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
const tick = (share: number): string => `${Math.round(100 * share)}%`;

/** The page, in pieces. */
export function* formatTrainingPage({ run, folder, date, language }: TrainingSummary): Generator<string, void, undefined> {
  const say = (en: string, zh: string): string => (language === "zh" ? zh : en);
  const { steps, totalSteps, settings, source, best } = run;
  const last = steps.at(-1);
  const numbers: (readonly [string, string])[] = [
    [say("steps", "步数"), totalSteps === undefined ? String(last?.step ?? 0) : `${last?.step ?? 0} / ${totalSteps}`],
    [say("time of the steps", "训练用时"), formatSeconds(steps.reduce((sum, { seconds }) => sum + seconds, 0))],
    [say("loss", "损失"), last?.loss.toFixed(4) ?? "–"],
  ];
  if (best !== undefined) {
    numbers.push(
      [say("best mean recall", "最佳平均召回率"), percent(meanRecall(best))],
      [say("its R@1, text to image", "此时文搜图 R@1"), percent(best.textToImage.r1)],
      [say("its R@1, image to text", "此时图搜文 R@1"), percent(best.imageToText.r1)],
    );
  }
  yield* formatHtmlPage({
    title: say("Training", "训练"),
    facts: [folder, ...[source.model, source.data].filter((name) => name !== undefined), date.toISOString().slice(0, 10)],
    style: STYLE,
    language,
    body: [
      `<dl class="numbers">${numbers.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeMarkup(value)}</dd></div>`).join("")}</dl>`,
      `<section>${[...charts(run, say)].join("\n")}</section>`,
      `<details><summary>${say("Settings", "设置")}</summary><table>${Object.entries(settings)
        .map(([name, value]) => `<tr><td>${escapeMarkup(name)}</td><td>${escapeMarkup(value)}</td></tr>`)
        .join("")}</table></details>`,
    ],
  });
}

function* charts({ steps, validations }: TrainingRun, say: (en: string, zh: string) => string): Generator<string, void, undefined> {
  const of = (value: (record: StepRecord) => number): Series["points"] => steps.map((record) => [record.step, value(record)]);
  const domain = [0, steps.at(-1)?.step ?? 1] as const;
  const figure = (title: string, unit: string, chart: Omit<LineChart, "domain">): string =>
    `<figure><figcaption>${title} <small>${unit}</small></figcaption>${formatLineChart({ ...chart, domain })}</figure>`;
  const byStep = say("by step", "按步");
  const plain = (value: number): string => String(Number(value.toPrecision(4)));
  const small = (value: number): string => (value === 0 ? "0" : value.toExponential(1).replace(".0e", "e"));
  yield figure(say("Loss", "损失"), byStep, {
    series: [{ name: "", color: "var(--a)", points: of(({ loss }) => loss) }],
    format: plain,
  });
  yield figure(say("Accuracy in the batch", "批内准确率"), byStep, {
    series: [
      { name: say("image→text", "图→文"), color: "var(--a)", points: of(({ imageToText }) => imageToText) },
      { name: say("text→image", "文→图"), color: "var(--b)", points: of(({ textToImage }) => textToImage) },
    ],
    range: [0, 1],
    format: tick,
  });
  for (const [direction, title] of [
    ["textToImage", say("Text to image, held out", "文搜图（评测集）")],
    ["imageToText", say("Image to text, held out", "图搜文（评测集）")],
  ] as const) {
    if (validations.length === 0) continue;
    const series = (["r1", "r5", "r10"] as const).map((key, i): Series => ({
      name: `R@${key.slice(1)}`,
      color: `var(--${"abc"[i] ?? "a"})`,
      points: validations.map((record) => [record.step, record[direction][key]]),
      marked: validations.length < 40,
    })); // prettier-ignore
    yield figure(title, byStep, { series, range: [0, 1], format: tick });
  }
  yield figure(say("Learning rate", "学习率"), byStep, {
    series: [{ name: "", color: "var(--c)", points: of(({ learningRate }) => learningRate) }],
    format: small,
  });
  yield figure(say("Scale of the cosines", "余弦的尺度"), `exp(logit_scale), ${byStep}`, {
    series: [{ name: "", color: "var(--c)", points: of(({ logitScale }) => logitScale) }],
    format: plain,
  });
}
