import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { imageSize } from "../../src/images/image-size.js";

const PICTURES = new URL("../../../../examples/pictures/", import.meta.url);
const bmp = Buffer.alloc(26);
bmp.write("BM");
bmp.writeInt32LE(7, 18);
bmp.writeInt32LE(-5, 22);

it("reads the header of PNG, JPEG, WebP, GIF and BMP", () => {
  const sizes = readdirSync(PICTURES)
    .filter((name) => /\.(?:png|jpg|webp)$/.test(name))
    .map((name) => imageSize(readFileSync(new URL(name, PICTURES))));
  expect(new Set(sizes.map((size) => JSON.stringify(size)))).toContain('{"width":360,"height":270}');
  expect(sizes).not.toContain(undefined);
  expect(imageSize(Buffer.from("GIF89a\x03\0\x02\0", "latin1"))).toEqual({ width: 3, height: 2 });
  expect(imageSize(bmp)).toEqual({ width: 7, height: 5 });
});

it("gives no size for what is cut off, empty or something else, and ends for any bytes", () => {
  for (const name of ["01.png", "02.jpg", "04.webp"]) {
    const bytes = readFileSync(new URL(name, PICTURES));
    for (let length = 0; length < 24; length++) expect(imageSize(bytes.subarray(0, length))).toBeUndefined();
    for (let i = 0; i < 500; i++) {
      const copy = Buffer.from(bytes.subarray(0, 2000));
      copy[(i * 7) % 700] = (i * 37) % 256;
      imageSize(copy);
    }
  }
  expect(imageSize(Buffer.from("<svg/>"))).toBeUndefined();
  expect(imageSize(Buffer.from("\xff\xd8" + "\xff".repeat(100_000), "latin1"))).toBeUndefined();
  expect(imageSize(Buffer.from("GIF89a\0\0\0\0", "latin1"))).toBeUndefined();
});
