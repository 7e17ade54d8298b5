/** Weights that are converted in a page: once, and not at the next visit. */
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { loadPage, openPage } from "./lib-page.js";

const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint/", import.meta.url));
/** Marks entries of the browser's cache that hold converted weights. */
const CONVERTED = "%23converted";

interface Visit {
  readonly sum: number;
  /** Files that were fetched or converted, by the load's own account. */
  readonly initiated: readonly string[];
  readonly notCached: readonly string[];
}

describe.skipIf(chromiumPath === undefined)("converted weights", () => {
  let browser: Browser;
  let server: ModelServer;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    [server, browser] = await Promise.all([ModelServer.start({ folders: { "/model/": DEMO } }), startBrowser()]);
    context = await browser.newContext();
    page = await openPage(context, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });
  beforeEach(async () => {
    // One page for all, in whose own thread ONNX Runtime is loaded once.
    await page.evaluate(() => lib.clearCache());
    server.reset();
  });

  /** Loads the model `times` at once, embeds a text with each. */
  const visit = (dtype: "fp32" | "q8" | "q4", options: Record<string, unknown> = {}, times = 1): Promise<Visit> =>
    page.evaluate(
      async ([given, count]) => {
        const initiated: string[] = [];
        const notCached: string[] = [];
        const embed = async (): Promise<number> => {
          const clip = await lib.ChineseCLIP.fromPretrained("/model", {
            wasmPaths: "/ort/",
            device: "wasm",
            worker: false,
            onProgress: (event) => void (event.status === "initiate" && initiated.push(event.file)),
            onCacheError: (error) => notCached.push(error.code),
            ...given,
          });
          const { data } = await clip.embedText("红色的汽车").finally(() => void clip.dispose());
          return data.reduce((sum, value) => sum + value, 0);
        };
        const sums = await Promise.all(Array.from({ length: count }, embed));
        return { sum: sums.every((sum) => sum === sums[0]) ? (sums[0] ?? Number.NaN) : Number.NaN, initiated, notCached };
      },
      [{ dtype, ...options }, times] as const,
    );

  /** Deletes what is kept of addresses that match. @returns how many entries that were. */
  const evict = (pattern: string): Promise<number> =>
    page.evaluate(async (source) => {
      let count = 0;
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const key of await cache.keys()) if (new RegExp(source, "u").test(key.url) && (await cache.delete(key))) count++;
      }
      return count;
    }, pattern);

  it("are kept: a second visit converts nothing, and needs neither the server nor the weights as they were", async () => {
    const first = await visit("q8");
    expect(first.initiated).toContain("text.q8.safetensors");
    expect(first.notCached).toEqual([]);
    // All of a tower is asked for at once, not tensor by tensor.
    expect(server.answers.filter(({ path }) => path.endsWith("model.safetensors")).length).toBeLessThanOrEqual(4);
    const sent = server.sent("/model/");
    // All segments but the first, which has the header.
    expect(await evict(String.raw`model\.safetensors\?(?!0-)\d+-\d+$`)).toBeGreaterThan(0);
    server.refuse = /^\/model\//u;
    await loadPage(page, server.origin);
    const second = await visit("q8");
    expect(second.sum).toBe(first.sum);
    expect(second.initiated).not.toContain("text.q8.safetensors");
    expect(server.sent("/model/")).toEqual(sent);
  });

  it("are one file for each tower and number format, which clearCache removes with the model", async () => {
    const sums = [await visit("q8"), await visit("q4")].map(({ sum }) => sum);
    expect(sums[0]).not.toBe(sums[1]);
    expect([await visit("q8"), await visit("q4")].map(({ sum }) => sum)).toEqual(sums);
    const names = await page.evaluate(async () => {
      const cache = await caches.open((await caches.keys())[0] ?? "");
      return (await cache.keys()).map(({ url }) => url);
    });
    const converted = new Set(names.flatMap((url) => /(?:text|vision)\.\w+\.safetensors(?=%23converted)/u.exec(url) ?? []));
    expect(converted).toEqual(new Set(["text.q8.safetensors", "text.q4.safetensors"]));
    expect(await page.evaluate(() => lib.clearCache("/model"))).toBeGreaterThan(6);
    expect(await evict(CONVERTED)).toBe(0);
  });

  it("are converted once where two loads want them at once", async () => {
    const { sum, initiated } = await visit("q8", {}, 2);
    expect(sum).not.toBeNaN();
    expect(initiated.filter((file) => file === "text.q8.safetensors")).toHaveLength(1);
  });

  it("are converted anew from weights of another version, and where a part of them was thrown away", async () => {
    const { sum } = await visit("q8");
    server.version = "another";
    expect(await evict(String.raw`model\.safetensors\?`)).toBeGreaterThan(1);
    const other = await visit("q8");
    expect(other.initiated).toContain("text.q8.safetensors");
    expect(await evict(String.raw`${CONVERTED}\?0-`)).toBe(1);
    const again = await visit("q8");
    expect(again.initiated).toContain("text.q8.safetensors");
    expect([other.sum, again.sum]).toEqual([sum, sum]);
    expect((await visit("q8")).initiated).not.toContain("text.q8.safetensors");
  });

  it("are not kept on a full disk: the reason is said, and the model loads all the same", async () => {
    const { sum } = await visit("q8", { cache: false });
    await visit("fp32");
    const session = await context.newCDPSession(page);
    const { usage } = await session.send("Storage.getUsageAndQuota", { origin: server.origin });
    await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: usage + 100_000 });
    const visited = await visit("q8");
    expect(visited).toMatchObject({ sum, notCached: ["disk"] });
    expect(await evict(CONVERTED)).toBe(0);
    const warned = page.waitForEvent("console", (message) => message.type() === "warning" && message.text().includes("no more storage"));
    expect((await visit("q8", { onCacheError: undefined })).sum).toBe(sum);
    await warned;
  });
});
