/**
 * Ours beside transformers.js in Chromium: one page, both on WebAssembly with the same number of threads, the same weights and inputs, in turn.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { agreement } from "./agreement.js";
import { formatMs, median, type Rounds } from "./compare.js";
import { loadOurs } from "./ours.js";
import { pixelValues } from "./inputs.js";
import { installPeers } from "./peer.js";
import { hasChromium, startBench } from "./web/browser.js";
import type { PageTask, PageTiming } from "./web/page.js";
import { describeRuntimes } from "./web/site.js";
import { type Contestant, webModels } from "./web/vit-b-16.js";

interface Line extends Rounds {
  readonly what: string;
  readonly task: PageTask;
}

const DIM = 512;
const SIDE = 224;
/** Both cores of the machine that the README's numbers come from. ONNX Runtime's own choice there would be 1. */
const THREADS = 2;
/** Two float32 programs of the same sums, on normalised rows; the bound of the goldens. */
const MAX_DIFFERENCE = 1e-5;
const LATER_VISITS = 3;
const QUERY = "一只红色的猫在草地上";
const IMAGE = "/bench/image.jpg";

const LINES: readonly Line[] = [
  { what: "one text query, 12 tokens", task: { kind: "text", text: QUERY }, rounds: 15, warmup: 1, budgetMs: 12_000, restMs: 100 },
  { what: "1 image, `pixelValues`", task: { kind: "pixels", side: SIDE }, rounds: 15, warmup: 1, budgetMs: 15_000, restMs: 100 },
  { what: "1 image, JPEG of 1280x960", task: { kind: "image", path: IMAGE }, rounds: 15, warmup: 1, budgetMs: 15_000, restMs: 100 },
];

/** Prints a table of times and one of agreement. Fails where a float32 result is not the other's. */
export async function benchWeb(folder: string): Promise<void> {
  await installPeers();
  const { folders, contestants } = await webModels(folder, THREADS);
  const { browser, open, close } = await startBench({ folders, files: { "image.jpg": await someImage(1280, 960) }, withPeer: true });
  try {
    const page = await open();
    const names = contestants.map(({ name }) => name);
    for (const { name, source } of contestants)
      await page.evaluate(([as, from]) => globalThis.bench.load(as, from), [name, source] as const);
    const found: { readonly line: Line; readonly timings: readonly PageTiming[] }[] = [];
    for (const line of LINES) {
      const timings = await page.evaluate(([all, task, rounds]) => globalThis.bench.time(all, task, rounds), [
        names,
        line.task,
        line,
      ] as const);
      checkAlike(line, timings);
      found.push({ line, timings });
    }
    console.log(
      `\n### Ours and transformers.js 4.3.1 in Chromium ${browser.version()}, ViT-B/16, WebAssembly, ${THREADS} threads, milliseconds\n`,
    );
    const ratios = names.filter((name) => name.startsWith("ours")).map((name) => `${name}: faster than its fp32 / its q8 by`);
    console.log(`| what | rounds | ${[...names, ...ratios].join(" | ")} |\n|---|${"---:|".repeat(1 + names.length + ratios.length)}`);
    for (const { line, timings } of found) console.log(timesRow(line, timings));
    console.log(`\nAgreement of the normalised embeddings with transformers.js fp32:\n`);
    console.log(`| what | ours fp32: largest difference | ours fp32: cosine | ours q8: cosine | transformers.js q8: cosine |`);
    console.log(`|---|---:|---:|---:|---:|`);
    for (const { line, timings } of found) console.log(agreementRow(line, timings));
    await page.context().close();
    const visits: string[] = [];
    for (const contestant of contestants) visits.push(await visitRow(open, contestant));
    console.log(
      `\nA page's first results, milliseconds: with nothing cached, from a server on the same machine; later visits, median of ${LATER_VISITS}:\n`,
    );
    console.log(
      "| contestant | `from_pretrained` | + first text | + first image | later: `from_pretrained` | + first text | + first image |",
    );
    console.log(`|---|---:|---:|---:|---:|---:|---:|\n${visits.join("\n")}`);
    console.log(`\n${describeRuntimes()}.`);
  } finally {
    await close();
  }
}

/** Milliseconds until a page has loaded a model, from then to its first text, and from then to its first image. */
type Visit = readonly [openMs: number, textMs: number, imageMs: number];

/** A page with nothing cached, and then reloaded, as a user comes back. */
async function visitRow(open: () => Promise<Page>, { name, source }: Contestant): Promise<string> {
  const page = await open();
  const visits: Visit[] = [];
  for (let i = 0; i <= LATER_VISITS; i++) {
    if (i > 0) await page.reload();
    await page.waitForFunction(() => globalThis.bench !== undefined);
    const openMs = await page.evaluate(([as, from]) => globalThis.bench.load(as, from), [name, { ...source, cache: true }] as const);
    const [textMs = Number.NaN, imageMs = Number.NaN] = [await firstRun(page, name, LINES[0]), await firstRun(page, name, LINES[1])];
    visits.push([openMs, textMs, imageMs]);
  }
  await page.context().close();
  const [first, ...later] = visits;
  const laterMs = [0, 1, 2].map((step) => median(later.map((visit) => visit[step] ?? Number.NaN)));
  return `| ${[name, ...[...(first ?? []), ...laterMs].map(formatMs)].join(" | ")} |`;
}

