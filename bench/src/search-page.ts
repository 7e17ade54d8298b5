/**
 * The server's page over 50,000 images, in Chromium: how long a visitor waits, and how smooth it scrolls. `serve` runs in a process of its own, on an image
 * index with thumbnails that is made at the first run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromiumPath, startBrowser } from "@chinese-clip/browser";
import { type ImageMeta, openImageIndex } from "@chinese-clip/dataset";
import { ChineseCLIP } from "@chinese-clip/node";
import { normalize } from "@chinese-clip/search";
import { Random } from "@chinese-clip/drawings";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";

const DEMO = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
const IMAGES = join(fileURLToPath(new URL("../../examples", import.meta.url)), "pictures");
const COMMAND = fileURLToPath(new URL("../node_modules/.bin/chinese-clip", import.meta.url));
const COUNT = 50_000;
const QUERIES: readonly string[] = ["红色的汽车", "蓝色的蘑菇", "绿色的月亮 - 红色", "一只棕色的猫", "两个黄色的苹果"];

/** Measured in the page, where no clock of another process is asked: `found()` resolves with the milliseconds from the next input to the painted result. */
const PROBES = `
  globalThis.found = () => new Promise((resolve) => {
    const status = () => document.querySelector("[role=status]")?.textContent ?? "";
    // Two searches may take equal times.
    const best = () => document.querySelector('.card[data-place="0"]')?.title ?? "";
    const before = [status(), best()];
    const isOther = () => status() !== before[0] || (best() !== "" && best() !== before[1]);
    addEventListener("input", () => {
      const start = performance.now();
      const look = () => requestAnimationFrame(() => (/\\d m?s/.test(status()) && isOther() ? resolve(performance.now() - start) : look()));
      look();
    }, { once: true, capture: true });
  });
  globalThis.frames = [];
  globalThis.watchFrames = () => {
    let last = performance.now();
    frames.length = 0;
    cancelAnimationFrame(globalThis.watched);
    const next = (now) => { frames.push(now - last); last = now; globalThis.watched = requestAnimationFrame(next); };
    globalThis.watched = requestAnimationFrame(next);
  };
  globalThis.drag = async () => {
    const height = document.documentElement.scrollHeight;
    for (let i = 100; i >= 0; i--) { scrollTo(0, (height * i) / 100); await new Promise((resolve) => requestAnimationFrame(resolve)); }
  };
`;

/** Prints the tables. */
export async function benchSearchPage(folder: string): Promise<void> {
  if (chromiumPath === undefined) return console.log("no Chromium here: install it, or name it in CHINESE_CLIP_CHROMIUM");
  if (!existsSync(folder)) await makeIndex(folder);
  const [{ server, url }, browser] = await Promise.all([startServer(folder), startBrowser()]);
  try {
    const page = await (await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 860 } })).newPage();
    await page.addInitScript(PROBES);
    const start = performance.now();
    await page.goto(url);
    await page.locator('.card.is-loaded[data-place="0"]').waitFor();
    console.log(`${COUNT} images; page opened to its first thumbnail in ${ms(performance.now() - start)}\n`);
    console.log("| from the last key to painted results | ms | longest task, ms | by CPU, ms |\n|---|---:|---:|---:|");
    for (const query of QUERIES) {
      let waited = 0;
      const task = await longestTask(browser, page, async () => {
        const found = page.evaluate<number>("found()");
        await page.getByRole("searchbox").fill(query);
        waited = await found;
        await page.waitForTimeout(500);
      });
      console.log(`| ${[query, ms(waited), ms(task.wall), ms(task.cpu)].join(" | ")} |`);
    }
    console.log(
      "\n| scrolling | frames | median, ms | 99th percentile, ms | longest task, ms | by CPU, ms | requests | cells |\n|---|---:|---:|---:|---:|---:|---:|---:|",
    );
    const scrolled = (name: string, scroll: () => Promise<unknown>): Promise<void> => printScrolling(browser, page, name, scroll);
    const wheel = async (): Promise<void> => {
      await page.mouse.move(640, 500);
      for (let i = 0; i < 150; i++) {
        await page.mouse.wheel(0, 400);
        await page.waitForTimeout(16);
      }
    };
    await scrolled("a wheel through results", wheel);
    await scrolled("a jump to the end", async () => {
      await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
      await page.locator(`.card.is-loaded[data-place="${COUNT - 1}"]`).waitFor();
    });
    await scrolled("a drag through all", () => page.evaluate("drag()"));
    await page.getByRole("searchbox").fill("");
    await page.getByRole("status").getByText("50,000 images", { exact: true }).waitFor();
    await scrolled("a wheel through all images", wheel);
  } finally {
    await browser.close();
    server.kill();
  }
}

