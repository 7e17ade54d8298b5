/** The reference's results in a page: token ids, pixels, resized pixels. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser } from "@chinese-clip/browser";
import { openPageWithParts, startWithParts } from "./lib-server.js";

/** The parts of the fixtures' manifest that are read here. */
interface ImageEntry {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rgb_sha256: string;
  readonly rgb_file?: string;
  readonly resizes: readonly {
    readonly library: "pil" | "torch";
    readonly width: number;
    readonly height: number;
    readonly file: string;
  }[];
}

const manifest = JSON.parse(readFileSync(new URL("../../../fixtures/images/manifest.json", import.meta.url), "utf8")) as {
  readonly images: readonly ImageEntry[];
};
/** What Chromium has no decoder for, and what it cannot give: of 16-bit gray it keeps the high byte, where Pillow clips. */
const UNDECODABLE = ["rgb.tiff"];
const OTHER_PIXELS = ["gray16.png"];
const decodable = manifest.images.filter(({ file }) => !UNDECODABLE.includes(file));

/** The published models' vocabulary is not part of the repository; where it is at hand, it is tried too, as the tokenizer's own tests do. */
const publishedVocab =
  process.env["CHINESE_CLIP_VOCAB"] ?? fileURLToPath(new URL("../../../../shared/golden/tokenizer/vocab.txt", import.meta.url));
const vocabularies = [
  {
    name: "the demo checkpoint's",
    vocab: fileURLToPath(new URL("../../../examples/demo-checkpoint/vocab.txt", import.meta.url)),
    cases: "cases-demo-vocab.jsonl",
    atLeast: 10,
  },
  { name: "the published models'", vocab: publishedVocab, cases: "cases.jsonl", atLeast: 1500 },
].filter(({ vocab }) => existsSync(vocab));

