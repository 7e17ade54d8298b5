/**
 * The built page as a visitor has it: served by Vite's preview server, in a browser of his own.
 */
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { preview } from "vite";
import { startBrowser } from "@chinese-clip/browser";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A served page and a browser. */
export interface Site {
  readonly origin: string;
  readonly browser: Browser;
  /** Ends the server: from then on the visitor is offline. */
  stopServer(): Promise<void>;
  close(): Promise<void>;
}

/** Serves what was built, on a free port. */
export async function openSite(): Promise<Site> {
  const [server, browser] = await Promise.all([
    preview({ root, logLevel: "silent", preview: { port: 0, host: "localhost" } }),
    startBrowser(),
  ]);
  const origin = new URL(server.resolvedUrls?.local[0] ?? "").origin;
  let stopped: Promise<void> | undefined;
  const stopServer = (): Promise<void> => (stopped ??= server.close());
  return {
    origin,
    browser,
    stopServer,
    close: async () => {
      await browser.close();
      await stopServer();
    },
  };
}

/** Opens the page, or another of the site, as a first visitor. What the page asks for elsewhere, and its errors, go into `complaints`. */
export async function visit({ browser, origin }: Site, options: BrowserContextOptions, complaints: string[], path = ""): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  // A machine that does other things as well may be slow; how fast the page is, is not what is tested.
  page.setDefaultTimeout(100_000);
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !/^(?:data|blob):/u.test(request.url())) complaints.push(`asked ${request.url()}`);
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(origin + path);
  return page;
}