async function printScrolling(browser: Browser, page: Page, name: string, scroll: () => Promise<unknown>): Promise<void> {
  let requests = 0;
  const count = (): void => void requests++;
  page.on("request", count);
  await page.waitForTimeout(500);
  let frames: number[] = [];
  const task = await longestTask(browser, page, async () => {
    await page.evaluate("watchFrames()");
    await scroll();
    await page.waitForTimeout(300);
    frames = (await page.evaluate<number[]>("frames.slice()")).sort((a, b) => a - b);
  });
  page.off("request", count);
  const at = (share: number): string => ms(frames[Math.floor(share * (frames.length - 1))] ?? 0);
  const cells = await page.locator(".card").count();
  console.log(`| ${[name, frames.length, at(0.5), at(0.99), ms(task.wall), ms(task.cpu), requests, cells].join(" | ")} |`);
}

/** An event of Chromium's trace: `dur` and `tdur` are microseconds, of the clock and of the thread's processor time. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** The longest tasks of the page's main thread meanwhile, in milliseconds: by the clock, and by processor time, which other processes do not change. */
async function longestTask(browser: Browser, page: Page, run: () => Promise<unknown>): Promise<{ wall: number; cpu: number }> {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await run();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: readonly TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const mains = new Set(traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(threadOf));
  const tasks = traceEvents.filter((event) => event.name.endsWith("RunTask") && mains.has(threadOf(event)));
  if (tasks.length === 0) throw new Error("bench: the trace has no task of the page");
  const most = (of: (event: TraceEvent) => number | undefined): number =>
    tasks.reduce((max, event) => Math.max(max, of(event) ?? 0), 0) / 1000;
  return { wall: most(({ dur }) => dur), cpu: most(({ tdur }) => tdur) };
}

function ms(milliseconds: number): string {
  return milliseconds.toFixed(0);
}

async function startServer(folder: string): Promise<{ readonly server: ChildProcess; readonly url: string }> {
  const server = spawn(COMMAND, ["serve", DEMO, "--index", folder, "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout?.once("data", (line: Buffer) => resolve(line.toString().trim()));
    server.once("exit", (code) => reject(new Error(`bench: serve ended with ${code}`)));
  });
  return { server, url };
}

/** An index of drawings that were moved a little, each with a thumbnail of its own. */
async function makeIndex(folder: string): Promise<void> {
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  await using clip = await ChineseCLIP.fromPretrained(DEMO);
  const names = (await readdir(IMAGES)).filter((name) => /\.(?:png|jpg|webp)$/u.test(name));
  const thumbnails = await Promise.all(
    names.map((name) => sharp(join(IMAGES, name)).resize(256, 256, { fit: "inside" }).webp({ quality: 80 }).toBuffer()),
  );
  const { data, dim } = await clip.embedImage(names.map((name) => join(IMAGES, name)));
  const index = await openImageIndex(part, { embedder: clip, settings: { model: DEMO, dtype: "fp32", orientation: true } });
  const { store } = index;
  const random = new Random(50);
  for (let start = 0; start < COUNT; start += 1000) {
    const items = Array.from({ length: 1000 }, (_, i) => {
      const [number, drawing] = [start + i, (start + i) % names.length];
      const moved = data.slice(drawing * dim, (drawing + 1) * dim).map((value) => value + 0.12 * (random.next() - 0.5));
      const sha256 = createHash("sha256").update(String(number)).digest("hex");
      const path = `${2000 + (number % 25)}/IMG_${String(number).padStart(5, "0")}.jpg`;
      const meta: ImageMeta = { path, size: 2_000_000 + number, mtime: 1.6e12 + number, sha256, width: 4032, height: 3024 };
      return { id: `/photos/${path}`, embedding: normalize(moved), meta, thumbnail: thumbnails[drawing] as Uint8Array };
    });
    for (const { meta, thumbnail } of items) {
      const at = join(part, "thumbnails", meta.sha256.slice(0, 2));
      await mkdir(at, { recursive: true });
      await writeFile(join(at, `${meta.sha256}.webp`), thumbnail);
    }
    await store.upsert(items.map(({ id, embedding, meta }) => ({ id, embedding, meta })));
  }
  await index.close();
  await rename(part, folder);
}
