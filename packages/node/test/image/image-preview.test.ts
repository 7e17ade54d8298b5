/** Thumbnail, hash and metadata with an embedding's pixel values, from one decoding. */
import { ChineseCLIPImageProcessor } from "@chinese-clip/image-processor";
import type { ImagePreview } from "@chinese-clip/pipeline";
import sharp, { type Sharp } from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { createImagePreprocessor } from "../../src/image/image-preprocessor.js";
import type { ImageInput } from "../../src/image/image-source.js";

const ALL = { thumbnail: 64, perceptualHash: true, exif: true };
const processor = new ChineseCLIPImageProcessor({ size: { height: 32, width: 32 }, doCenterCrop: false });
const stored = createImagePreprocessor(processor);
const turned = createImagePreprocessor(processor, { autoOrient: true });
const fast = createImagePreprocessor(processor, { decode: "fast" });
afterAll(() => Promise.all([stored.dispose(), turned.dispose(), fast.dispose()]));

async function previewOf(image: ImageInput, preprocessor = stored): Promise<ImagePreview> {
  const { preview } = await preprocessor.preprocess(image, { preview: ALL });
  if (preview === undefined) throw new Error("expected a preview");
  return preview;
}

/** A landscape that looks different in each orientation. */
function landscape(width = 300, height = 200): Sharp {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [x / width, y / height];
      data[at++] = 255 * u * v;
      data[at++] = 128 + 120 * Math.sin(5 * u + 9 * v * v);
      data[at++] = u < 0.3 && v < 0.4 ? 255 : 40;
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function distance(a: string | undefined, b: string | undefined): number {
  const bits = BigInt(`0x${a}`) ^ BigInt(`0x${b}`);
  return [...bits.toString(2)].filter((bit) => bit === "1").length;
}

async function pixelsOf(webp: Uint8Array | undefined): Promise<{ width: number; height: number; mean: number[] }> {
  const { data, info } = await sharp(webp).raw().toBuffer({ resolveWithObject: true });
  const corner = [...data.subarray(0, 3)];
  return { width: info.width, height: info.height, mean: corner };
}

describe("preview", () => {
  it("is made only when it is asked for, and changes no pixel value", async () => {
    const bytes = await landscape().png().toBuffer();
    const plain = await stored.preprocess(bytes);
    expect(plain.preview).toBeUndefined();
    const { pixelValues, preview } = await stored.preprocess(bytes, { preview: ALL });
    expect(pixelValues).toEqual(plain.pixelValues);
    expect(preview).toMatchObject({ width: 300, height: 200, perceptualHash: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(await pixelsOf(preview?.thumbnail)).toMatchObject({ width: 64, height: 43 });
    expect((await stored.preprocess(bytes, { preview: {} })).preview).toEqual({ width: 300, height: 200 });
  });

  it("is as the image is to be seen, whether or not the model sees it so", async () => {
    const upright = await previewOf(await landscape(320, 192).png().toBuffer());
    const { data, info } = await landscape(320, 192).raw().toBuffer({ resolveWithObject: true });
    const raw = { raw: { width: info.width, height: info.height, channels: 3 as const } };
    // How pixels have to be stored to look upright in an orientation.
    const storings: readonly (readonly [angle: number, mirrored: boolean])[] = [
      [0, false],
      [0, true],
      [180, false],
      [180, true],
      [90, true],
      [270, false],
      [270, true],
      [90, false],
    ];
    for (const [i, [angle, mirrored]] of storings.entries()) {
      const rotated = await sharp(data, raw).rotate(angle).png().toBuffer();
      const bytes = await sharp(await sharp(rotated).flop(mirrored).png().toBuffer())
        .withMetadata({ orientation: i + 1 })
        .png()
        .toBuffer();
      for (const preprocessor of [stored, turned]) {
        const found = await previewOf(bytes, preprocessor);
        expect([i + 1, found.width, found.height, found.perceptualHash]).toEqual([i + 1, 320, 192, upright.perceptualHash]);
        const [one, other] = [await pixelsOf(found.thumbnail), await pixelsOf(upright.thumbnail)];
        expect([one.width, one.height]).toEqual([64, 38]);
        for (const [c, value] of one.mean.entries()) expect(Math.abs(value - (other.mean[c] ?? 0))).toBeLessThan(20);
      }
    }
  });

  it("has hashes that are near for the same image, and far for others", async () => {
    const { perceptualHash: hash } = await previewOf(await landscape().png().toBuffer());
    const same = [
      landscape().jpeg({ quality: 40 }),
      landscape().webp({ quality: 50 }),
      landscape().resize(150, 100).png(),
      landscape(1200, 800).jpeg(),
    ];
    for (const image of same) expect(distance(hash, (await previewOf(await image.toBuffer())).perceptualHash)).toBeLessThanOrEqual(6);
    const large = await landscape(1200, 800).jpeg().toBuffer();
    const shrunk = await previewOf(large, fast);
    expect([shrunk.width, shrunk.height, distance(hash, shrunk.perceptualHash) <= 6]).toEqual([1200, 800, true]);
    for (const image of [landscape().flop(), landscape().rotate(90), landscape().negate()]) {
      expect(distance(hash, (await previewOf(await image.png().toBuffer())).perceptualHash)).toBeGreaterThan(16);
    }
  });

  it("reads the camera's words from JPEG, PNG, WebP and AVIF, and fails no image for damaged ones", async () => {
    const exif = { IFD0: { Make: "Canon", Model: "Canon EOS R5" }, IFD2: { DateTimeOriginal: "2024:05:01 10:20:30" } };
    for (const format of ["jpeg", "png", "webp", "avif"] as const) {
      const bytes = await landscape().withExif(exif).toFormat(format).toBuffer();
      expect([format, await previewOf(bytes)]).toMatchObject([format, { camera: "Canon EOS R5", width: 300, height: 200 }]);
    }
    const bytes = await landscape().withExif(exif).jpeg().toBuffer();
    const at = bytes.indexOf("Exif\0\0");
    for (let i = 0; i < 60; i++) bytes[at + 6 + ((i * 7) % 60)] = (i * 37) % 256;
    expect(await previewOf(bytes)).toMatchObject({ width: 300, height: 200 });
  });

  it("is made of any size and layout of pixels", async () => {
    for (const [width, height, channels] of [
      [1, 1, 1],
      [1, 5000, 3],
      [3000, 2, 4],
      [31, 33, 2],
    ] as const) {
      const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 7919) % 256);
      const found = await previewOf({ data, width, height, channels });
      expect(found).toMatchObject({ width, height, perceptualHash: expect.stringMatching(/^[0-9a-f]{16}$/) });
      const { width: w, height: h } = await pixelsOf(found.thumbnail);
      expect(Math.max(w, h)).toBe(Math.min(64, Math.max(width, height)));
    }
    const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 31) % 256);
    const planes = Uint8Array.from(data, (_, i) => data[(i % 1200) * 3 + Math.floor(i / 1200)] as number);
    expect(await previewOf({ data: planes, width: 40, height: 30, channels: 3, layout: "chw" })).toEqual(
      await previewOf({ data, width: 40, height: 30, channels: 3 }),
    );
  });
});
