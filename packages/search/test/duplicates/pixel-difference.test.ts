import { describe, expect, it } from "vitest";
import { pixelDifference, type Pixels, sameByPixels } from "../../src/duplicates/pixel-difference.js";

/** An image from a function of the place, 0 to 1, to a colour. */
function draw(width: number, height: number, channels: number, colorAt: (x: number, y: number) => readonly number[]): Pixels {
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colorAt((x + 0.5) / width, (y + 0.5) / height).slice(0, channels), (y * width + x) * channels);
  }
  return { data, width, height, channels };
}

const slope = (x: number, y: number): number[] => [255 * x, 255 * y, 255 * (1 - x), 255];

describe("the pixels of two images", () => {
  it("are near at two sizes, also below the grid", () => {
    expect(pixelDifference(draw(64, 48, 3, slope), draw(47, 35, 3, slope))).toBeLessThan(2);
    expect(pixelDifference(draw(64, 48, 3, slope), draw(64, 48, 4, slope))).toBeLessThan(0.01);
    expect(pixelDifference(draw(7, 5, 3, slope), draw(14, 10, 3, slope))).toBeLessThan(20);
    expect(
      pixelDifference(
        draw(1, 1, 1, () => [9]),
        draw(300, 1, 3, () => [9, 9, 9]),
      ),
    ).toBeLessThan(0.01);
  });

  it("differ where only the colour does, or one detail of a sixteenth", () => {
    const red = draw(64, 64, 3, () => [200, 60, 60]);
    const blue = draw(64, 64, 3, () => [60, 60, 200]);
    expect(pixelDifference(red, blue)).toBeCloseTo(140, 5);
    const dotted = draw(64, 64, 3, (x, y) => (x > 0.5 && x < 0.5625 && y > 0.5 && y < 0.5625 ? [0, 0, 0] : [200, 60, 60]));
    expect(pixelDifference(red, dotted)).toBeCloseTo(200, 5);
  });

  it("are over white where they are transparent", () => {
    const clear = draw(8, 8, 4, () => [0, 0, 0, 0]);
    expect(
      pixelDifference(
        clear,
        draw(8, 8, 1, () => [255]),
      ),
    ).toBe(0);
    expect(
      pixelDifference(
        clear,
        draw(8, 8, 2, () => [0, 0]),
      ),
    ).toBe(0);
  });

  it("are rejected where the bytes are not those of the size", () => {
    expect(() => pixelDifference(draw(2, 2, 3, slope), { data: new Uint8Array(3), width: 2, height: 2, channels: 3 })).toThrow(RangeError);
  });
});

describe("the check by pixels", () => {
  it("reads each image once, and takes none for the same that has no pixels", async () => {
    const [wide, small, red] = [{ name: "wide" }, { name: "small" }, { name: "red" }];
    const images = new Map([
      [wide, draw(128, 128, 3, slope)],
      [small, draw(64, 64, 3, slope)],
      [red, draw(64, 64, 3, () => [200, 60, 60])],
    ]);
    const read: string[] = [];
    const same = sameByPixels(async (meta: { readonly name: string }) => {
      read.push(meta.name);
      return images.get(meta);
    });
    expect([await same(wide, small), await same(wide, red), await same(wide, { name: "gone" })]).toEqual([true, false, false]);
    expect(read).toEqual(["wide", "small", "red", "gone"]);
  });

  it("holds a bounded number of images", async () => {
    let reads = 0;
    const all = Array.from({ length: 3000 }, (_, i) => ({ i }));
    const same = sameByPixels(async () => (reads++, draw(2, 2, 1, () => [7])));
    const [first = { i: 0 }, ...others] = all;
    let alike = 0;
    for (const other of others) if (await same(first, other)) alike++;
    expect([alike, await same(first, others[0] ?? first)]).toEqual([2999, true]);
    expect(reads).toBeGreaterThan(3000);
  });
});
