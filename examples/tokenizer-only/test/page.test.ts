/** The built page: what it shows while one types, and what it weighs. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { preview, type PreviewServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser } from "@chinese-clip/browser";

const root = fileURLToPath(new URL("..", import.meta.url));

it("weighs what the README says, and has nothing of a model in it", () => {
  const scripts = readdirSync(`${root}/dist/assets`).filter((name) => name.endsWith(".js"));
  const code = scripts.map((name) => readFileSync(`${root}/dist/assets/${name}`, "utf8")).join("\n");
  const measured = gzipSync(code, { level: 9 }).length / 1000;
  const stated = Number(/is ([\d.]+) kB after minification and gzip/u.exec(readFileSync(`${root}/README.md`, "utf8"))?.[1]);
  // Versions of zlib differ by a few hundredths.
  expect(Math.abs(measured / stated - 1)).toBeLessThan(0.05);
  expect(code).not.toMatch(/safetensors|pixelValues|\.wasm/u);
});

describe.skipIf(chromiumPath === undefined)("the page", () => {
  let server: PreviewServer;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  beforeAll(async () => {
    [server, browser] = await Promise.all([preview({ root, logLevel: "silent", preview: { port: 0, host: "localhost" } }), startBrowser()]);
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    page.on("pageerror", ({ message }) => errors.push(message));
    await page.goto(server.resolvedUrls?.local[0] ?? "");
  });
  afterAll(async () => {
    expect(errors).toEqual([]);
    await browser.close();
    await server.close();
  });

  const pieces = (): Promise<string[]> => page.locator("#tokens b").allTextContents();

  it("shows pieces, ids and places as one types", async () => {
    await page.locator("#text").fill("");
    await page.locator("#text").pressSequentially("红car 🚗");
    expect(await pieces()).toEqual(["[CLS]", "红", "c", "##a", "##r", "[UNK]", "[SEP]"]);
    await expect(page.locator("#tokens li").nth(1).innerText()).resolves.toMatch(/^红\s+\d+\s+0–1$/u);
    await expect(page.locator("#marked mark").allTextContents()).resolves.toEqual(["红", "c", "a", "r", "🚗"]);
    await expect(page.locator("mark.unknown").allTextContents()).resolves.toEqual(["🚗"]);
  });

  it("shows what is cut off", async () => {
    await page.locator("#text").fill("红色的汽车");
    await page.locator("#max-length").fill("4");
    expect(await pieces()).toEqual(["[CLS]", "红", "色", "[SEP]"]);
    await expect(page.locator("#marked s").textContent()).resolves.toBe("的汽车");
    await page.locator("#max-length").fill("52");
    await expect(page.locator("#marked s").count()).resolves.toBe(0);
  });

  it("takes another vocabulary, and says what is wrong with one", async () => {
    const file = (content: string) => ({ name: "vocab.txt", mimeType: "text/plain", buffer: Buffer.from(content) });
    await page.setInputFiles("#vocabulary", file(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "汽车", "红"].join("\n")));
    await page.waitForFunction(() => document.querySelector("#summary")?.textContent?.includes("7 项"));
    expect(await pieces()).toEqual(["[CLS]", "红", "[UNK]", "[UNK]", "[UNK]", "[UNK]", "[SEP]"]);
    await page.setInputFiles("#vocabulary", file("红\n色"));
    await page.waitForFunction(() => document.querySelector("#summary")?.textContent?.includes("[PAD]"));
    expect(await pieces()).toHaveLength(7);
  });

  it("fits a phone", async () => {
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(360);
  });
});
