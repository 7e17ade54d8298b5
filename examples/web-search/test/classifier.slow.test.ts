/**
 * The page of classifiers as a visitor walks through it, and its classifier beside the one that Node makes of the same images.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "@chinese-clip/browser";
import { Random, randomScene, renderImage } from "@chinese-clip/drawings";
import { ChineseCLIP } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { fewShot, type ImageClassifier, parseClassifier } from "@chinese-clip/training/few-shot";
import { openSite, type Site, visit } from "./visit.js";

const DEMO = fileURLToPath(new URL("../../demo-checkpoint", import.meta.url));
/** The image model is fetched first. */
const PATIENCE = { timeout: 100_000 };
const NAMES = ["汽车", "月亮", "蘑菇"] as const;

describe.skipIf(chromiumPath === undefined)("the page of classifiers", { timeout: 300_000 }, () => {
  const { path } = scratchFolder();
  const [kinds, other] = [path("kinds"), path("other")];
  let site: Site;
  const complaints: string[] = [];

  beforeAll(async () => {
    const random = new Random(31);
    for (const name of NAMES) {
      mkdirSync(join(kinds, name), { recursive: true });
      for (let i = 0; i < 5; i++) writeFileSync(join(kinds, name, `${i}.png`), await renderImage(randomScene(random, name), random));
    }
    mkdirSync(other);
    writeFileSync(join(other, "new-moon.png"), await renderImage(randomScene(random, "月亮"), random));
    writeFileSync(join(other, "broken.png"), "no picture");
    site = await openSite();
  });
  afterAll(() => site.close());

  it("makes of a folder the classifier that Node makes, by each method", async () => {
    const page = await open(site, { locale: "zh-CN" }, complaints);
    await page.setInputFiles("input[name=folder]", kinds);
    await expect.poll(() => counts(page), PATIENCE).toEqual(["5 张", "5 张", "5 张"]);
    expect(await names(page)).toEqual([...NAMES].sort());
    await using clip = await ChineseCLIP.fromPretrained(DEMO);
    const classes = await Promise.all(
      [...NAMES].sort().map(async (label) => ({
        label,
        examples: (await readdir(join(kinds, label))).sort().map((name) => join(kinds, label, name)),
      })),
    );
    for (const method of ["auto", "linear", "tip-adapter", "tip-adapter-f"] as const) {
      await page.selectOption("select[name=method]", method);
      const own = await fitAndSave(page);
      const { classifier: expected } = await fewShot({ embedder: clip, classes, method, logitScale: clip.model.logitScale });
      expect(own.head.method).toBe(expected.head.method);
      expect(own.head.classes).toEqual(expected.head.classes);
      expect(numbersOf(own)).toHaveLength(numbersOf(expected).length);
      const worst = numbersOf(own).reduce((most, value, i) => Math.max(most, Math.abs(value - (numbersOf(expected)[i] ?? Infinity))), 0);
      expect(worst).toBeLessThan(1e-3);
      // Node takes the page's file, though a browser's fingerprint is another.
      const [best] = await clip.classify(join(other, "new-moon.png"), own);
      expect(best?.label).toBe("月亮");
    }
    expect(complaints).toEqual([]);
    await leave(page);
  });

  it("walks through in English, on a dark phone, by the keyboard; opens its own file again", async () => {
    const page = await open(site, { locale: "en-GB", colorScheme: "dark", viewport: { width: 360, height: 740 } }, complaints);
    const fit = page.getByRole("button", { name: "Make the classifier" });
    expect(await fit.isDisabled()).toBe(true);
    await page.getByText("Each class needs a name of its own.").waitFor();
    await page.getByLabel("Name of class 1").focus();
    await page.keyboard.type("汽车");
    await page.keyboard.press("Tab"); // remove
    await page.keyboard.press("Tab"); // add images
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("images");
    await page.getByLabel("Name of class 2").fill("月亮");
    const card = (label: string) => page.getByRole("region", { name: label });
    for (const label of ["汽车", "月亮"]) {
      const files = [0, 1, 2].map((i) => join(kinds, label, `${i}.png`));
      await card(label).locator("input[name=images]").setInputFiles(files);
    }
    await expect.poll(() => counts(page), PATIENCE).toEqual(["3 images", "3 images"]);
    await fit.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "The classifier" }).getByText("Accuracy by cross-validation").waitFor();
    expect(await widthOf(page)).toBeLessThanOrEqual(360);
    const file = path("saved.json");
    writeFileSync(file, await save(page));
    await page.setInputFiles("input[name=try]", [join(other, "new-moon.png"), join(other, "broken.png")]);
    await expect
      .poll(() => page.getByRole("meter", { name: "Probability of “月亮”" }).first().getAttribute("aria-valuenow").then(Number), PATIENCE)
      .toBeGreaterThan(50);
    await page.getByRole("region", { name: "Try it" }).getByText("cannot be read").waitFor();
    expect(await widthOf(page)).toBeLessThanOrEqual(360);
    // Another image is another classifier: the page says so.
    await card("汽车")
      .locator("input[name=images]")
      .setInputFiles(join(kinds, "汽车", "4.png"));
    await page.getByText("The classes have changed. Make it again.").waitFor();

    await page.setInputFiles("input[name=classifier]", join(DEMO, "config.json"));
    await page.getByRole("alert").getByText("This file is no classifier.").waitFor();
    const text = readFileSync(file, "utf8");
    writeFileSync(
      path("foreign.json"),
      text
        .replace(
          /"probe":"[^"]+"/u,
          `"probe":"${Buffer.from(Float32Array.from({ length: 128 }, (_, i) => (i === 5 ? 1 : 0)).buffer).toString("base64")}"`,
        )
        .replace(/"fingerprint":"[^"]+"/u, '"fingerprint":"another-fp32"'),
    );
    await page.setInputFiles("input[name=classifier]", path("foreign.json"));
    await page.getByRole("alert").getByText("This classifier is of another model.").waitFor();
    await page.setInputFiles("input[name=classifier]", file);
    await page.getByText("From saved.json").waitFor();
    await leave(page);
  });

  it("tells what it leaves out: another format, what is unreadable, what is there twice or in two classes", async () => {
    const page = await open(site, { locale: "en-GB" }, complaints);
    const odd = 'a"b <i>{}$&';
    await page.getByLabel("Name of class 1").fill(odd);
    await page.getByLabel("Name of class 2").fill("月亮");
    const images = page.locator("input[name=images]");
    const car = (i: number): string => join(kinds, "汽车", `${i}.png`);
    await images.nth(0).setInputFiles([car(0), car(1), join(other, "broken.png")]);
    await expect.poll(() => counts(page), PATIENCE).toEqual(["2 images", "0 images"]);
    await images.nth(0).setInputFiles([car(1)]);
    await images.nth(1).setInputFiles([car(0), join(kinds, "月亮", "0.png"), join(DEMO, "vocab.txt")]);
    await expect.poll(() => counts(page), PATIENCE).toEqual(["1 image", "1 image"]);
    await page.getByText("5 files skipped").click();
    const reasons = await page.locator(".unreadable li").allTextContents();
    expect(reasons.map((text) => text.replace(/\s+/gu, " ").trim()).toSorted()).toEqual([
      "0.png · another class has the same image",
      "0.png · another class has the same image",
      "1.png · its class has it already",
      "broken.png · cannot be read",
      "vocab.txt · a format that browsers do not read",
    ]);
    await page.getByRole("button", { name: "Make the classifier" }).click();
    await page.getByText("its accuracy cannot be measured").waitFor();
    expect(parseClassifier(await save(page)).head.classes).toEqual([odd, "月亮"]);
    await page.getByRole("button", { name: "Remove the class “月亮”" }).click();
    await page.getByText("Two classes are needed at least.").waitFor();
    expect(complaints).toEqual([]);
    await leave(page);
  });
});

