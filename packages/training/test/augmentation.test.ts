import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { augmented, cutOut, randomCrop } from "../src/index.js";

describe("augmentation", () => {
  it("cuts out a part of 90% of the area or more, or the largest one of a permitted ratio", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 400 }), fc.nat(), (width, height, seed) => {
        const { left, top, width: w, height: h } = randomCrop(width, height, [seed]);
        expect(left >= 0 && top >= 0 && w >= 1 && h >= 1 && left + w <= width && top + h <= height).toBe(true);
        if (width / height > 3 / 4 && width / height < 4 / 3)
          expect((w + 0.5) * (h + 0.5)).toBeGreaterThanOrEqual(0.9 * width * height - 1);
      }),
    );
  });

  it("takes the pixels that are there, mirrored or not", () => {
    const image = { data: Uint8Array.from({ length: 4 * 3 * 2 }, (_, i) => i), width: 4, height: 3, channels: 2 as const };
    expect([...cutOut(image, { left: 1, top: 1, width: 2, height: 2 }, false).data]).toEqual([10, 11, 12, 13, 18, 19, 20, 21]);
    expect([...cutOut(image, { left: 1, top: 1, width: 3, height: 1 }, true).data]).toEqual([14, 15, 12, 13, 10, 11]);
    const copy = [...image.data];
    const kinds = new Set(Array.from({ length: 40 }, (_, pair) => [...augmented(image, 1, 2, pair).data].join(",")));
    expect(kinds.size).toBeGreaterThan(1);
    expect([...image.data]).toEqual(copy);
    expect(augmented(image, 1, 2, 3)).toEqual(augmented(image, 1, 2, 3));
  });

  it("mirrors half of the images", () => {
    const image = { data: Uint8Array.of(0, 1), width: 2, height: 1, channels: 1 as const };
    const mirrored = Array.from({ length: 2000 }, (_, pair) => augmented(image, 9, pair).data).filter(({ length, 0: first }) => length === 1 ? false : first === 1); // prettier-ignore
    const cut = Array.from({ length: 2000 }, (_, pair) => augmented({ ...image, data: Uint8Array.of(0, 1, 0, 1), height: 2 }, 9, pair)).filter(({ data }) => data[0] === 1); // prettier-ignore
    expect(mirrored.length + cut.length).toBeGreaterThan(0);
    expect(Math.abs(cut.length - 1000)).toBeLessThan(120); // 5 standard deviations
  });
});
