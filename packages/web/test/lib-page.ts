/**
 * A page of a browser in which `lib` is this package. Apart from `chromium.ts`, which other packages' tests use, and which must not want this package built.
 */
import type { Browser, Page } from "playwright-core";
import type * as web from "../src/index.js";

/** Opens the server's page, in which `lib` is this package. */
export async function openPage(browser: Pick<Browser, "newPage">, origin: string): Promise<Page> {
  const page = await browser.newPage();
  // Of a busy machine, one that runs other packages' tests too, 30 seconds are not much.
  page.setDefaultTimeout(120_000);
  await loadPage(page, origin);
  return page;
}

/** Loads the page again, as a visitor does who comes back. */
export async function loadPage(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`);
  await page.waitForFunction(() => globalThis.lib !== undefined);
}

declare global {
  /** What the page of {@link openPage} has imported. */
  var lib: typeof web;
}
