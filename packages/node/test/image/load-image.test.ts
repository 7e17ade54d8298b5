import type { RawImage } from "@chinese-clip/image-processor";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createContext, runInContext } from "node:vm";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadImage } from "../../src/image/load-image.js";
import { imageError } from "./image-error.js";

const FIXTURES = new URL("../../../../fixtures/images/", import.meta.url);
const SMALL = new URL("small.png", FIXTURES);

let folder: string;
let png: Uint8Array;
let reference: RawImage;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "load-image-"));
  png = await readFile(SMALL);
  reference = await loadImage(SMALL);
});
afterAll(() => rm(folder, { recursive: true }));

/** One pixel's channels. */
function pixel({ data, width, channels }: RawImage, x: number, y: number): number[] {
  return Array.from(data.subarray((y * width + x) * channels, (y * width + x + 1) * channels));
}

describe("inputs", () => {
  it("takes paths, URLs, bytes and Blobs", async () => {
    const text = Buffer.from(png).toString("base64");
    const inputs = [
      fileURLToPath(SMALL),
      SMALL,
      SMALL.href,
      `data:image/png;base64,${text}`,
      new URL(`data:text/plain;base64,${text}`),
      png,
      new Uint8Array(png).buffer,
      new Blob([new Uint8Array(png)]),
    ];
    for (const input of inputs) expect(await loadImage(input)).toEqual(reference);
  });

  it("reads a view of a larger buffer, and relative paths with a colon", async () => {
    const larger = new Uint8Array(png.length + 20).fill(7);
    larger.set(png, 10);
    expect(await loadImage(larger.subarray(10, 10 + png.length))).toEqual(reference);
    await writeFile(join(folder, "a:b.png"), png);
    expect(await loadImage(join(folder, "a:b.png"))).toEqual(reference);
  });

  it("a path is a path: only what has // behind its scheme is a URL", async () => {
    for (const name of ["http:cat.png", "file:cat.png", "https:a#b?c%41.png"]) {
      await writeFile(join(folder, name), png);
      expect(await loadImage(relative(process.cwd(), join(folder, name)))).toEqual(reference);
      const before = process.cwd();
      process.chdir(folder);
      expect(await loadImage(name).finally(() => process.chdir(before))).toEqual(reference);
    }
  });

  it("takes bytes of another realm, and none that were transferred", async () => {
    const realm = createContext({ length: png.length });
    const bytes = runInContext("new Uint8Array(length)", realm) as Uint8Array<ArrayBuffer>;
    bytes.set(png);
    expect(bytes).not.toBeInstanceOf(Uint8Array);
    expect(await loadImage(bytes)).toEqual(reference);
    expect(await loadImage(bytes.buffer)).toEqual(reference);
    const gone = new Uint8Array(png);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    for (const input of [gone, gone.buffer])
      await expect(loadImage(input)).rejects.toThrow(
        new TypeError("loadImage: expected bytes, got those of an ArrayBuffer that was transferred"),
      );
  });

  it("reads what has no size, such as a pipe", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const [image] = await Promise.all([loadImage(pipe), writeFile(pipe, png)]);
    expect(image).toEqual(reference);
    expect(await imageError(loadImage("/dev/zero", { maxBytes: 100_000 }))).toMatchObject({ code: "too-large" });
  });

  it("returns a RawImage as it is", async () => {
    expect(await loadImage(reference)).toBe(reference);
  });

  it("rejects other inputs as the caller's mistake", async () => {
    for (const input of [undefined, null, 3, {}, [], new Date(), "ftp://host/a.png", new URL("blob:x"), "http://"]) {
      // @ts-expect-error -- among them what is no ImageInput
      await expect(loadImage(input)).rejects.toThrow(/^loadImage: expected /);
      // @ts-expect-error -- as above
      await expect(loadImage(input)).rejects.toBeInstanceOf(TypeError);
    }
    for (const limit of [0, -1, Number.NaN]) {
      await expect(loadImage(png, { maxBytes: limit })).rejects.toBeInstanceOf(RangeError);
      await expect(loadImage(png, { maxPixels: limit })).rejects.toBeInstanceOf(RangeError);
    }
  });
});

