/**
 * Whether a page's memory grows with the images that it embeds: JPEGs of several sizes, one at a time, so that decoding, resizing, the ways
 * between the workers and the image tower all do their part. Each contestant has a browser of its own.
 */
import { readFile } from "node:fs/promises";
import { installPeers } from "./peer.js";
import { startBench } from "./web/browser.js";
import type { PageTask } from "./web/page.js";
import { type Contestant, webModels } from "./web/vit-b-16.js";
import { someImage } from "./web.js";

const THREADS = 2;
const FIRST = 20;
const ALL = 200;
const MB = 1e6;
const MAX_GROWTH = 0.05;
/** Widths; heights are three quarters of them. */
const WIDTHS: readonly number[] = [1280, 640, 960, 800, 1600];

/** Prints the renderer's resident memory after 20 and after 200 images, and fails where ours grew by more than 5% in between. Linux only. */
export async function benchWebMemory(folder: string): Promise<void> {
  await installPeers();
  const { folders, contestants } = await webModels(folder, THREADS);
  const images = await Promise.all(WIDTHS.map((width) => someImage(width, (width * 3) / 4)));
  const files = Object.fromEntries(images.map((bytes, i) => [`${i}.jpg`, bytes]));
  console.log(`\n### Resident memory of a page's process, ViT-B/16 in q8, MB\n`);
  console.log(
    `| contestant | page opened | after 1 image | after ${FIRST} | after ${ALL} | of the one before |\n|---|${"---:|".repeat(5)}`,
  );
  for (const contestant of contestants.filter(({ source }) => source.dtype === "q8")) {
    const sizes = await measure(contestant, folders, files);
    const growth = (sizes.at(-1) ?? Number.NaN) / (sizes.at(-2) ?? Number.NaN);
    console.log(`| ${contestant.name} | ${sizes.map((bytes) => (bytes / MB).toFixed(0)).join(" | ")} | ${growth.toFixed(3)} |`);
    if (contestant.source.side === "ours" && !(growth <= 1 + MAX_GROWTH))
      throw new Error(`benchWebMemory: ${contestant.name}: memory grew by more than 5%`);
  }
}

/** Bytes after no, one, {@link FIRST} and {@link ALL} images. */
async function measure(
  { name, source }: Contestant,
  folders: Readonly<Record<string, string>>,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<number[]> {
  const { browser, open, close } = await startBench({ folders, files, withPeer: source.side === "peer" });
  try {
    const page = await open();
    const session = await browser.newBrowserCDPSession();
    const inPage = await page.context().newCDPSession(page);
    /** The page's process is the renderer with the most; others are spares. */
    const resident = async (): Promise<number> => {
      await inPage.send("HeapProfiler.collectGarbage");
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      const renderers = processInfo.filter(({ type }) => type === "renderer");
      return Math.max(...(await Promise.all(renderers.map(({ id }) => residentBytes(id)))));
    };
    const sizes = [await resident()];
    await page.evaluate(([as, from]) => globalThis.bench.load(as, from), [name, source] as const);
    let done = 0;
    for (const count of [1, FIRST, ALL]) {
      while (done < count) {
        const task: PageTask = { kind: "image", path: `/bench/${done % WIDTHS.length}.jpg` };
        await page.evaluate(([as, given]) => globalThis.bench.time([as], given, { rounds: 1, warmup: 0 }), [name, task] as const);
        done++;
      }
      sizes.push(await resident());
    }
    return sizes;
  } finally {
    await close();
  }
}

async function residentBytes(process: number): Promise<number> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/mu.exec(await readFile(`/proc/${process}/status`, "utf8"))?.[1];
  return 1024 * Number(kilobytes);
}
