/** Files and calls that the field sends: `null` in a configuration, settings per call, planar and float pixels, bad values of every size. */
import { describe, expect, it } from "vitest";
import {
  ChineseCLIPImageProcessor,
  ChineseCLIPImageProcessorFast,
  convertToRgb,
  ImageError,
  parseImageProcessorConfig,
  type RawImage,
  resize,
} from "../src/index.js";

const processors = [ChineseCLIPImageProcessor, ChineseCLIPImageProcessorFast] as const;

function noise(width: number, height: number, channels: 1 | 2 | 3 | 4): RawImage & { data: Uint8Array } {
  return { data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 2654435761) >>> 11), width, height, channels };
}

function toPlanes({ data, width, height, channels }: RawImage): RawImage {
  const pixels = width * height;
  const planes = Uint8Array.from({ length: data.length }, (_, i) => data[(i % pixels) * channels + Math.floor(i / pixels)] ?? 0);
  return { data: planes, width, height, channels, layout: "chw" };
}

const values = (inputs: { readonly pixelValues: { readonly data: unknown } }): Float32Array => inputs.pixelValues.data as Float32Array;

describe("A4 null in preprocessor_config.json", () => {
  it("A4 null turns a switch off", () => {
    const off = parseImageProcessorConfig({ do_resize: null, do_center_crop: null, do_rescale: null, do_normalize: null });
    expect(off).toMatchObject({ doResize: false, doCenterCrop: false, doRescale: false, doNormalize: false });
    expect(parseImageProcessorConfig({ do_convert_rgb: null }).doConvertRgb).toBe(false);
  });

  it.each(["size", "resample", "crop_size", "rescale_factor", "image_mean", "image_std"])("A4 null for %s is an error", (key) => {
    expect(() => parseImageProcessorConfig({ [key]: null })).toThrow(expect.objectContaining({ code: "invalid-config" }));
    expect(() => parseImageProcessorConfig({ [key]: null })).toThrow(new RegExp(`expected ${key} to be .*, got null`));
  });

  it("A4 null for what a switch that is off would use is no error", () => {
    const json = {
      do_resize: false,
      size: null,
      resample: null,
      do_center_crop: null,
      crop_size: null,
      do_rescale: false,
      rescale_factor: null,
      do_normalize: false,
      image_mean: null,
      image_std: null,
    };
    expect(parseImageProcessorConfig(json)).toEqual({
      ...parseImageProcessorConfig({}),
      doResize: false,
      doCenterCrop: false,
      doRescale: false,
      doNormalize: false,
    });
  });

  it("A4 null for an edge counts as missing", () => {
    expect(parseImageProcessorConfig({ size: { shortest_edge: null, longest_edge: null, height: 5, width: 6 } }).size).toEqual({
      height: 5,
      width: 6,
    });
  });
});

