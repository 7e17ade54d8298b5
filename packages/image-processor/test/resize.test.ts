import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ImageError, type RawImage, resize, type ResizeLibrary } from "../src/index.js";

/** A resize straight from the definition, one output byte at a time, with no fixed-size integers: what the kernels must agree with. */
function slowResize(image: RawImage, width: number, height: number, library: ResizeLibrary): Uint8Array {
  const cubic = (at: number): number => {
    const x = Math.abs(at);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
  };
  const axis = (from: number, to: number): { start: number; weights: number[] }[] => {
    const scale = from / to;
    const wide = Math.max(1, scale);
    const filters = Array.from({ length: to }, (_, i) => {
      const center = (i + 0.5) * scale;
      const start = Math.max(0, Math.trunc(center - 2 * wide + 0.5));
      const end = Math.min(from, Math.trunc(center + 2 * wide + 0.5));
      const raw = Array.from({ length: end - start }, (__, x) => cubic((x + start - center + 0.5) * (1 / wide)));
      const total = raw.reduce((a, b) => a + b, 0);
      return { start, weights: raw.map((weight) => weight / total) };
    });
    return filters;
  };
  const bits = (filters: { weights: number[] }[]): number => {
    if (library === "pillow") return 22;
    const greatest = Math.max(...filters.flatMap(({ weights }) => weights));
    let precision = 0;
    while (precision < 22 && Math.floor(0.5 + greatest * 2 ** (precision + 1)) < 32768) precision++;
    return precision;
  };
  const pass = (data: Uint8Array, from: number, to: number, lines: number, step: number, lineStep: number, outLine: number): Uint8Array => {
    if (from === to) return data;
    const filters = axis(from, to);
    const one = 2 ** bits(filters);
    const out = new Uint8Array((data.length / from) * to);
    for (let line = 0; line < lines; line++) {
      for (const [i, { start, weights }] of filters.entries()) {
        for (let c = 0; c < step; c++) {
          let sum = one / 2;
          for (const [tap, weight] of weights.entries()) {
            const fixed = Math.sign(weight) * Math.round(Math.abs(weight) * one);
            sum += fixed * (data[line * lineStep + (start + tap) * step + c] ?? Number.NaN);
          }
          out[line * outLine + i * step + c] = Math.min(255, Math.max(0, Math.floor(sum / one)));
        }
      }
    }
    return out;
  };
  const { channels } = image;
  const rows = (data: Uint8Array, lines: number): Uint8Array =>
    pass(data, image.width, width, lines, channels, image.width * channels, width * channels);
  const columns = (data: Uint8Array, across: number): Uint8Array => {
    // An image's rows are one line of `height` pixels that are a row wide.
    return pass(data, image.height, height, 1, across * channels, 0, 0);
  };
  const data = Uint8Array.from(image.data);
  const tall = library === "pillow" && image.height > image.width * 100 && height < image.height;
  return tall ? rows(columns(data, image.width), height) : columns(rows(data, image.height), width);
}

const library = fc.constantFrom<ResizeLibrary>("pillow", "torch");
const sideLength = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 4 }));

function images(side: fc.Arbitrary<number> = sideLength): fc.Arbitrary<RawImage & { data: Uint8Array }> {
  return fc
    .record({ width: side, height: side, channels: fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4) })
    .chain(({ width, height, channels }) => {
      const length = width * height * channels;
      return fc
        .oneof(
          fc.uint8Array({ minLength: length, maxLength: length }),
          // Black and white only: the filter's overshoot must be clipped.
          fc.array(fc.constantFrom(0, 255), { minLength: length, maxLength: length }).map((bytes) => Uint8Array.from(bytes)),
        )
        .map((data) => ({ data, width, height, channels }));
    });
}

