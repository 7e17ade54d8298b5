/** `decode: "fast"`: what is shrunk while it is decoded, by how much that changes the model's input, and what is not touched by it. */
import { ChineseCLIPImageProcessor } from "@chinese-clip/image-processor";
import type { PreprocessedImage } from "@chinese-clip/pipeline";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createImagePreprocessor } from "../../src/image/image-preprocessor.js";
import type { ImagePreprocessor } from "@chinese-clip/pipeline";
import type { ImageInput } from "../../src/image/image-source.js";

const SIDE = 32;
const square = new ChineseCLIPImageProcessor({ size: { height: SIDE, width: SIDE }, doCenterCrop: false });
const cropped = new ChineseCLIPImageProcessor({ size: { shortestEdge: SIDE }, cropSize: { height: SIDE, width: SIDE } });

const open: ImagePreprocessor<ImageInput>[] = [];
let [exact, fast, fastCropped, exactCropped, fastTurned, exactTurned] = open;
beforeAll(() => {
  const create = (...args: Parameters<typeof createImagePreprocessor>): ImagePreprocessor<ImageInput> => {
    const made = createImagePreprocessor(...args);
    open.push(made);
    return made;
  };
  exact = create(square);
  fast = create(square, { decode: "fast" });
  exactCropped = create(cropped);
  fastCropped = create(cropped, { decode: "fast" });
  exactTurned = create(square, { autoOrient: true });
  fastTurned = create(square, { autoOrient: true, decode: "fast" });
});
afterAll(() => Promise.all(open.map((one) => one.dispose())));

/** Smooth colours with some structure: a gradient, waves of several lengths, and noise. */
function photo(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const data = Buffer.alloc(width * height * channels);
  let seed = 1;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      const noise = (seed >>> 24) / 16;
      data[at++] = 100 + 80 * Math.sin(x / 37) + noise;
      data[at++] = (180 * y) / height + 40 * Math.sin((x + y) / 11) + 40;
      data[at++] = (200 * x) / width + noise;
      if (channels === 4) data[at++] = (255 * y) / height;
    }
  }
  return sharp(data, { raw: { width, height, channels } });
}

/** Largest and mean difference of two inputs, in units of the 8-bit values before they are normalised. */
function difference(a: PreprocessedImage, b: PreprocessedImage): { largest: number; mean: number } {
  expect(a.dims).toEqual(b.dims);
  const differences = a.pixelValues.map((value, i) => Math.abs(value - (b.pixelValues[i] as number)) * 0.27 * 255);
  return { largest: Math.max(...differences), mean: differences.reduce((sum, value) => sum + value, 0) / differences.length };
}

async function compared(bytes: Uint8Array, one = exact, other = fast): Promise<{ largest: number; mean: number }> {
  if (one === undefined || other === undefined) throw new Error("expected preprocessors");
  return difference(await one.preprocess(bytes), await other.preprocess(bytes));
}

describe("images that are shrunk", () => {
  it.each([
    ["JPEG, a multiple of 8", 640, 480, (image: Sharp) => image.jpeg({ quality: 92 })],
    ["JPEG of odd sides", 2043, 1211, (image: Sharp) => image.jpeg({ quality: 92 })],
    ["progressive JPEG", 801, 1203, (image: Sharp) => image.jpeg({ quality: 92, progressive: true })],
    ["gray JPEG", 640, 481, (image: Sharp) => image.grayscale().jpeg({ quality: 92 })],
    ["WebP", 641, 480, (image: Sharp) => image.webp({ quality: 92 })],
  ])("%s: close to the exact input, and not it", async (_, width, height, encode) => {
    const { largest, mean } = await compared(await encode(photo(width, height)).toBuffer());
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(1.5);
    expect(largest).toBeLessThan(12);
  });

  it("are cropped as the exact ones are", async () => {
    const bytes = await photo(1200, 800).jpeg().toBuffer();
    expect((await compared(bytes, exactCropped, fastCropped)).mean).toBeLessThan(1.5);
  });

  it("are turned by EXIF, where that is asked for", async () => {
    const bytes = await photo(1200, 500).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect((await compared(bytes, exactTurned, fastTurned)).mean).toBeLessThan(1.5);
    expect((await compared(bytes, exact, fastTurned)).mean).toBeGreaterThan(10);
  });
});

describe("images that are decoded as ever", () => {
  it.each([
    ["a JPEG below six times the size", (): Sharp => photo(6 * SIDE - 1, 300).jpeg()],
    ["WebP below four times the size", (): Sharp => photo(4 * SIDE - 1, 300).webp()],
    ["PNG", (): Sharp => photo(640, 480).png()],
    ["WebP with alpha, which libvips would weigh the colours by", (): Sharp => photo(640, 480, 4).webp()],
    ["JPEG in CMYK", (): Sharp => photo(640, 480).toColourspace("cmyk").jpeg()],
  ])("%s", async (_, make) => {
    expect(await compared(await make().toBuffer())).toEqual({ largest: 0, mean: 0 });
  });

  it("a long and thin one whose proportions would round to another size", async () => {
    const bytes = await photo(257, 2001).jpeg().toBuffer();
    if (exactCropped === undefined || fastCropped === undefined) throw new Error("expected preprocessors");
    const [a, b] = [await exactCropped.preprocess(bytes), await fastCropped.preprocess(bytes)];
    expect(b.dims).toEqual(a.dims);
  });
});

it("a damaged JPEG is the same error either way", async () => {
  const whole = await photo(640, 480).jpeg().toBuffer();
  const cut = whole.subarray(0, whole.length / 2);
  for (const one of [exact, fast]) await expect(one?.preprocess(cut)).rejects.toMatchObject({ name: "ImageError", code: "truncated" });
});

it("another word is rejected", () => {
  expect(() => createImagePreprocessor(square, { decode: "quick" as "fast" })).toThrow(
    new RangeError('expected decode "exact" or "fast", got "quick"'),
  );
});
