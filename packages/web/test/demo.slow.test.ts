/** The demo checkpoint in a page against what transformers computes, and against Node from the same files. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { ChineseCLIP as NodeClip, exportWeb } from "@chinese-clip/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));
const PICTURES = fileURLToPath(new URL("../../../examples/pictures/", import.meta.url));
const TEXTS = ["红色的汽车", "一只棕色的猫", "绿色的月亮", "蓝色的房子旁边有一棵树"];
const FILES = ["01.png", "03.png", "05.png"];

describe.skipIf(chromiumPath === undefined)("the demo checkpoint", () => {
  let server: ModelServer;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    [server, browser] = await Promise.all([ModelServer.start(), startBrowser()]);
    page = await openPage(browser, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  it("gives Node's embeddings within 1e-5, from the same texts and PNG files", async () => {
    const actual = await page.evaluate(
      async ([texts, files]) => {
        const backends: unknown[] = [];
        const clip = await lib.ChineseCLIP.fromPretrained("/demo/", { wasmPaths: "/ort/", onBackend: (report) => backends.push(report) });
        const text = await clip.embedText(texts);
        const image = await clip.embedImage(files.map((file) => `/pictures/${file}`));
        await clip.dispose();
        return { text: [...text.data], image: [...image.data], backends };
      },
      [TEXTS, FILES] as const,
    );
    expect(actual.backends).toMatchObject([
      { output: "text_features", device: "wasm", threads: 1 },
      { output: "image_features", device: "wasm", threads: 1 },
    ]);
    const clip = await NodeClip.fromPretrained(DEMO);
    const text = await clip.embedText(TEXTS);
    const image = await clip.embedImage(FILES.map((file) => PICTURES + file));
    await clip.dispose();
    expect(greatestDifference(actual.text, text.data)).toBeLessThan(1e-5);
    expect(greatestDifference(actual.image, image.data)).toBeLessThan(1e-5);
  });

  it("is converted to other number formats in the page, whose embeddings stay close", { timeout: 180_000 }, async () => {
    const cosines = await page.evaluate(
      async ([texts, dtypes]) => {
        const found: number[] = [];
        let exact: Float32Array | undefined;
        for (const dtype of dtypes) {
          const clip = await lib.ChineseCLIP.fromPretrained("/demo/", { wasmPaths: "/ort/", device: "wasm", worker: false, dtype });
          const { data, dim } = await clip.embedText(texts);
          await clip.dispose();
          const reference = (exact ??= data);
          for (let row = 0; row < texts.length; row++) {
            let dot = 0;
            for (let i = row * dim; i < (row + 1) * dim; i++) dot += (data[i] ?? 0) * (reference[i] ?? 0);
            found.push(dot);
          }
        }
        return found;
      },
      [TEXTS, ["fp32", "fp16", "q8", "q4"]] as const,
    );
    expect(cosines).toHaveLength(4 * TEXTS.length);
    for (const cosine of cosines) expect(cosine).toBeGreaterThan(0.95);
  });

  it("is served as exportWeb writes it: a text takes the text tower's file in the wanted format, and nothing is converted", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chinese-clip-exported-"));
    const exported = await exportWeb(DEMO, folder, { dtypes: ["q8", "fp16"] }).then(() =>
      ModelServer.start({ folders: { "/exported/": `${folder}/` } }),
    );
    try {
      const exportedPage = await openPage(browser, exported.origin);
      const actual = await exportedPage.evaluate(
        async ([texts]) => {
          const clip = await lib.ChineseCLIP.fromPretrained("/exported/", { wasmPaths: "/ort/", device: "wasm", dtype: "q8" });
          const { data } = await clip.embedText(texts);
          await clip.dispose();
          return [...data];
        },
        [TEXTS] as const,
      );
      await using clip = await NodeClip.fromPretrained(folder, { dtype: "q8" });
      const { data } = await clip.embedText(TEXTS);
      // Two kernels of the same whole numbers; what differs is the float32 around them, and now and then a rounding.
      expect(greatestDifference(actual, data)).toBeLessThan(5e-3);
      const sent = (name: string): number =>
        exported.answers.filter(({ path }) => path.endsWith(name)).reduce((sum, { bytes }) => sum + bytes, 0);
      const { size } = await stat(join(folder, "text.q8.safetensors"));
      expect(sent("text.q8.safetensors")).toBeGreaterThan(0.98 * size);
      expect(sent("text.q8.safetensors")).toBeLessThan(1.02 * size + 8192);
      expect(sent("vision.q8.safetensors")).toBeLessThanOrEqual(32_768); // its header
      expect(sent(".fp16.safetensors")).toBe(0);
    } finally {
      await exported.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

function greatestDifference(a: readonly number[], b: Float32Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((greatest, value, i) => Math.max(greatest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
