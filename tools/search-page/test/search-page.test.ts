/** The page in Chromium opens, in the reader's language; what else it does is in the slow tests. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "@chinese-clip/browser";
import { openSite, type Site } from "./visit.js";

describe.skipIf(chromiumPath === undefined)("the page", { timeout: 120_000 }, () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  }, 120_000);
  afterAll(() => site.close());

  it("speaks the browser's language, or the one that was chosen, and has no errors", async () => {
    const page = await site.visit("", { locale: "zh-TW" });
    await page.getByRole("heading", { name: "以文搜图" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("zh-CN");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Image search" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Image search" }).waitFor();
    await page.context().close();
    expect(site.errors).toEqual([]);
  });
});
