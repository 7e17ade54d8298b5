/**
 * The page over 50,000 images: what it draws and asks for while it is scrolled. Counts, and no times: a busy machine does not change them. `pnpm bench -- search-page`
 * prints the times.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser } from "@chinese-clip/browser";
import { MemoryStore } from "@chinese-clip/search";
import { searchPage } from "@chinese-clip/server/page";
import { createHandler } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/node/index.js";
import { DIM, FakeEmbedder, textEmbedding } from "../fake-embedder.js";

const COUNT = 50_000;
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/q842iQAAAABJRU5ErkJggg==", "base64");

/** Cells of a screen of 1,280 x 860, with two rows above and below, and one that has the focus: 8 columns, 6 rows and 4. */
const MOST_CELLS = 8 * 10 + 1;

interface Asked {
  /** Parts of a result. */
  parts: number;
  thumbnails: number;
}

describe.skipIf(chromiumPath === undefined)("50,000 images", { timeout: 300_000 }, () => {
  let browser: Browser;
  let server: RunningServer;
  beforeAll(async () => {
    const store = new MemoryStore<Record<string, unknown>>({ fingerprint: "model-a", dim: DIM });
    const items = Array.from({ length: COUNT }, (_, i) => ({
      id: `/photos/${2000 + (i % 25)}/${i}.jpg`,
      embedding: textEmbedding(`text ${i}`),
      meta: { path: `${i}.jpg`, size: 2_000_000 + i, width: 4032, height: 3024, takenAt: "2024-05-01T18:30:12", camera: "Canon EOS R5" },
    }));
    await store.upsert(items);
    const photos = { store, readFile: async () => PNG, readThumbnail: async () => PNG };
    [browser, server] = await Promise.all([
      startBrowser(),
      serve(createHandler({ embedder: new FakeEmbedder(), stores: { photos }, page: searchPage })),
    ]);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), server.close()]);
  });

  it("draws a screen of cells wherever it is scrolled to, and asks for what is looked at", async () => {
    const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 860 } });
    const page = await context.newPage();
    const asked: Asked = { parts: 0, thumbnails: 0 };
    page.on("request", (request) => {
      if (request.url().endsWith("/thumbnail")) asked.thumbnails++;
      else if (/\/v1\/search|\/items\?/u.test(request.url())) asked.parts++;
    });
    await page.goto(server.url);
    await page.getByRole("status").getByText("50,000 images").waitFor();
    await page.locator('.card.is-loaded[data-place="0"]').waitFor();
    expect(asked.parts).toBe(1);
    await settled(page, asked);

    // A wheel through 30 screens: each image that came past was asked for once at most.
    const before = { ...asked };
    await page.mouse.move(640, 500);
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, 430);
      expect(await cells(page)).toBeLessThanOrEqual(MOST_CELLS);
    }
    await settled(page, asked);
    const reached = await lastPlace(page);
    expect(reached).toBeGreaterThan(500);
    expect(asked.thumbnails - before.thumbnails).toBeLessThanOrEqual(reached + MOST_CELLS);
    expect(asked.parts - before.parts).toBeLessThanOrEqual(Math.ceil(reached / 100) + 1);

    // Dragged from the end to the beginning in 100 frames: what flies past is not asked for, and cells are filled where they stand.
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.locator(`.card.is-loaded[data-place="${COUNT - 1}"]`).waitFor();
    await settled(page, asked);
    Object.assign(before, asked);
    await browser.startTracing(page, { categories: ["devtools.timeline"] });
    const moved = await page.evaluate(async () => {
      let elements = 0;
      const observer = new MutationObserver((changes) => {
        for (const { addedNodes } of changes) elements += addedNodes.length;
      });
      observer.observe(document.querySelector(".gallery") as Element, { childList: true });
      const height = document.documentElement.scrollHeight;
      for (let i = 100; i >= 0; i--) {
        scrollTo(0, (height * i) / 100);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      observer.disconnect();
      return elements;
    });
    expect(moved).toBeLessThanOrEqual(100 * 2 * 8); // two rows a frame, of ten
    // A cell that moves has its own style resolved: neither those of the elements within it, nor others'.
    expect(resolvedStyles(await browser.stopTracing())).toBeLessThanOrEqual(100 * 2 * MOST_CELLS);
    await page.locator('.card.is-loaded[data-place="0"]').waitFor();
    await settled(page, asked);
    expect(asked.parts - before.parts).toBeLessThanOrEqual(10);
    expect(asked.thumbnails - before.thumbnails).toBeLessThanOrEqual(4 * MOST_CELLS);
    expect(await cells(page)).toBeLessThanOrEqual(MOST_CELLS);

    // A sentence is one search, whose total is known without another.
    Object.assign(before, asked);
    await page.getByRole("searchbox").fill("text 40321");
    await expect.poll(() => page.locator('.card[data-place="0"] img').getAttribute("alt"), { timeout: 30_000 }).toBe("40321.jpg");
    await page.getByRole("status").getByText("50,000 images in").waitFor();
    await settled(page, asked);
    expect(asked.parts - before.parts).toBe(1);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.locator(`.card:is(.is-loaded, .is-missing)[data-place="${COUNT - 1}"]`).waitFor();
    expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(1500);

    // Keys lead through all of it, too.
    await page.locator(`.card[data-place="${COUNT - 1}"]`).focus();
    await page.keyboard.press("Home");
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("data-place"))).toBe("0");
    expect(await cells(page)).toBeLessThanOrEqual(MOST_CELLS);
    await context.close();
  });
});

function cells(page: Page): Promise<number> {
  return page.locator(".card").count();
}

/** Of how many elements Chromium resolved the styles, by its trace. */
function resolvedStyles(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as {
    readonly traceEvents: readonly { readonly name: string; readonly args?: { readonly elementCount?: number } }[];
  };
  const counts = traceEvents.filter(({ name }) => name === "UpdateLayoutTree").map(({ args }) => args?.elementCount ?? 0);
  expect(counts.length).toBeGreaterThan(0);
  return counts.reduce((sum, count) => sum + count, 0);
}

function lastPlace(page: Page): Promise<number> {
  return page.locator(".card").last().getAttribute("data-place").then(Number);
}

/** Waits until nothing is asked for any more. */
async function settled(page: Page, asked: Asked): Promise<void> {
  for (let seen = -1; seen !== asked.parts + asked.thumbnails;) {
    seen = asked.parts + asked.thumbnails;
    await page.waitForTimeout(400);
  }
}