async function open(site: Site, options: Parameters<typeof visit>[1], complaints: string[]): Promise<Page> {
  const page = await visit(site, options, complaints, "/classifier.html");
  await page.locator(".model-line").waitFor();
  return page;
}

/** Without the question whether to leave what is not saved. */
async function leave(page: Page): Promise<void> {
  page.on("dialog", (dialog) => void dialog.accept());
  await page.context().close();
}

async function save(page: Page): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: /保存为 JSON|Save as JSON/u }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("classifier.json");
  return readFileSync(await download.path(), "utf8");
}

async function fitAndSave(page: Page): Promise<ImageClassifier> {
  await page.getByRole("button", { name: "生成分类器" }).click();
  await page.locator("progress#fitting").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "保存为 JSON" }).waitFor();
  await page.getByText("类别已改动").waitFor({ state: "detached" });
  return parseClassifier(await save(page));
}

/** All that was fitted. */
function numbersOf({ head }: ImageClassifier): readonly number[] {
  if (head.method === "linear") return [...head.weights, ...head.bias, head.regularization];
  return [...head.texts, ...head.keys, ...head.labels, head.scale, head.alpha, head.beta];
}

function counts(page: Page): Promise<string[]> {
  return page.locator(".class-foot .number").allTextContents();
}

function names(page: Page): Promise<string[]> {
  return page.locator("input[name=class-name]").evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
}

function widthOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth);
}
