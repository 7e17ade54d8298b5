/** The page on its own server, in Chromium: what it asks for, shows and may not do. */
import { type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser } from "@chinese-clip/browser";
import { MemoryStore } from "@chinese-clip/search";
import { gzipSync } from "node:zlib";
import { createHandler } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/node/index.js";
import { searchPage } from "@chinese-clip/server/page";
import { DIM, FakeEmbedder, textEmbedding } from "../fake-embedder.js";

const COUNT = 3000;
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/q842iQAAAABJRU5ErkJggg==", "base64");
const ID = `/照片/<b>猫 #1?&"'.jpg`;

it("is below 40 kB compressed, and of hashed names", () => {
  const files = Object.entries(searchPage);
  expect(files.length).toBeGreaterThan(2);
  expect(files.reduce((sum, [, { body }]) => sum + gzipSync(body).length, 0)).toBeLessThan(40_000);
  for (const [path, { isImmutable = false }] of files) expect([path, isImmutable]).toEqual([path, path !== "/"]);
  for (const [path] of files) if (path !== "/") expect(path).toMatch(/^\/assets\/[\w-]+-[\w-]{8}\.\w+$/);
});

describe.skipIf(chromiumPath === undefined)("the page", { timeout: 120_000 }, () => {
  let browser: Browser;
  let server: RunningServer;
  const store = new MemoryStore<Record<string, unknown>>({ fingerprint: "model-a", dim: DIM });
  const start = async (options: { readonly apiKey?: string; readonly port?: number } = {}): Promise<RunningServer> => {
    const photos = { store, readFile: async () => PNG, readThumbnail: async (id: string) => (id.endsWith("7.jpg") ? undefined : PNG) };
    const { port, ...rest } = options;
    return serve(createHandler({ embedder: new FakeEmbedder(), stores: { photos }, page: searchPage, ...rest }), { port });
  };
  beforeAll(async () => {
    const items = Array.from({ length: COUNT }, (_, i) => ({
      id: `/照片/${i}.jpg`,
      embedding: textEmbedding(`text ${i}`),
      meta: {
        path: `${i}.jpg`,
        size: 1000 * i,
        width: 4000,
        height: 3000,
        sha256: `hash ${i % (COUNT - 3)}`,
        takenAt: "2024-05-01T18:30:12",
        camera: i % 2 === 0 ? "Canon EOS R6" : "Apple iPhone 15 Pro",
      },
    }));
    await store.upsert([...items, { id: ID, embedding: textEmbedding("猫"), meta: { path: "x.jpg", latitude: 30.25, longitude: 120.13 } }]);
    [browser, server] = await Promise.all([startBrowser(), start()]);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), server.close()]);
  });

  it("finds by a sentence, an image and another image, and shows details and duplicates, without a request to anybody else", async () => {
    const { page, complaints } = await visit(browser, server.url);
    await page.getByRole("status").getByText("3,001 images").waitFor();
    await page.getByRole("searchbox").fill("猫");
    await card(page, 0, `<b>猫 #1?&"'.jpg`);
    await page.locator('.card[data-place="0"]').click();
    await page.locator(".facts").getByText("30.25000° N, 120.13000° E").waitFor();
    await expect.poll(() => page.locator(".preview .original.is-loaded").count()).toBe(1);
    await page.getByRole("button", { name: "Find similar" }).click();
    await page.getByRole("status").getByText("3,000 of 3,001 images").waitFor();

    await page.setInputFiles("input[name=query-image]", { name: "x.jpg", mimeType: "image/jpeg", buffer: Buffer.from("text 11") });
    await card(page, 0, "11.jpg");
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.locator('.card:is(.is-loaded, .is-missing)[data-place="3000"]').waitFor();

    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByLabel("File size").selectOption("1000000");
    await page.getByRole("status").getByText("2,000 of 3,001 images").waitFor();
    await page.getByLabel("Camera").fill("canon");
    await page.getByRole("status").getByText("1,000 of 3,001 images").waitFor();
    await page.getByLabel("Path").fill("99");
    await page
      .getByRole("status")
      .getByText(/^\d\d of 3,001 images/)
      .waitFor();
    await page.getByLabel("Taken from").fill("2024-05-02");
    await page.getByText("No image matches").waitFor();
    await page.getByRole("button", { name: "Duplicates" }).click();
    await page.getByText("3 groups").waitFor();
    await expect(page.locator(".duplicate").count()).resolves.toBe(6);
    await page.getByRole("button", { name: "Similar", exact: true }).click();
    await page.getByRole("status").getByText("group").waitFor();
    // An image of which the index has no thumbnail is answered with 404, and shown by its name.
    expect(complaints.filter((text) => !/404/.test(text))).toEqual([]);
    await page.context().close();
  });

  it("waits for a server that is away, and asks for its key", async () => {
    const away = await start();
    const { port, url } = away;
    const { page } = await visit(browser, url);
    await page.getByRole("status").getByText("3,001 images").waitFor();
    await away.close();
    await page.getByRole("searchbox").fill("猫");
    await page.getByText("The server cannot be reached").waitFor();
    const back = await start({ port, apiKey: "secret" });
    await page.getByLabel("API key").fill("secret");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator('.card.is-loaded[data-place="0"]').waitFor();
    expect(await page.locator(".card.is-loaded img").first().getAttribute("src")).toMatch(/^blob:/);
    await page.context().close();
    await back.close();
  });

  it("says how to make an index where there is none", async () => {
    const bare = await serve(createHandler({ embedder: new FakeEmbedder(), page: searchPage }));
    const { page, complaints } = await visit(browser, `${bare.url}/?q=猫`);
    await page.getByText("This server has no index").waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
    await bare.close();
  });

  it("runs no script but its own, and turns no text into HTML", async () => {
    const { page } = await visit(browser, server.url);
    await page.getByRole("status").getByText("3,001 images").waitFor();
    const didRun = await page.evaluate(() => {
      const script = document.createElement("script");
      const attempts = [
        () => (document.body.innerHTML = "<b>x</b>"),
        () => (script.text = "globalThis.didRun = true"),
        () => document.body.append(script),
      ];
      for (const attempt of attempts) {
        try {
          attempt();
        } catch {
          // Blocked.
        }
      }
      return [document.querySelectorAll("b").length, "didRun" in globalThis];
    });
    expect(didRun).toEqual([0, false]);
    await page.context().close();
  });
});

async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !/^(?:data|blob):/.test(request.url())) complaints.push(`asked ${request.url()}`);
  });
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}

/** Waits for an image at a place. */
async function card(page: Page, place: number, name: string): Promise<void> {
  await expect.poll(() => page.locator(`.card[data-place="${place}"] img`).getAttribute("alt")).toBe(name);
}
