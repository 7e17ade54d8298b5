import { convertToRgb } from "@chinese-clip/image-processor";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadImage } from "../../src/image/load-image.js";
import { PILLOW_GOLDENS } from "./pillow-goldens.js";

/** The parts of the fixtures' manifest that are read here. */
interface FixtureManifest {
  readonly images: readonly {
    readonly file: string;
    readonly width: number;
    readonly height: number;
    readonly rgb_sha256: string;
    readonly rgb_file?: string;
  }[];
}

const FIXTURES = new URL("../../../../fixtures/images/", import.meta.url);
const fixtures: FixtureManifest = JSON.parse(readFileSync(new URL("manifest.json", FIXTURES), "utf8"));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("fixtures", () => {
  it.each(fixtures.images)("$file", async ({ file, width, height, rgb_sha256: expected, rgb_file: rgbFile }) => {
    const image = await loadImage(new URL(file, FIXTURES));
    expect([image.width, image.height]).toEqual([width, height]);
    const { data } = convertToRgb(image);
    if (rgbFile === undefined) {
      expect(sha256(data)).toBe(expected);
      return;
    }
    // Lossy formats. Measured on Linux x64 with sharp 0.35.5 (mozjpeg's decoder is libjpeg-turbo's, like Pillow's; libwebp 1.6): 0 for each
    // file. 1 leaves room for the SIMD code of other processors.
    const reference = readFileSync(new URL(rgbFile, FIXTURES));
    expect(data.length).toBe(reference.length);
    let greatest = 0;
    for (const [i, value] of data.entries()) greatest = Math.max(greatest, Math.abs(value - (reference[i] ?? 0)));
    expect(greatest).toBeLessThanOrEqual(1);
  });
});

describe("Pillow's conversion of rarer files", () => {
  it.each(PILLOW_GOLDENS)("$file", async ({ width, height, rgbSha256, base64 }) => {
    const image = await loadImage(Buffer.from(base64, "base64"));
    expect([image.width, image.height]).toEqual([width, height]);
    expect(sha256(convertToRgb(image).data)).toBe(rgbSha256);
  });
});