describe("resize", () => {
  it("agrees with the definition", () => {
    fc.assert(
      fc.property(images(), sideLength, sideLength, library, (image, width, height, from) => {
        expect(resize(image, { width, height, library: from }).data).toEqual(slowResize(image, width, height, from));
      }),
      { numRuns: 300 },
    );
  });

  it("makes images over 100 times as tall as wide lower first, as Pillow does", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 199, max: 420 }),
        sideLength,
        fc.integer({ min: 1, max: 430 }),
        library,
        (tall, width, height, from) => {
          const data = Uint8Array.from({ length: 2 * tall * 3 }, (_, i) => (i * i * 31) >> 3);
          const image = { data, width: 2, height: tall, channels: 3 } as const;
          expect(resize(image, { width, height, library: from }).data).toEqual(slowResize(image, width, height, from));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("agrees with the definition at great scales", () => {
    const data = Uint8Array.from({ length: 701 * 2 * 3 }, (_, i) => (i * 2654435761) >>> 13);
    for (const from of ["pillow", "torch"] as const) {
      for (const [width, height] of [
        [1, 1],
        [2, 300],
        [5, 2],
        [701, 1],
        [901, 3],
      ] as const) {
        for (const image of [
          { data, width: 701, height: 2, channels: 3 },
          { data, width: 2, height: 701, channels: 3 },
        ] as const) {
          expect(Buffer.compare(resize(image, { width, height, library: from }).data, slowResize(image, width, height, from))).toBe(0);
        }
      }
    }
  });

  it("keeps a constant image constant", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        sideLength,
        sideLength,
        sideLength,
        sideLength,
        library,
        (value, w, h, width, height, from) => {
          const image = { data: new Uint8Array(w * h * 3).fill(value), width: w, height: h, channels: 3 } as const;
          expect(new Set(resize(image, { width, height, library: from }).data)).toEqual(new Set([value]));
        },
      ),
    );
  });

  it("copies at the same size and never changes the caller's bytes", () => {
    fc.assert(
      fc.property(images(), sideLength, library, (image, width, from) => {
        const before = Uint8Array.from(image.data);
        const same = resize(image, { width: image.width, height: image.height, library: from });
        expect(same.data).toEqual(before);
        expect(same.data.buffer).not.toBe(image.data.buffer);
        resize(image, { width, height: image.height, library: from });
        expect(image.data).toEqual(before);
      }),
    );
  });

  it("resizes each channel as if it were alone", () => {
    fc.assert(
      fc.property(images(), sideLength, sideLength, library, (image, width, height, from) => {
        const { channels } = image;
        const whole = resize(image, { width, height, library: from }).data;
        for (let c = 0; c < channels; c++) {
          const alone: RawImage = { ...image, channels: 1, data: image.data.filter((_, i) => i % channels === c) };
          expect(resize(alone, { width, height, library: from }).data).toEqual(whole.filter((_, i) => i % channels === c));
        }
      }),
    );
  });

  it("takes clamped arrays, views and Buffers alike", () => {
    const data = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => i * 37);
    const shared = new Uint8Array(data.length + 3);
    shared.set(data, 3);
    const expected = resize({ data, width: 7, height: 5, channels: 3 }, { width: 4, height: 9 }).data;
    for (const same of [new Uint8ClampedArray(data), Buffer.from(data), shared.subarray(3)]) {
      const result = resize({ data: same, width: 7, height: 5, channels: 3 }, { width: 4, height: 9 });
      expect(result.data).toEqual(expected);
      expect(result.data.constructor).toBe(Uint8Array);
    }
  });

  it("rejects sizes and images that cannot be", () => {
    const image: RawImage = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 };
    for (const width of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 25]) {
      expect(() => resize(image, { width, height: 2 })).toThrow(RangeError);
      expect(() => resize(image, { width: 2, height: width })).toThrow(RangeError);
    }
    expect(() => resize(image, { width: 2 ** 20, height: 2 ** 20 })).toThrow(RangeError);
    // @ts-expect-error a size is a number
    expect(() => resize(image, { width: "2", height: 2 })).toThrow(TypeError);
    // @ts-expect-error no such library
    expect(() => resize(image, { width: 2, height: 2, library: "opencv" })).toThrow('expected library "pillow" or "torch", got "opencv"');
    // @ts-expect-error options are required
    expect(() => resize(image)).toThrow(TypeError);
    // @ts-expect-error an array is no typed array
    expect(() => resize({ ...image, data: [1, 2, 3] }, { width: 2, height: 2 })).toThrow(TypeError);
    // @ts-expect-error null is no image
    expect(() => resize(null, { width: 2, height: 2 })).toThrow(TypeError);
    for (const wrong of [
      { width: 3 },
      { height: 0 },
      { width: -2, height: -2 },
      { width: 2.5 },
      { data: new Uint8Array(11) },
      { channels: 5 },
    ]) {
      const bad = { ...image, ...wrong };
      // @ts-expect-error channels may be 5 here
      expect(() => resize(bad, { width: 2, height: 2 })).toThrow(expect.objectContaining({ name: "ImageError", code: "invalid-image" }));
    }
    expect(new ImageError("truncated", "decode: cut").details).toEqual({});
  });
});