describe("pixels", () => {
  it("gives one channel for gray and three for colour, as plain Uint8Arrays", async () => {
    for (const [file, channels] of [
      ["gray.png", 1],
      ["gray_alpha.png", 1],
      ["gray16.png", 1],
      ["rgba.png", 3],
      ["cmyk.jpg", 3],
      ["rgb.bmp", 3],
      ["rgb.gif", 3],
    ] as const) {
      const image = await loadImage(new URL(file, FIXTURES));
      expect(image.channels).toBe(channels);
      expect(image.data.constructor).toBe(Uint8Array);
      expect(image.data.length).toBe(image.width * image.height * channels);
    }
  });

  it("turns by EXIF only when asked", async () => {
    const exif6 = new URL("exif6.jpg", FIXTURES);
    const as = await loadImage(exif6);
    const turned = await loadImage(exif6, { autoOrient: true });
    expect([turned.width, turned.height]).toEqual([as.height, as.width]);
    // Orientation 6: the top row is the right column.
    for (const x of [0, 5, as.width - 1]) expect(pixel(turned, turned.width - 1, x)).toEqual(pixel(as, x, 0));
  });

  it("decodes AVIF", async () => {
    const avif = await sharp(png).avif({ quality: 90 }).toBuffer();
    const image = await loadImage(avif);
    expect(image).toMatchObject({ width: reference.width, height: reference.height, channels: 3 });
  });

  it("leaves the bytes that it reads unchanged", async () => {
    for (const file of ["small.png", "rgb.bmp", "rgb.gif", "cmyk.jpg"]) {
      const bytes = new Uint8Array(await readFile(new URL(file, FIXTURES)));
      const before = bytes.slice();
      await loadImage(bytes);
      expect(bytes).toEqual(before);
    }
  });
});

describe("limits", () => {
  it.each(["rgb.png", "rgb.jpg", "rgb.webp", "rgb.gif", "rgb.bmp", "rgb.tiff", "cmyk.jpg"])("maxPixels on %s", async (file) => {
    const url = new URL(file, FIXTURES);
    const error = await imageError(loadImage(url, { maxPixels: 177 * 122 - 1 }));
    expect(error).toMatchObject({ code: "too-large", details: { width: 177, height: 122, maxPixels: 177 * 122 - 1 } });
    expect((await loadImage(url, { maxPixels: 177 * 122 })).width).toBe(177);
  });

  it("maxBytes on every kind of input", async () => {
    const maxBytes = png.length - 1;
    const data = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
    for (const input of [fileURLToPath(SMALL), SMALL, png, new Uint8Array(png).buffer, new Blob([new Uint8Array(png)]), data]) {
      expect(await imageError(loadImage(input, { maxBytes }))).toMatchObject({ code: "too-large", details: { maxBytes } });
      expect(await loadImage(input, { maxBytes: png.length })).toEqual(reference);
    }
    expect(await imageError(loadImage(`data:,${"a".repeat(500_000)}`, { maxBytes }))).toMatchObject({ code: "too-large" });
  });

  it("rejects sizes that only a header claims, before allocating", async () => {
    const bmp = new Uint8Array(await readFile(new URL("rgb.bmp", FIXTURES)));
    new DataView(bmp.buffer).setInt32(18, 10_000, true);
    new DataView(bmp.buffer).setInt32(22, 10_000, true);
    expect(await imageError(loadImage(bmp))).toMatchObject({ code: "truncated" });
    new DataView(bmp.buffer).setInt32(22, 2 ** 31 - 1, true);
    expect(await imageError(loadImage(bmp))).toMatchObject({ code: "too-large" });
    const gif = new Uint8Array(await readFile(new URL("rgb.gif", FIXTURES)));
    gif.fill(0xff, 6, 10);
    expect(await imageError(loadImage(gif))).toMatchObject({ code: "too-large" });
  });
});