describe.skipIf(chromiumPath === undefined)("goldens in Chromium", () => {
  let stop: () => Promise<void>;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    const started = await startWithParts();
    stop = started.stop;
    browser = await startBrowser();
    page = await openPageWithParts(browser, started.server);
  });
  afterAll(async () => {
    await browser.close();
    await stop();
  });

  it.each(vocabularies)("every token id in both flavours: $name", async ({ vocab, cases, atLeast }) => {
    const { count, wrong } = await page.evaluate(
      async ([vocabText, casesUrl]) => {
        const text = await (await fetch(casesUrl)).text();
        const cnClip = lib.BertTokenizer.fromVocab(vocabText, { flavor: "cn_clip" });
        const transformers = lib.BertTokenizer.fromVocab(vocabText, { flavor: "transformers" });
        const lines = text.split("\n").filter((line) => line !== "");
        const different = lines.filter((line) => {
          const golden = JSON.parse(line) as { text: string; cn_clip: number[]; hf: number[] };
          const [a, b] = [cnClip.encode(golden.text).ids, transformers.encode(golden.text).ids];
          return a.join() !== golden.cn_clip.join() || b.join() !== golden.hf.join();
        });
        return { count: lines.length, wrong: different.slice(0, 3) };
      },
      [readFileSync(vocab, "utf8"), `/fixtures/tokenizer/${cases}`] as const,
    );
    expect(count).toBeGreaterThan(atLeast);
    expect(wrong).toEqual([]);
  });

  it.each(decodable)("decodes $file as Pillow", async ({ file, width, height, rgb_sha256: expected, rgb_file: rgbFile }) => {
    const actual = await page.evaluate(
      async ([url, golden]) => {
        const { data, ...size } = await lib.loadImage(url);
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(data)));
        const bytes = golden === undefined ? data : new Uint8Array(await (await fetch(golden)).arrayBuffer());
        const greatest = Array.from(data).reduce((found, value, i) => Math.max(found, Math.abs(value - (bytes[i] ?? Number.NaN))), 0);
        return { ...size, sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""), greatest };
      },
      [`/fixtures/images/${file}`, rgbFile === undefined ? undefined : `/fixtures/images/${rgbFile}`] as const,
    );
    expect(actual).toMatchObject({ width, height, channels: 3 });
    if (OTHER_PIXELS.includes(file)) expect(actual.sha256).not.toBe(expected);
    else if (rgbFile === undefined) expect(actual.sha256).toBe(expected);
    // Measured with Chromium 156 on Linux x64: 0 for each lossy file; 1 leaves room for the SIMD code of other processors.
    else expect(actual.greatest).toBeLessThanOrEqual(1);
  });

  it("refuses what Chromium cannot decode", async () => {
    const codes = await page.evaluate(async () => {
      const refused: unknown[] = [];
      for (const url of ["/fixtures/images/rgb.tiff", "/demo/config.json", "/nowhere.png"]) {
        refused.push(await lib.loadImage(url).catch((error: unknown) => (error as { code: string }).code));
      }
      return refused;
    });
    expect(codes).toEqual(["unknown-format", "unknown-format", "unreadable"]);
  });

  it.each(decodable.filter(({ file, rgb_file: lossy }) => !OTHER_PIXELS.includes(file) && lossy === undefined))(
    "resizes $file as Pillow and as PyTorch",
    async ({ file, resizes }) => {
      expect(resizes.length).toBeGreaterThan(0);
      const wrong = await page.evaluate(
        async ([url, wanted]) => {
          const image = await lib.loadImage(`${url}${wanted.file}`);
          const different: string[] = [];
          for (const { library, width, height, file: name } of wanted.resizes) {
            const golden = new Uint8Array(await (await fetch(url + name)).arrayBuffer());
            const { data } = parts.resize(image, { width, height, library: library === "pil" ? "pillow" : "torch" });
            if (data.length !== golden.length || data.some((value, i) => value !== golden[i])) different.push(name);
          }
          return different;
        },
        ["/fixtures/images/", { file, resizes }] as const,
      );
      expect(wrong).toEqual([]);
    },
  );

  it("gives the same pixels from every kind of input", async () => {
    const results = await page.evaluate(async () => {
      const url = "/fixtures/images/rgba.png";
      const blob = await (await fetch(url)).blob();
      const same = async (input: Parameters<typeof lib.loadImage>[0], golden: ArrayLike<number>): Promise<boolean> => {
        const { data } = await lib.loadImage(input);
        return data.length === golden.length && Array.from(data).every((value, i) => value === golden[i]);
      };
      const { data, width, height } = await lib.loadImage(url);
      const element = new Image();
      element.src = url;
      const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
      const found: Record<string, boolean> = {
        url: await same(new URL(url, location.href), data),
        blob: await same(blob, data),
        file: await same(new File([blob], "a.png"), data),
        bytes: await same(await blob.arrayBuffer(), data),
        element: await same(element, data),
        bitmap: await same(bitmap, data),
        bitmapTwice: await same(bitmap, data),
        raw: (await lib.loadImage({ data, width, height, channels: 3 })).data === data,
      };
      // What is drawn is opaque: a canvas has no other bytes to give.
      const opaque = await lib.loadImage("/fixtures/images/rgb.png");
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [opaque.width, opaque.height];
      const context = canvas.getContext("2d");
      const image = new Image();
      image.src = "/fixtures/images/rgb.png";
      await image.decode();
      context?.drawImage(image, 0, 0);
      found["canvas"] = await same(canvas, opaque.data);
      const imageData = context?.getImageData(0, 0, canvas.width, canvas.height) as ImageData;
      found["imageData"] = (await lib.loadImage(imageData)).data.length === canvas.width * canvas.height * 4;
      const offscreen = new OffscreenCanvas(canvas.width, canvas.height);
      offscreen.getContext("2d")?.drawImage(image, 0, 0);
      found["offscreen"] = await same(offscreen, opaque.data);
      const frame = new VideoFrame(canvas, { timestamp: 0 });
      found["frame"] = await same(frame, opaque.data);
      frame.close();
      return found;
    });
    expect(Object.entries(results).filter(([, isSame]) => !isSame)).toEqual([]);
  });

  it("turns a photo by its EXIF note only when asked", async () => {
    const sizes = await page.evaluate(async () => {
      const url = "/fixtures/images/exif6.jpg";
      const [plain, turned] = [await lib.loadImage(url), await lib.loadImage(url, { autoOrient: true })];
      return [plain.width, plain.height, turned.width, turned.height];
    });
    expect(sizes).toEqual([177, 122, 122, 177]);
  });
});