describe.each(processors)("%o", (Processor) => {
  it("B8 settings per call give what a processor of these settings gives", () => {
    const own = new Processor({ size: { height: 12, width: 12 }, doCenterCrop: false });
    const image = noise(31, 17, 3);
    const before = values(own.preprocess(image));
    for (const overrides of [
      { size: { height: 7, width: 9 } },
      { size: { shortestEdge: 9 } },
      { doCenterCrop: true, cropSize: { height: 5, width: 6 } },
      { doResize: false },
      { doRescale: false },
      { rescaleFactor: 1 / 127.5 },
      { doNormalize: false },
      { imageMean: [0.5, 0.5, 0.5], imageStd: [0.5, 0.5, 0.5] },
      { resample: 3 },
      { doNormalize: null },
    ] as const) {
      const expected = new Processor({ ...own.config, ...overrides }).preprocess(image);
      const actual = own.preprocess(image, overrides);
      expect(actual.pixelValues.dims).toEqual(expected.pixelValues.dims);
      expect(values(actual)).toEqual(values(expected));
    }
    expect(values(own.preprocess(image))).toEqual(before);
    expect(values(own.preprocess(image, { size: undefined }))).toEqual(before);
  });

  it("B8 a wrong setting of a call is rejected by name", () => {
    const own = new Processor();
    expect(() => own.preprocess(noise(3, 3, 3), { size: { height: 0, width: 1 } })).toThrow(/expected size\.height/);
    expect(() => own.preprocess(noise(3, 3, 3), { resample: 2 as 3 })).toThrow(expect.objectContaining({ code: "unsupported-resample" }));
    expect(() => own.preprocess(noise(3, 3, 3), { size: null })).toThrow(/got null/);
  });

  it("B8 planes of channels give what interleaved pixels give", () => {
    const own = new Processor({ size: { height: 12, width: 10 }, doCenterCrop: false });
    for (const channels of [1, 2, 3, 4] as const) {
      const image = noise(23, 11, channels);
      const planar = toPlanes(image);
      const copy = Uint8Array.from(planar.data);
      expect(values(own.preprocess(planar))).toEqual(values(own.preprocess(image)));
      expect(convertToRgb(planar)).toEqual(convertToRgb(image));
      expect(resize(planar, { width: 5, height: 7 })).toEqual(resize(image, { width: 5, height: 7 }));
      expect(planar.data).toEqual(copy);
    }
  });

  it("B8 floats that are bytes give what the bytes give, and others lie between", () => {
    for (const settings of [{}, { doRescale: false }, { doNormalize: false }, { cropSize: { height: 30, width: 9 } }]) {
      const own = new Processor({ doResize: false, cropSize: { height: 8, width: 9 }, ...settings });
      for (const channels of [1, 2, 3, 4] as const) {
        for (const image of [noise(23, 11, channels), toPlanes(noise(23, 11, channels))]) {
          const floats = { ...image, data: Float32Array.from(image.data) };
          expect(values(own.preprocess(floats))).toEqual(values(own.preprocess(image)));
        }
      }
    }
    const own = new Processor({ doResize: false, doCenterCrop: false, doNormalize: false });
    const half = own.preprocess({ data: Float32Array.of(0.5, 1.5, 255), width: 1, height: 1, channels: 3 });
    const factor = Processor === ChineseCLIPImageProcessor ? 1 / 255 : Math.fround(1 / 255);
    expect([...values(half)]).toEqual([0.5 * factor, 1.5 * factor, 1].map(Math.fround));
  });

  it("B8 floats are not resized, unless they have the size", () => {
    const floats = { data: new Float32Array(27), width: 3, height: 3, channels: 3 } as const;
    const own = new Processor({ size: { height: 3, width: 3 }, doCenterCrop: false });
    expect(own.preprocess(floats).pixelValues.dims).toEqual([1, 3, 3, 3]);
    expect(() => own.preprocess(floats, { size: { height: 4, width: 3 } })).toThrow(/expected bytes, which are all that is resized/);
  });

  it("B2 arrays of another realm are taken", async () => {
    const { runInNewContext } = await import("node:vm");
    const own = new Processor({ doResize: false, doCenterCrop: false });
    const image = noise(3, 2, 3);
    for (const kind of ["Uint8Array", "Uint8ClampedArray", "Float32Array"]) {
      const data = runInNewContext(`${kind}.from(values)`, { values: Array.from(image.data) }) as Uint8Array;
      expect(values(own.preprocess({ ...image, data }))).toEqual(values(own.preprocess(image)));
    }
  });

  it("I11 bad values make short messages", () => {
    const deep: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    const own = new Processor();
    for (const value of [deep, { a: deep }, "\u001B[31m\u202E".repeat(10_000)]) {
      for (const work of [
        () => parseImageProcessorConfig({ size: value }),
        () => parseImageProcessorConfig({ do_resize: value }),
        () => parseImageProcessorConfig({ image_mean: [value, value, value] }),
        () => own.preprocess({ ...noise(1, 1, 3), width: value as number }),
        () => own.preprocess({ ...noise(1, 1, 3), channels: value as 3 }),
        () => own.preprocess({ ...noise(1, 1, 3), layout: value as "hwc" }),
        () => own.preprocess(value as RawImage),
        () => resize(noise(1, 1, 3), { width: value as number, height: 1 }),
      ]) {
        let error: Error | undefined;
        try {
          work();
        } catch (thrown) {
          error = thrown as Error;
        }
        expect(error instanceof ImageError || error instanceof TypeError).toBe(true);
        expect(error?.message.length).toBeLessThan(500);
        expect(error?.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    }
  });
});
