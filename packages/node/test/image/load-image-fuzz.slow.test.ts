import { ImageError } from "@chinese-clip/image-processor";
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { expect, it } from "vitest";
import { loadImage } from "../../src/image/load-image.js";
import { PILLOW_GOLDENS } from "./pillow-goldens.js";

const small = readFileSync(new URL("../../../../fixtures/images/small.png", import.meta.url));

/** Mulberry32: the same files at every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const copy = new Uint8Array(bytes);
  switch (random(4)) {
    case 0:
      return copy.subarray(0, random(copy.length));
    case 1: {
      const from = random(copy.length);
      const inserted = Uint8Array.from({ length: random(24) }, () => random(256));
      return Uint8Array.from([...copy.subarray(0, from), ...inserted, ...copy.subarray(from + random(24))]);
    }
    case 2:
      for (let i = 0; i < 10; i++) copy[random(copy.length)] = random(256);
      return copy;
    default:
      // Headers hold the sizes and counts.
      for (let i = 0; i < 3; i++) copy[random(Math.min(64, copy.length))] = [0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0;
      return copy;
  }
}

const MUTANTS = 2400;

it(`gives pixels or an ImageError for ${MUTANTS} damaged files`, { timeout: 120_000 }, async () => {
  const avif = await sharp(small).avif({ effort: 0 }).toBuffer();
  const chosen = PILLOW_GOLDENS.filter(({ base64 }) => base64.length < 6000).map(
    ({ base64 }) => new Uint8Array(Buffer.from(base64, "base64")),
  );
  const seeds = [
    ...chosen,
    new Uint8Array(small),
    new Uint8Array(avif),
    new Uint8Array(await sharp(small).jpeg({ progressive: true }).toBuffer()),
  ];
  const random = createRandom(20_221_103);
  const codes = new Map<string, number>();
  let count = 0;
  const next = async (): Promise<void> => {
    while (count < MUTANTS) {
      const bytes = mutate(seeds[count++ % seeds.length] ?? small, random);
      const before = bytes.slice();
      const outcome = await loadImage(bytes, { maxPixels: 1_000_000 }).then(
        ({ data, width, height, channels }) =>
          data.length === width * height * channels && width * height <= 1_000_000 ? "pixels" : "wrong length",
        (error: unknown) => (error instanceof ImageError ? error.code : `foreign: ${String(error)}`),
      );
      expect(bytes).toEqual(before);
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all([next(), next(), next()]);
  expect(
    [...codes.keys()].filter((code) => !["pixels", "truncated", "invalid-image", "unknown-format", "too-large"].includes(code)),
  ).toEqual([]);
  expect(codes.get("pixels")).toBeGreaterThan(MUTANTS / 20);
});
