/** The page in Chromium, on a backend of 50,000 images. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "@chinese-clip/browser";
import { openSite, type Site } from "./visit.js";

describe.skipIf(chromiumPath === undefined)("the page", { timeout: 120_000 }, () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  }, 120_000);
  afterAll(async () => {
    await site.close();
    expect(site.errors).toEqual([]);
  });

  it("scrolls through 50,000 images with the elements of a few screens", async () => {
    const page = await site.visit();
    await first(page, "IMG_00000.jpg");
    const atStart = await page.locator(".card").count();
    expect(atStart).toBeGreaterThan(20);
    // The scrollbar stands for all of them.
    const { columns, pitch, height } = await geometry(page);
    expect(height).toBeCloseTo(Math.ceil(50_000 / columns) * pitch, -2);
    for (const share of [0.1, 0.5, 0.9, 1]) {
      await page.evaluate((part) => scrollTo(0, part * document.documentElement.scrollHeight), share);
      const expected = Math.round(share * 49_999);
      await expect.poll(async () => (await places(page)).some((place) => Math.abs(place - expected) < 100)).toBe(true);
      await expect.poll(() => page.locator(".card:not(.is-loaded)").count()).toBe(0);
      const drawn = await places(page);
      expect(drawn.length).toBeLessThan(columns * 12);
      // In the order in which they are read.
      expect(drawn).toEqual(drawn.toSorted((a, b) => a - b));
    }
    // Only what was looked at was asked for.
    expect(await page.evaluate(() => window.backend.searches.length)).toBeLessThan(16);
    await page.context().close();
  });

  it("is used by keys alone: / and Enter, arrows, Escape", async () => {
    const page = await site.visit();
    await first(page, "IMG_00000.jpg");
    await page.keyboard.press("/");
    await page.keyboard.type("海边");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".similarity:not([hidden])");
    expect(new URL(page.url()).searchParams.get("q")).toBe("海边");

    // One stop for the whole grid, at the active image.
    await expect(page.locator('.card[tabindex="0"]').count()).resolves.toBe(1);
    await page.locator('.card[tabindex="0"]').focus();
    const { columns } = await geometry(page);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    expect(await focusedPlace(page)).toBe(columns + 1);
    expect(await page.evaluate(() => document.activeElement?.matches(":focus-visible"))).toBe(true);
    await page.keyboard.press("End");
    expect(await focusedPlace(page)).toBe(49_999);
    await first(page, "IMG_49999.jpg");
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    const panel = page.getByRole("complementary", { name: "Image" });
    await panel.getByText("Apple iPhone 15 Pro").waitFor();
    await expect.poll(() => panel.evaluate((element) => element.contains(document.activeElement))).toBe(true);
    await page.keyboard.press("ArrowRight");
    await panel.getByRole("heading", { name: "IMG_00001.jpg" }).waitFor();
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
    await expect.poll(() => focusedPlace(page)).toBe(1);
    await page.context().close();
  });

  it("follows the browser's history: search, conditions, image, and where the page was scrolled to", async () => {
    const page = await site.visit("", { locale: "zh-CN" });
    await first(page, "IMG_00000.jpg");
    await page.evaluate(() => scrollTo(0, 3000));
    await page.getByRole("searchbox").fill("猫");
    await page.waitForSelector(".similarity:not([hidden])");
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
    await page.getByRole("button", { name: "筛选" }).click();
    await page.getByLabel("路径").fill("**/2024/*.jpg");
    await page.getByRole("status").getByText("50,000 张图片中有 5,000 张").waitFor();
    await page.locator(".card").first().click();
    await page.getByRole("button", { name: "找相似的图片" }).click();
    await page.getByText("与「IMG_00000.jpg」相似的图片").waitFor();
    await page.goBack();
    await page.getByRole("complementary", { name: "图片详情" }).waitFor();
    await page.goBack();
    await page.getByRole("complementary", { name: "图片详情" }).waitFor({ state: "detached" });
    await page.goBack();
    await page.getByRole("status").getByText("在 50,000 张图片中检索").waitFor();
    expect(await page.getByRole("searchbox").inputValue()).toBe("猫");
    await page.goBack();
    await expect.poll(() => page.getByRole("searchbox").inputValue()).toBe("");
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(3000);
    await page.goForward();
    await page.reload();
    await expect.poll(() => page.getByRole("searchbox").inputValue()).toBe("猫");
    await page.waitForSelector(".similarity:not([hidden])");
    await page.context().close();
  });

  it("shows hostile names as text", async () => {
    const page = await site.visit();
    await first(page, "IMG_00000.jpg");
    await expect.poll(() => visibleNames(page)).toContain(`<img src=x onerror="globalThis.wasHacked = true">.jpg`);
    expect(await visibleNames(page)).toContain("photo\\u{202e}gnp.exe");
    expect(await visibleNames(page)).toContain("two\\u{a}lines\\u{9}tab\\u{7}bell.jpg".replace("tab", "and"));
    for (const place of [3, 4, 5, 6, 7, 8]) {
      await page.locator(`.card[data-place="${place}"]`).click();
      await page.locator(".facts .path").waitFor();
      await page.getByRole("button", { name: "Find similar" }).click();
      await page.waitForSelector(".query-image");
      await page.goBack();
    }
    expect(await page.evaluate(() => [window.wasHacked, document.querySelectorAll("script:not([src]), img[src=x]").length])).toEqual([
      undefined,
      0,
    ]);
    await page.context().close();
  });

  it("fits 360 pixels, in every view", async () => {
    const page = await site.visit("?q=猫&min=0.1&path=**/very-long/**/*.jpg&camera=Canon", { viewport: { width: 360, height: 740 } });
    await first(page, "IMG_00000.jpg");
    const width = (): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await width()).toBe(360);
    await page.getByRole("button", { name: "Filters: 3" }).click();
    expect(await width()).toBe(360);
    await page.getByRole("button", { name: "Filters: 3" }).click();
    await page.locator('.card[data-place="7"]').click();
    await page.locator(".facts .path").waitFor();
    expect(await width()).toBe(360);
    await page.getByRole("button", { name: "Close" }).first().click();
    await page.getByRole("button", { name: "How to search" }).click();
    expect(await width()).toBe(360);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Duplicates" }).click();
    await page.getByText("No two files are the same").waitFor();
    await page.getByRole("button", { name: "Same image" }).click();
    await page.getByText("Keep · most pixels").first().waitFor();
    expect(await width()).toBe(360);
    await page.context().close();
  });

  it("says so when the server is away, keeps what it has, and comes back by itself", async () => {
    const page = await site.visit("#away");
    await page.getByText("The server cannot be reached").waitFor();
    await page.evaluate(() => (window.backend.failure = undefined));
    await first(page, "IMG_00000.jpg");
    await expect(page.locator(".connection").count()).resolves.toBe(0);

    await page.evaluate(() => (window.backend.failure = new window.BackendError("busy", "queue full", { retryAfter: 60_000 })));
    await page.getByRole("searchbox").fill("猫");
    await page.getByText("The server is busy").waitFor();
    expect(await page.locator(".card").count()).toBeGreaterThan(20);
    await page.evaluate(() => (window.backend.failure = undefined));
    await page.getByRole("button", { name: "Try now" }).click();
    await page.waitForSelector(".similarity:not([hidden])");
    await page.context().close();
  });

  it("is no dead end where nothing is found, the query is unfinished, an image is gone or a key is needed", async () => {
    const page = await site.visit("?q=nothing");
    await page.getByText("No image matches").waitFor();
    await page.getByRole("button", { name: "Clear the search" }).last().click();
    await first(page, "IMG_00000.jpg");
    await page.getByRole("searchbox").fill("海边 - ");
    await page.getByText("something has to follow each plus and minus").waitFor();
    await page.getByRole("searchbox").fill("海边 - 人");
    await page.waitForSelector(".similarity:not([hidden])");
    await page.goto(`${page.url().split("?")[0]}?index=empty`);
    await page.getByText("There are no images yet").waitFor();
    await page.goto(`${page.url().split("?")[0]}?open=gone`);
    await page.getByText("This image is no longer in the index").waitFor();
    await page.context().close();

    const locked = await site.visit("#key=secret");
    await locked.getByLabel("API key").fill("wrong");
    await locked.getByRole("button", { name: "Continue" }).click();
    await locked.getByLabel("API key").fill("secret");
    await locked.getByRole("button", { name: "Continue" }).click();
    await first(locked, "IMG_00000.jpg");
    await locked.context().close();
  });
});

/** Waits until an image is on the page. */
async function first(page: Page, name: string): Promise<void> {
  await page.locator(`.card[title="${name}"]`).waitFor();
}

function visibleNames(page: Page): Promise<string[]> {
  return page.locator(".card img").evaluateAll((images) => images.map((image) => (image as HTMLImageElement).alt));
}

function places(page: Page): Promise<number[]> {
  return page.locator(".card").evaluateAll((cards) => cards.map((card) => Number((card as HTMLElement).dataset["place"])));
}

function focusedPlace(page: Page): Promise<number> {
  return page.evaluate(() => Number((document.activeElement as HTMLElement).dataset["place"] ?? -1));
}

function geometry(page: Page): Promise<{ columns: number; pitch: number; height: number }> {
  return page.evaluate(() => {
    const tops = [...document.querySelectorAll(".card")].map((card) => card.getBoundingClientRect().top);
    const rows = [...new Set(tops)].toSorted((a, b) => a - b);
    return {
      columns: tops.filter((top) => top === rows[0]).length,
      pitch: (rows[1] ?? 0) - (rows[0] ?? 0),
      height: document.querySelector(".gallery")?.clientHeight ?? 0,
    };
  });
}
