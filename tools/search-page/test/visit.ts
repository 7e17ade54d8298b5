/**
 * The page on the fake backend, in a browser.
 */
import { fileURLToPath } from "node:url";
import { startBrowser } from "@chinese-clip/browser";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { createServer } from "vite";
import type { BackendError } from "../src/index.js";
import type { FakeBackend } from "./page/fake-backend.js";

declare global {
  /** What `page/main.ts` puts within reach. */
  interface Window {
    readonly backend: FakeBackend;
    readonly BackendError: typeof BackendError;
    readonly wasHacked?: boolean;
  }
}

/** A served page and a browser. */
export interface Site {
  /** Opens the page as a first visitor. @param path - what follows the origin and `/`. */
  visit(path?: string, options?: BrowserContextOptions): Promise<Page>;
  /** Errors of all pages so far. */
  readonly errors: string[];
  close(): Promise<void>;
}

/** Serves the page on a free port. */
export async function openSite(): Promise<Site> {
  const [server, browser]: [Awaited<ReturnType<typeof createServer>>, Browser] = await Promise.all([
    createServer({
      root: fileURLToPath(new URL("page", import.meta.url)),
      configFile: false,
      logLevel: "silent",
      server: { port: 0, host: "localhost", fs: { strict: false }, hmr: false },
    }).then((created) => created.listen()),
    startBrowser(),
  ]);
  const origin = server.resolvedUrls?.local[0] ?? "";
  const errors: string[] = [];
  return {
    errors,
    visit: async (path = "", options = {}) => {
      const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 }, ...options });
      const page = await context.newPage();
      page.on("pageerror", ({ message }) => errors.push(message));
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text());
      });
      page.on("dialog", (dialog) => errors.push(`dialog: ${dialog.message()}`));
      await page.goto(`${origin}${path}`);
      await page.waitForSelector("h1");
      return page;
    },
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}