async function firstRun(page: Page, name: string, line: Line | undefined): Promise<number> {
  if (line === undefined) return Number.NaN;
  const once = { rounds: 1, warmup: 0 } as const;
  const [timing] = await page.evaluate(([as, task, rounds]) => globalThis.bench.time([as], task, rounds), [name, line.task, once] as const);
  return timing?.medianMs ?? Number.NaN;
}

/** By how much each side differs from the peer's float32. */
function alike(timings: readonly PageTiming[]): readonly { readonly difference: number; readonly cosine: number }[] {
  const reference = timings.find(({ name }) => name === "transformers.js fp32")?.result ?? [];
  return timings.map(({ result }) => agreement(Float32Array.from(result), Float32Array.from(reference), DIM));
}

/** An image that each side decodes and resizes by its own means is another one; the rest must be the same. */
function checkAlike({ what, task }: Line, timings: readonly PageTiming[]): void {
  const difference = alike(timings)[0]?.difference ?? Number.NaN;
  if (task.kind !== "image" && !(difference <= MAX_DIFFERENCE)) throw new Error(`benchWeb: ${what}: results differ by ${difference}`);
}

function timesRow({ what }: Line, timings: readonly PageTiming[]): string {
  const cells = timings.map(({ medianMs, minMs, maxMs }) => `${formatMs(medianMs)} (${formatMs(minMs)}-${formatMs(maxMs)})`);
  const of = (name: string): number => timings.find((timing) => timing.name === name)?.medianMs ?? Number.NaN;
  const ratio = (peer: string, ms: number): string => `${(of(`transformers.js ${peer}`) / ms).toFixed(2)}x`;
  const ratios = timings
    .filter(({ name }) => name.startsWith("ours"))
    .map(({ medianMs }) => `${ratio("fp32", medianMs)} / ${ratio("q8", medianMs)}`);
  return `| ${what} | ${timings[0]?.rounds} | ${[...cells, ...ratios].join(" | ")} |`;
}

function agreementRow({ what }: Line, timings: readonly PageTiming[]): string {
  const [fp32, q8, , peerQ8] = alike(timings);
  const cosines = [fp32, q8, peerQ8].map((found) => (found?.cosine ?? Number.NaN).toFixed(5));
  return `| ${what} | ${(fp32?.difference ?? Number.NaN).toExponential(1)} | ${cosines.join(" | ")} |`;
}

/** A JPEG of smooth colours and some texture, the same every time. */
export function someImage(width: number, height: number): Promise<Uint8Array> {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    data[i] = 128 + 80 * Math.sin((x * (channel + 2)) / 90) * Math.cos((y * (3 - channel)) / 70) + ((x * 7 + y * 13) % 31);
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/**
 * The page without transformers.js and without a clock: the demo checkpoint's embeddings in Chromium against those of Node.
 *
 * @returns one line for each kind of task, or the one that says that there is no Chromium.
 * @throws Error - the first results that differ by more than 1e-5.
 */
export async function checkWebAgreement(): Promise<string[]> {
  if (!hasChromium) return ["no Chromium: the page's embeddings are not compared"];
  const demo = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
  const node = await loadOurs(demo, "fp32");
  if (node === undefined) throw new Error("checkWebAgreement: expected fp32, got a build without it");
  const [text, side, dim] = ["红色的汽车", 64, 128];
  const { open, close } = await startBench({ folders: {}, withPeer: false });
  try {
    const page = await open();
    const source = { side: "ours", dtype: "fp32", path: "/demo/", threads: THREADS } as const;
    await page.evaluate((from) => globalThis.bench.load("ours", from), source);
    const tasks: readonly (readonly [PageTask, Float32Array])[] = [
      [{ kind: "text", text }, await node.embedTexts([text])],
      [{ kind: "pixels", side }, await node.embedImages(pixelValues(1, side), side)],
    ];
    const report: string[] = [];
    for (const [task, expected] of tasks) {
      const [timing] = await page.evaluate((given) => globalThis.bench.time(["ours"], given, { rounds: 1, warmup: 0 }), task);
      const { difference } = agreement(Float32Array.from(timing?.result ?? []), expected, dim);
      if (!(difference <= MAX_DIFFERENCE)) throw new Error(`checkWebAgreement: ${task.kind}: results differ by ${difference}`);
      report.push(`${task.kind} in Chromium and on Node: largest difference ${difference.toExponential(1)}`);
    }
    return report;
  } finally {
    await close();
    await node.dispose();
  }
}
