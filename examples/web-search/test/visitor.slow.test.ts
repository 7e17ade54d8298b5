/**
 * The page as a visitor walks through it: pictures in, a sentence, a picture, labels; then again without a network.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDrawings, Random, renderImage } from "@chinese-clip/drawings";
import { chromiumPath } from "@chinese-clip/browser";
import { openSite, type Site, visit } from "./visit.js";

/** A picture on the visitor's disk. */
interface DiskFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

const DEMO_FOLDER = fileURLToPath(new URL("../../demo-checkpoint", import.meta.url));

/** What the browser logs where a model is looked for and none is. */
const NOT_FOUND = /status of 404/u;

describe.skipIf(chromiumPath === undefined)("a visitor", { timeout: 300_000 }, () => {
  let site: Site;
  let files: DiskFile[];
  let car: DiskFile;
  const complaints: string[] = [];
  beforeAll(async () => {
    site = await openSite();
    const random = new Random(20);
    const draw = async (name: string, color: "红" | "黄", thing: "汽车" | "苹果"): Promise<DiskFile> => ({
      name,
      mimeType: "image/png",
      buffer: await renderImage({ thing, color, count: 1, size: "大", background: "白" }, random),
    });
    const others = (await makeDrawings(8, 11)).map(({ bytes }, i) => ({ name: `other-${i}.png`, mimeType: "image/png", buffer: bytes }));
    files = [
      await draw("red-car-1.png", "红", "汽车"),
      await draw("yellow-car.png", "黄", "汽车"),
      await draw("red-apple.png", "红", "苹果"),
      await draw("red-car-2.png", "红", "汽车"),
      ...others,
      { name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no picture") },
    ];
    car = await draw("another-car.png", "黄", "汽车");
  });
  afterAll(() => site.close());

  it("tries the samples in English, on a phone", async () => {
    const page = await visit(site, { locale: "en-GB", viewport: { width: 360, height: 740 } }, complaints);
    await expect(page.locator("h1").textContent()).resolves.toBe("Image search");
    await page.getByRole("button", { name: "Try sample images" }).click();
    await indexed(page, 52);
    await page.getByRole("button", { name: "两个蓝色的蘑菇 two blue mushrooms" }).click();
    await page.waitForSelector(".similarity");
    expect((await shown(page))[0]).toBe("两个蓝色的蘑菇.jpg");
    expect(await widthOf(page)).toBeLessThanOrEqual(360);

    await page.locator(".card").first().press("Enter");
    const sheet = page.getByRole("complementary", { name: "Image", exact: true });
    await expect.poll(() => sheet.evaluate((element) => element === document.activeElement)).toBe(true);
    await expect
      .poll(() => sheet.getByRole("meter", { name: "Probability of “蘑菇”" }).getAttribute("aria-valuenow").then(Number))
      .toBeGreaterThan(90);
    expect(await widthOf(page)).toBeLessThanOrEqual(360);
    await page.keyboard.press("Escape");

    await page.getByRole("button", { name: "中文" }).click();
    await expect(page.locator("h1").textContent()).resolves.toBe("以文搜图");
    await page.reload();
    await expect(page.locator("h1").textContent()).resolves.toBe("以文搜图");
    await indexed(page, 52);
    await page.context().close();
  });

  it("is told when the samples cannot be fetched, and when the browser keeps nothing", async () => {
    const page = await visit(site, { locale: "en-GB", serviceWorkers: "block" }, []);
    await page.route(/\.jpg/u, (route) => route.fulfill({ status: 503 }));
    await page.getByRole("button", { name: "Try sample images" }).click();
    await page.getByText("The sample images could not be downloaded").waitFor();
    await page.getByText("Technical details").click();
    await page.getByText("expected an image, got HTTP 503").waitFor();
    await page.addInitScript(() => {
      indexedDB.open = () => {
        throw new DOMException("denied", "SecurityError");
      };
    });
    await page.reload();
    await page.getByText("The browser keeps no data for this page").waitFor();
    await page.context().close();
  });

  it("takes another model, from an address or from the disk, with an index of its own", async () => {
    const own: string[] = [];
    const page = await visit(site, { locale: "en-GB" }, own);
    const model = page.getByRole("region", { name: "Model and speed" });
    await model.getByLabel("Hugging Face id, or the address of a model's folder").fill(`${site.origin}/demo-checkpoint`);
    await model.getByLabel("Dtype").selectOption("q8");
    await model.getByRole("button", { name: "Load" }).click();
    await model.getByText("/demo-checkpoint · q8").waitFor();
    await page.setInputFiles("input[name=images]", files.slice(0, 3));
    await indexed(page, 3);
    await search(page, "黄色的汽车");
    expect((await shown(page))[0]).toBe("yellow-car.png");

    await page.setInputFiles("input[name=model]", DEMO_FOLDER);
    await model.getByText("demo-checkpoint · q8", { exact: true }).waitFor();
    await indexed(page, 0);
    await page.setInputFiles("input[name=images]", files.slice(1, 4));
    await indexed(page, 3);
    // What is searched for stays, and is searched for with the other model.
    await expect.poll(async () => (await shown(page))[0]).toBe("yellow-car.png");
    await page.waitForSelector(".similarity");

    await model.getByLabel("Hugging Face id, or the address of a model's folder").fill(`${site.origin}/nowhere`);
    await model.getByRole("button", { name: "Load" }).click();
    // G: beside the button, in the page's language; the model before stays in use.
    await model.getByRole("alert").getByText("the previous one stays in use").waitFor();
    await expect(model.getByText("demo-checkpoint · q8", { exact: true }).count()).resolves.toBe(1);
    expect((await shown(page))[0]).toBe("yellow-car.png");
    await page.getByRole("button", { name: "中文" }).click();
    await page.getByText("模型无法加载，继续使用原来的模型。").waitFor();
    await page.getByRole("button", { name: "English" }).click();
    expect(own.filter((text) => !NOT_FOUND.test(text))).toEqual([]);
    await model.getByRole("button", { name: "Use the demo model" }).click();
    await model.getByText("Demo model", { exact: true }).waitFor();
    // G: its index is empty; the sentence that stays is not searched for among 0 pictures.
    await page.getByRole("status").getByText("There are no images yet").waitFor();
    await model
      .getByText(/^WebAssembly/u)
      .first()
      .waitFor();
    await page.context().close();
  });

  it("G: a first load that fails can be repeated", async () => {
    const page = await visit(site, { locale: "zh-CN", serviceWorkers: "block" }, []);
    await page.route(/model\.safetensors/u, (route) => route.fulfill({ status: 403 }));
    await page.reload();
    await page.getByText("没有访问权限").waitFor();
    await page.unroute(/model\.safetensors/u);
    await page.getByRole("button", { name: "重试" }).click();
    await page.getByRole("region", { name: "模型与速度" }).getByText("WebAssembly").first().waitFor();
    await page.context().close();
  });

  it("G: a sentence to try brings pictures to search; what is no picture is counted by type and named", async () => {
    const page = await visit(site, { locale: "en-GB" }, complaints);
    await page.getByRole("button", { name: "绿色的月亮 a green moon" }).click();
    await indexed(page, 52);
    await page.waitForSelector(".similarity");
    const other = (name: string): DiskFile => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from("x") });
    await drop(page, ["a.heic", "b.HEIC", "c.svg", "notes.txt", ".DS_Store"].map(other));
    const skipped = page.getByText("4 files skipped: formats that browsers do not read (HEIC 2, SVG 1, TXT 1)");
    await skipped.click();
    await page.getByText("notes.txt").waitFor();

    await page
      .locator(".card", { has: page.getByAltText(/月亮/u) })
      .first()
      .click();
    await expect.poll(() => page.locator(".labels input[name=label]").first().inputValue()).toBe("月亮");
    await page.context().close();
  });

  it("finds, labels and comes back, in Chinese, with and without a network", async () => {
    const page = await visit(site, { locale: "zh-CN", viewport: { width: 1280, height: 860 } }, complaints);
    await expect(page.locator("h1").textContent()).resolves.toBe("以文搜图");

    await drop(page, files);
    await page.waitForSelector("progress#indexing");
    await indexed(page, 12);
    await expect(page.locator("details.unreadable").textContent()).resolves.toMatch(/broken\.png · 不是浏览器支持的图片格式/u);
    await drop(page, files.slice(0, 2)); // known already
    await indexed(page, 12);

    await search(page, "红色的汽车");
    expect((await shown(page)).slice(0, 2).toSorted()).toEqual(["red-car-1.png", "red-car-2.png"]);
    await expect(page.getByRole("status").textContent()).resolves.toMatch(/^在 12 张图片中检索，用时 .+ms · WebAssembly, \d 线程$/u);

    await page.setInputFiles("input[name=query-image]", car);
    await page.waitForSelector(".query-image");
    await expect.poll(async () => (await shown(page))[0], { timeout: 30_000 }).toBe("yellow-car.png");

    await page.locator(".card", { has: page.getByAltText("red-apple.png") }).click();
    const labels = page.getByRole("region", { name: "看图识物" });
    await labels.getByLabel("候选标签 1", { exact: true }).fill("红色的苹果");
    await expect.poll(() => probability(page, "红色的苹果")).toBeGreaterThan(90);
    await labels.getByRole("slider", { name: "「红色的苹果」的权重" }).fill("0");
    await expect.poll(() => probability(page, "红色的苹果")).toBe(0);
    await page.getByRole("button", { name: "找相似的图片" }).click();
    await expect.poll(async () => (await shown(page))[0]).toBe("red-apple.png");
    await page.getByRole("button", { name: "重复的图片" }).click();
    await page.getByRole("region", { name: "重复的图片" }).getByText("相似").first().waitFor();
    await page.goBack();
    await expect.poll(async () => (await shown(page))[0]).toBe("red-apple.png");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".inspector", { state: "detached" });

    await site.stopServer();
    await page.context().setOffline(true);
    await page.reload();
    await indexed(page, 12);
    // The search is part of the address.
    await expect.poll(async () => (await shown(page))[0]).toBe("red-apple.png");
    await page.getByRole("button", { name: "清除搜索" }).click();
    await page.waitForSelector(".similarity", { state: "hidden" });
    await search(page, "红色的汽车");
    expect((await shown(page)).slice(0, 2).toSorted()).toEqual(["red-car-1.png", "red-car-2.png"]);
    const areShown = await page
      .locator(".card img")
      .evaluateAll((images) => images.every((image) => (image as HTMLImageElement).naturalWidth > 0));
    expect(areShown).toBe(true);
    // G: not even a 404.
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

/** Lets go of files over the page. */
async function drop(page: Page, files: readonly DiskFile[]): Promise<void> {
  const transfer = await page.evaluateHandle(
    (given) => {
      const data = new DataTransfer();
      for (const { name, mimeType, base64 } of given) {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        data.items.add(new File([bytes], name, { type: mimeType }));
      }
      return data;
    },
    files.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString("base64") })),
  );
  await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
  await page.waitForSelector(".drop-overlay");
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

async function indexed(page: Page, count: number): Promise<void> {
  await page.waitForFunction((expected) => {
    const size = document.querySelector(".card")?.getAttribute("aria-setsize") ?? "0";
    return document.querySelector(".indexing") === null && Number(size) === expected;
  }, count);
}

/** Types as a person does, and waits for the answer. */
async function search(page: Page, text: string): Promise<void> {
  await page.getByRole("searchbox").pressSequentially(text);
  await page.waitForSelector(".similarity");
}

/** Names of the images on the screen, in their order. */
function shown(page: Page): Promise<string[]> {
  return page
    .locator(".card")
    .evaluateAll((cards) =>
      cards
        .toSorted((a, b) => Number(a.getAttribute("aria-posinset")) - Number(b.getAttribute("aria-posinset")))
        .map((card) => card.querySelector("img")?.alt ?? ""),
    );
}

/** More than the window's where something sticks out. */
function widthOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth);
}

/** In percent. */
async function probability(page: Page, label: string): Promise<number> {
  return Number(await page.getByRole("meter", { name: `「${label}」的概率` }).getAttribute("aria-valuenow"));
}
