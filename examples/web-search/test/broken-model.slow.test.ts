/** Models that cannot be used, and machines without a GPU: each is explained in the page's language, on a phone, and none is a dead end. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "@chinese-clip/browser";
import { openSite, type Site, visit } from "./visit.js";

const PHONE = { viewport: { width: 360, height: 740 }, serviceWorkers: "block" } as const;

describe.skipIf(chromiumPath === undefined)("a broken model", { timeout: 300_000 }, () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  });
  afterAll(() => site.close());

  it.each<[string, RegExp, { readonly status?: number; readonly body?: string | Buffer; readonly contentType?: string }, string, string]>([
    ["weights of noise", /model\.safetensors/u, { body: Buffer.alloc(7_600_000, 0x5a) }, "zh-CN", "文件在传输中损坏，或在服务器上被替换"],
    ["no weights", /model\.safetensors/u, { status: 404 }, "en-GB", "Check the name or address"],
    ["a server that fails", /vocab\.txt/u, { status: 500 }, "zh-CN", "服务器出错，请稍后再试"],
  ])("%s: says so, and loads when it is mended", async (_, file, answer, locale, message) => {
    const page = await visit(site, { ...PHONE, locale }, []);
    // Nothing of the first load is cached for the second.
    await page.context().clearCookies();
    await page.route(file, (route) => route.fulfill(answer));
    await page.evaluate(async () => {
      for (const name of await caches.keys()) await caches.delete(name);
      for (const { name } of await indexedDB.databases()) if (name !== undefined) indexedDB.deleteDatabase(name);
    });
    await page.reload();
    await page.getByRole("alert").getByText(message).waitFor();
    expect(await widthOf(page)).toBeLessThanOrEqual(360);
    await page.getByText(locale === "zh-CN" ? "技术细节" : "Technical details").click();
    await page.unroute(file);
    await page.getByRole("button", { name: locale === "zh-CN" ? "重试" : "Try again" }).click();
    await ready(page);
    await page.context().close();
  });

  it.each([
    ["zh-CN", "未用 WebGPU：浏览器不支持，或页面不是 https 或 localhost。"],
    ["en-GB", "No WebGPU: the browser has none, or the page is neither https nor localhost."],
  ])("runs without a GPU, and says why, in %s", async (locale, why) => {
    const page = await visit(site, { ...PHONE, locale }, []);
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "gpu", { value: undefined }));
    await page.reload();
    await ready(page);
    await page.getByText(why).first().waitFor();
    expect(await widthOf(page)).toBeLessThanOrEqual(360);
    await page.context().close();
  });
});

async function ready(page: Page): Promise<void> {
  await page
    .getByRole("region", { name: /模型与速度|Model and speed/u })
    .getByText("WebAssembly")
    .first()
    .waitFor();
}

function widthOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth);
}