describe("bad files", () => {
  it("says that a file is missing or no file", async () => {
    const missing = join(folder, "missing.png");
    expect(await imageError(loadImage(missing))).toMatchObject({
      code: "unreadable",
      message: expect.stringContaining(missing),
      details: { source: missing, errno: "ENOENT" },
    });
    expect(await imageError(loadImage(folder))).toMatchObject({ code: "unreadable", details: { errno: "EISDIR" } });
    expect(await imageError(loadImage(`${folder}/a\0b.png`))).toMatchObject({ code: "unreadable" });
    expect(await imageError(loadImage("data:image/png;base64,***"))).toMatchObject({ code: "unreadable" });
  });

  it.each([
    ["<!DOCTYPE html><html><body>Not found</body></html>", "an HTML page"],
    ["\ufeff\n <html lang=zh>", "an HTML page"],
    ['<?xml version="1.0"?><!-- a --><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "an SVG drawing"],
    ["<svg/>", "an SVG drawing"],
    ["%PDF-1.7", "a PDF document"],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:00", "a Git LFS pointer"],
    ['{"error": "not found"}', "JSON text"],
    ["", "no bytes at all"],
    ["hello, world", "bytes that begin 68 65 6c 6c 6f 2c 20 77"],
    ["PK\u0003\u0004", "a zip archive"],
    ["\0\0\0\u0018ftypheic", "a HEIC image"],
  ])("rejects %j", async (text, words) => {
    const error = await imageError(loadImage(new TextEncoder().encode(text)));
    expect(error).toMatchObject({ code: "unknown-format" });
    expect(error.message).toContain(words);
  });

  it.each([
    "rgb.png",
    "rgb.jpg",
    "progressive.jpg",
    "cmyk.jpg",
    "rgb.webp",
    "lossless.webp",
    "rgb.gif",
    "rgb.bmp",
    "rgb.tiff",
    "gray16.png",
  ])("calls %s truncated wherever it is cut", async (file) => {
    const bytes = new Uint8Array(await readFile(new URL(file, FIXTURES)));
    const signature = 20;
    for (let i = 0; i < 12; i++) {
      const length = signature + Math.floor(((bytes.length - 40 - signature) * i) / 11);
      const error = await imageError(loadImage(bytes.subarray(0, length)));
      expect([length, error.code, error.message.length < 500]).toEqual([length, "truncated", true]);
    }
  });
});

describe("abort", () => {
  it("rejects with the signal's reason", async () => {
    const reason = new Error("enough");
    await expect(loadImage(SMALL, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(loadImage(reference, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const input of [SMALL, png, new Blob([new Uint8Array(png)]), `data:image/png;base64,${Buffer.from(png).toString("base64")}`]) {
      const controller = new AbortController();
      const loading = loadImage(input, { signal: controller.signal });
      controller.abort(reason);
      await expect(loading).rejects.toBe(reason);
    }
  });
});

describe("I12 a data: URL of many megabytes", () => {
  it("I12 is read in the thread, in time", async () => {
    await loadImage(SMALL); // the thread is there
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const error = await loadImage(`data:image/png;base64,${"A".repeat(80e6)}`).catch((thrown: unknown) => thrown);
    clearInterval(timer);
    expect(error).toMatchObject({
      name: "ImageError",
      code: "unknown-format",
      message: expect.stringContaining("data: URL: expected a PNG"),
    });
    expect(ticks).toBeGreaterThan(5);
  });

  it.each([
    [
      "spaces, escapes and a fragment",
      (base64: string) => `data:image/png;base64,${base64.slice(0, 9)} ${encodeURIComponent(base64.slice(9))}#x`,
    ],
    ["no padding", (base64: string) => `data:;base64,${base64.replace(/=+$/, "")}`],
    [
      "percent signs and no base64",
      (base64: string) => `data:image/png,${Buffer.from(base64, "base64").toString("hex").replace(/../g, "%$&")}`,
    ],
  ])("I12 %s: the same image", async (_, urlOf) => {
    const bytes = await readFile(SMALL);
    expect(await loadImage(urlOf(bytes.toString("base64")))).toEqual(await loadImage(bytes));
  });

  it.each(["data:image/png;base64,AAA*", "data:image/png;base64,AAAAA", "data:image/png;base64"])("I12 %s is unreadable", async (url) => {
    await expect(loadImage(url)).rejects.toMatchObject({ code: "unreadable", details: { source: "data: URL" } });
  });
});
