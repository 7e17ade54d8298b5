/** Images that the field sends, and inputs that cost more than they should. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { detectImageFormat, describeUnknownBytes } from "../../src/image/image-format.js";
import { openImage } from "../../src/image/decode-image.js";
import { loadImage } from "../../src/image/load-image.js";

const images = new URL("../../../../fixtures/images/", import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, images)));

describe("I1 sniffing", () => {
  it.each([
    "<!---->".repeat(73),
    `${"<!---->".repeat(72)}<`,
    "<!--".repeat(128),
    " ".repeat(512),
    "<?xml>".repeat(85),
    `<?xml${" <!-- --> ".repeat(50)}`,
  ])("I1 markup that never begins is read once: %#", (text) => {
    // A pattern with two ways to match doubled its time every 7 bytes: it would not end within the test's limit.
    expect(describeUnknownBytes(Buffer.from(text))).not.toMatch(/SVG/);
  });

  it("I1 an SVG behind comments is still named", () => {
    const name = (text: string): string => describeUnknownBytes(Buffer.from(text));
    expect(name('\uFEFF <?xml version="1.0"?> <!-- a --> <!-- b --><svg xmlns="">')).toMatch(/SVG/);
    expect(name("<!DOCTYPE svg>")).toMatch(/SVG/);
    expect(name("<!-- c -->\n<!doctype html>")).toMatch(/HTML/);
    expect(name("<svgx>")).not.toMatch(/SVG/);
  });
});

describe("D images", () => {
  it.each(["a06_mif1", "a08_msf1", "a04_exif6", "a05_anim"])("D2 %s.avif is found by its compatible brands, and opens", async (name) => {
    const bytes = read(`field/${name}.avif`);
    expect(detectImageFormat(bytes)).toBe("avif");
    expect((await loadImage(bytes)).channels).toBe(3);
  });

  it("D2 a HEIC with the brand mif1 is no AVIF", () => {
    const heic = Buffer.from("\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "latin1");
    expect(detectImageFormat(heic)).toBeUndefined();
    expect(describeUnknownBytes(heic)).toMatch(/HEIF/);
  });

  it.each(["u18_cmyk16", "u11_i16_signed"])("D1 %s.tif is rejected by name", async (name) => {
    await expect(loadImage(read(`field/${name}.tif`))).rejects.toThrow(/expected unsigned samples, in CMYK of 8 bits, got/);
  });

  it("D3 a PNG with a wrong checksum of its pixels opens as Pillow opens it", async () => {
    const whole = read("small.png");
    const damaged = Uint8Array.from(whole);
    const view = new DataView(damaged.buffer);
    for (let at = 8; at + 12 <= damaged.length; at += 12 + view.getUint32(at)) {
      if (view.getUint32(at + 4) === 0x49444154) view.setUint32(at + 8 + view.getUint32(at), 5);
    }
    expect(damaged).not.toEqual(whole);
    expect(crc32("")).toBe(0);
    const copy = Uint8Array.from(damaged);
    expect(await loadImage(damaged)).toEqual(await loadImage(whole));
    expect(damaged).toEqual(copy);
  });

  it.each([
    ["P6 1 1 255 abc", /a PPM image/],
    ["\0\0\x01\0\x01\0", /an icon \(ICO\)/],
    ["\0\0\0\x0cjP  \r\n", /a JPEG 2000 image/],
    ["8BPS\0\x01", /a Photoshop document/],
    ["\0\0\0\x20ftypisom\0\0\x02\0", /a video \(MP4\)/],
  ])("D4 %j is named", async (text, message) => {
    await expect(loadImage(Buffer.from(text, "latin1"))).rejects.toThrow(message);
  });
});

describe("D5 HEIC", () => {
  const heic = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1");
  const options = { autoOrient: false, maxPixels: 100, maxMilliseconds: 1000, source: "a.heic", isForeign: false };
  const decoder = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

  it("D5 without its decoder the message says what to install", async () => {
    await expect(openImage(heic, { ...options, heicDecoder: "no-such-decoder" })).rejects.toThrow(
      /a HEIC image, .*npm install heic-decode/,
    );
  });

  it("D5 with its decoder the first image is decoded, within the limits", async () => {
    const heicDecoder = decoder(
      "export default Object.assign(() => {}, { all: async () => [{ width: 2, height: 1, decode: async () => ({ data: Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 0) }) }] })",
    );
    const image = await openImage(heic, { ...options, heicDecoder });
    expect(image.memory).toBe(22);
    expect(await image.decode()).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 });
    await expect(openImage(heic, { ...options, heicDecoder, maxPixels: 1 })).rejects.toMatchObject({ code: "too-large" });
  });

  it("D5 what the decoder prints of a damaged file is not printed, and other output is", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    try {
      const heicDecoder = decoder("export default Object.assign(() => {}, { all: async () => (console.log('no meta box'), []) })");
      await expect(openImage(heic, { ...options, heicDecoder })).rejects.toMatchObject({ code: "invalid-image" });
      expect(log.mock.calls).toEqual([]);
      console.log("a program's own line");
      expect(log.mock.calls).toEqual([["a program's own line"]]);
    } finally {
      log.mockRestore();
    }
  });

  it("D5 what the decoder throws is an ImageError", async () => {
    const heicDecoder = decoder(
      "export default Object.assign(() => {}, { all: async () => { throw new Error('HEIF processing error') } })",
    );
    await expect(openImage(heic, { ...options, heicDecoder })).rejects.toMatchObject({ name: "ImageError", code: "invalid-image" });
  });
});

describe("C2 inputs", () => {
  it("C2 streams and responses are rejected by name, with the cure", async () => {
    for (const [input, name] of [
      [new Response("x"), "Response"],
      [new Response("x").body, "ReadableStream"],
      [Readable.from(["x"]), "Readable"],
    ] as const) {
      await expect(loadImage(input as unknown as Uint8Array)).rejects.toThrow(new RegExp(`got an object of class ${name}; give its bytes`));
    }
  });

  it("C2 bare base64 makes a short message that says what to do", async () => {
    await expect(loadImage("iVBORw0KGgo".repeat(800_000))).rejects.toThrow(
      /^loadImage: expected a path, got a text of 8800000 characters; base64 goes/,
    );
  });
});
