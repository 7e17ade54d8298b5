/**
 * A Chromium for the benchmark, with the server that its pages come from.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { buildSite, ORT_FOLDERS } from "./site.js";

/** What the server has besides the page. */
export interface BenchFiles {
  /** Folders by the beginning of their path. */
  readonly folders: Readonly<Record<string, string>>;
  /** Files of `/bench/`, by name. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Whether transformers.js, which has to be installed then, is to come along. */
  readonly withPeer: boolean;
}

/** A browser, and how to get pages of the benchmark in it. */
export interface BenchBrowser {
  readonly browser: Browser;
  /** A new page, whose `globalThis.bench` is there. */
  readonly open: () => Promise<Page>;
  readonly close: () => Promise<void>;
}

/** Whether there is a Chromium at all. */
export const hasChromium: boolean = chromiumPath !== undefined;

/**
 * Builds the page, serves it cross-origin isolated, so that both sides may use threads, and starts a browser.
 *
 * @throws Error - where there is no Chromium.
 */
export async function startBench({ folders, files = {}, withPeer }: BenchFiles): Promise<BenchBrowser> {
  if (!hasChromium) throw new Error("startBench: expected a Chromium, got none; install one or set CHINESE_CLIP_CHROMIUM to its path");
  const site = await mkdtemp(join(tmpdir(), "chinese-clip-web-bench-"));
  await buildSite(site, withPeer);
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(site, name), bytes);
  const server = await ModelServer.start({ isolated: true, folders: { "/bench/": site, ...ORT_FOLDERS, ...folders } });
  const browser = await startBrowser();
  return {
    browser,
    async open() {
      const page = await browser.newPage();
      page.setDefaultTimeout(0);
      await page.goto(`${server.origin}/bench/index.html`);
      await page.waitForFunction(() => globalThis.bench !== undefined);
      return page;
    },
    async close() {
      await browser.close();
      await server.stop();
      await rm(site, { recursive: true });
    },
  };
}
