import fc from "fast-check";
import sharp, { type WriteableMetadata } from "sharp";
import { describe, expect, it } from "vitest";
import { findExif, parseExif } from "../../src/image/exif.js";

type Tags = NonNullable<WriteableMetadata["exif"]>;

async function blockOf(exif: Tags): Promise<Uint8Array> {
  const image = sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } });
  const { exif: block } = await sharp(await image.jpeg().withExif(exif).toBuffer()).metadata();
  return block ?? new Uint8Array();
}

const CAMERA: Tags = {
  IFD0: { Make: "Canon", Model: "Canon EOS R5" },
  IFD2: { DateTimeOriginal: "2024:05:01 10:20:30", OffsetTimeOriginal: "+08:00", LensModel: "RF24-70mm F2.8 L" },
  IFD3: { GPSLatitudeRef: "N", GPSLatitude: "31/1 14/1 1500/100", GPSLongitudeRef: "W", GPSLongitude: "121/1 30/1 0/1" },
};

describe("parseExif", () => {
  it("reads what a camera writes", async () => {
    expect(parseExif(await blockOf(CAMERA))).toMatchObject({
      camera: "Canon EOS R5",
      lens: "RF24-70mm F2.8 L",
      takenAt: "2024-05-01T10:20:30+08:00",
      latitude: 31.2375,
      longitude: -121.5,
    });
  });

  it.each([
    ["Apple", "iPhone 15 Pro", "Apple iPhone 15 Pro"],
    ["NIKON CORPORATION", "NIKON D850", "NIKON D850"],
    ["HUAWEI", " ", "HUAWEI"],
    ["  ", "X100V ", "X100V"],
    [" ", " ", undefined],
  ])("names the camera %j %j without repeating its make", async (Make, Model, expected) => {
    expect(parseExif(await blockOf({ IFD0: { Make, Model } })).camera).toBe(expected);
  });

  it.each([
    ["2024:05:01 10:20:30", " ", "2024-05-01T10:20:30"],
    ["2024:05:01 10:20:30", "+25:00", "2024-05-01T10:20:30"],
    ["2024:02:30 10:20:30", " ", undefined],
    ["0000:00:00 00:00:00", " ", undefined],
    ["    :  :     :  :  ", " ", undefined],
    ["yesterday", " ", undefined],
  ])("takes %j with offset %j for %j", async (DateTimeOriginal, OffsetTimeOriginal, expected) => {
    expect(parseExif(await blockOf({ IFD2: { DateTimeOriginal, OffsetTimeOriginal } })).takenAt).toBe(expected);
  });

  it.each([
    { GPSLatitude: "91/1 0/1 0/1" },
    { GPSLatitude: "31/0 0/1 0/1" },
    { GPSLatitudeRef: "X" },
    { GPSLongitude: "181/1 0/1 0/1" },
    { GPSLongitudeRef: " " },
  ])("leaves out a place that is none: %j", async (change) => {
    const found = parseExif(await blockOf({ ...CAMERA, IFD3: { ...CAMERA.IFD3, ...change } }));
    expect(found).not.toHaveProperty("latitude");
    expect(found).not.toHaveProperty("longitude");
    expect(found.camera).toBe("Canon EOS R5");
  });

  it("gives valid values or none for any bytes, in bounded time", async () => {
    const block = await blockOf(CAMERA);
    const mutations = fc.array(fc.tuple(fc.nat(block.length - 1), fc.nat(255)), { maxLength: 12 });
    const blocks = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(mutations, fc.nat(block.length)).map(([changes, length]) => {
        const bytes = Uint8Array.from(block);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes.subarray(0, length);
      }),
    );
    fc.assert(
      fc.property(blocks, (bytes) => {
        const {
          takenAt = "2000-01-01T00:00:00",
          latitude = 0,
          longitude = 0,
          orientation = 1,
          camera = "a",
          lens = "a",
        } = parseExif(bytes);
        expect(takenAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d)?$/);
        expect(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && [1, 2, 3, 4, 5, 6, 7, 8].includes(orientation)).toBe(true);
        for (const text of [camera, lens]) expect(text).toMatch(/^[^\p{Cc}]{1,401}$/u);
      }),
      { numRuns: 3000 },
    );
  });

  it("reads no directory that is said to have 65,535 entries, and follows no cycle", () => {
    const bytes = Buffer.alloc(1 << 20, 0xff);
    bytes.write("II*\0\x08\0\0\0\xff\xff", "latin1");
    for (let at = 10; at + 12 <= bytes.length; at += 12) {
      bytes.writeUInt16LE(at % 24 === 10 ? 0x8769 : 0x8825, at);
      bytes.writeUInt16LE(4, at + 2);
      bytes.writeUInt32LE(1, at + 4);
      bytes.writeUInt32LE(8, at + 8);
    }
    expect(parseExif(bytes)).toEqual({});
  });

  it("finds the block in a HEIC file", async () => {
    const block = await blockOf(CAMERA);
    const file = Buffer.concat([Buffer.from("\0\0\0\x18ftypheicExif\0\0no block", "latin1"), block, Buffer.alloc(50)]);
    expect(parseExif(findExif(file) ?? new Uint8Array()).camera).toBe("Canon EOS R5");
    expect(findExif(Buffer.from("ftypheic"))).toBeUndefined();
  });
});
