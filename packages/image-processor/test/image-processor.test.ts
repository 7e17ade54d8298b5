import * as fc from "fast-check";
import { Tensor } from "onnxruntime-common";
import { describe, expect, it } from "vitest";
import {
  ChineseCLIPImageProcessor,
  ChineseCLIPImageProcessorFast,
  convertToRgb,
  createImageProcessor,
  ImageError,
  type ImageErrorCode,
  parseImageProcessorConfig,
  type RawImage,
  resize,
} from "../src/index.js";

const hub = {
  crop_size: { height: 224, width: 224 },
  do_center_crop: false,
  do_normalize: true,
  do_resize: true,
  feature_extractor_type: "ChineseCLIPFeatureExtractor",
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  size: { height: 12, width: 12 },
};

function noise(width: number, height: number, channels: 1 | 2 | 3 | 4): RawImage & { data: Uint8Array } {
  return { data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 2654435761) >>> 11), width, height, channels };
}

function floats(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`expected floats, got ${tensor.type}`);
  return tensor.data;
}

/** Height and width that an image of this size comes out in. */
function sizeOf(
  Processor: typeof ChineseCLIPImageProcessor | typeof ChineseCLIPImageProcessorFast,
  config: unknown,
  image: RawImage,
): number[] {
  const processor = Processor.fromJSON(Object.assign({ do_center_crop: false }, config));
  return processor.preprocess(image).pixelValues.dims.slice(2);
}

/** `toEqual` walks large arrays slowly. */
function sameFloats(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

const coded = (code: ImageErrorCode): unknown => expect.objectContaining({ name: "ImageError", code });

describe("convertToRgb", () => {
  it("repeats gray, drops alpha and returns RGB as it is", () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(convertToRgb({ data, width: 8, height: 1, channels: 1 }).data.subarray(0, 6)).toEqual(Uint8Array.of(1, 1, 1, 2, 2, 2));
    expect(convertToRgb({ data, width: 4, height: 1, channels: 2 }).data).toEqual(Uint8Array.of(1, 1, 1, 3, 3, 3, 5, 5, 5, 7, 7, 7));
    expect(convertToRgb({ data, width: 1, height: 2, channels: 4 }).data).toEqual(Uint8Array.of(1, 2, 3, 5, 6, 7));
    const rgb = data.subarray(0, 6);
    expect(convertToRgb({ data: rgb, width: 2, height: 1, channels: 3 }).data).toBe(rgb);
  });
});

describe.each([ChineseCLIPImageProcessor, ChineseCLIPImageProcessorFast])("%o", (Processor) => {
  const library = Processor === ChineseCLIPImageProcessor ? "pillow" : "torch";

  it("normalises the bytes of its own library's resize", () => {
    const image = noise(31, 17, 3);
    const { pixelValues } = Processor.fromJSON(hub).preprocess(image);
    expect(pixelValues).toBeInstanceOf(Tensor);
    expect(pixelValues.dims).toEqual([1, 3, 12, 12]);
    const bytes = resize(image, { width: 12, height: 12, library }).data;
    for (const [i, value] of floats(pixelValues).entries()) {
      const channel = Math.floor(i / 144);
      const byte = bytes[(i % 144) * 3 + channel] ?? Number.NaN;
      const expected = (byte / 255 - (hub.image_mean[channel] ?? 0)) / (hub.image_std[channel] ?? 0);
      expect(Math.abs(value - expected)).toBeLessThan(2e-6);
    }
  });

  it("gives for gray, gray with alpha and RGBA what it gives for their RGB", () => {
    for (const channels of [1, 2, 4] as const) {
      const image = noise(29, 41, channels);
      const before = Uint8Array.from(image.data);
      for (const config of [hub, { ...hub, do_resize: false }, {}, { size: 20, crop_size: [33, 9] }]) {
        const processor = Processor.fromJSON(config);
        const direct = floats(processor.preprocess(image).pixelValues);
        expect(sameFloats(direct, floats(processor.preprocess(convertToRgb(image)).pixelValues))).toBe(true);
      }
      expect(image.data).toEqual(before);
      expect(() => new Processor({ doConvertRgb: false }).preprocess(image)).toThrow(coded("invalid-image"));
    }
  });

  it("crops what a full resize and a crop would give", () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(side, side, side, side, side, (width, height, shortestEdge, cropHeight, cropWidth) => {
        const image = noise(width, height, 3);
        const config = { size: { shortestEdge }, doNormalize: false, doRescale: false } as const;
        const cropped = new Processor({ ...config, cropSize: { height: cropHeight, width: cropWidth } }).preprocess(image).pixelValues;
        const whole = new Processor({ ...config, doCenterCrop: false }).preprocess(image).pixelValues;
        const [, , fullHeight = 0, fullWidth = 0] = whole.dims;
        const spare = library === "torch" ? Math.floor : Math.ceil;
        const shift = (full: number, crop: number): number => (crop <= full ? Math.floor((full - crop) / 2) : -spare((crop - full) / 2));
        const [dy, dx] = [shift(fullHeight, cropHeight), shift(fullWidth, cropWidth)];
        const source = floats(whole);
        const expected = Float32Array.from({ length: 3 * cropHeight * cropWidth }, (_, i) => {
          const x = (i % cropWidth) + dx;
          const y = (Math.floor(i / cropWidth) % cropHeight) + dy;
          const inside = x >= 0 && x < fullWidth && y >= 0 && y < fullHeight;
          return inside ? (source[(Math.floor(i / (cropWidth * cropHeight)) * fullHeight + y) * fullWidth + x] ?? Number.NaN) : 0;
        });
        expect(cropped.dims).toEqual([1, 3, cropHeight, cropWidth]);
        expect(floats(cropped)).toEqual(expected);
      }),
    );
  });

  it("stacks a batch in order and refuses images that come out in different sizes", () => {
    const processor = Processor.fromJSON(hub);
    const images = [noise(9, 20, 3), noise(20, 9, 1), noise(5, 5, 4)];
    const batch = processor.preprocess(images).pixelValues;
    expect(batch.dims).toEqual([3, 3, 12, 12]);
    for (const [i, image] of images.entries()) {
      expect(floats(batch).subarray(i * 432, (i + 1) * 432)).toEqual(floats(processor.preprocess(image).pixelValues));
    }
    const asTheyAre = new Processor({ doResize: false, doCenterCrop: false });
    expect(() => asTheyAre.preprocess(images)).toThrow(RangeError);
    expect(() => asTheyAre.preprocess([])).toThrow(RangeError);
    expect(asTheyAre.preprocess([images[0] ?? noise(1, 1, 3)]).pixelValues.dims).toEqual([1, 3, 20, 9]);
    // @ts-expect-error not an image
    expect(() => asTheyAre.preprocess(["photo.jpg"])).toThrow(TypeError);
  });

  it("knows how transformers rounds sizes", () => {
    expect(sizeOf(Processor, { size: 56 }, noise(177, 122, 1))).toEqual([56, 81]);
    expect(sizeOf(Processor, { size: [7, 9] }, noise(177, 122, 1))).toEqual([7, 9]);
    expect(sizeOf(Processor, { size: { shortest_edge: 10, longest_edge: 15 } }, noise(30, 10, 1))).toEqual([5, 15]);
    expect(sizeOf(Processor, { size: { shortest_edge: 10, longest_edge: 99 } }, noise(30, 10, 1))).toEqual([10, 30]);
    // 15 * 10 / 60 = 2.5 goes to the even neighbour.
    expect(sizeOf(Processor, { size: { shortest_edge: 10, longest_edge: 15 } }, noise(60, 10, 1))).toEqual([2, 15]);
    expect(sizeOf(Processor, { size: { max_height: 20, max_width: 30 } }, noise(60, 10, 1))).toEqual([5, 30]);
    expect(() => sizeOf(Processor, { size: { max_height: 20, max_width: 30 } }, noise(600, 1, 1))).toThrow(RangeError);
  });

  it("resizes a very long image no further than the crop keeps", () => {
    // Its shorter edge at 224 would make it 13,440,000 wide.
    const { pixelValues } = new Processor().preprocess(noise(60_000, 1, 1));
    expect(pixelValues.dims).toEqual([1, 3, 224, 224]);
  });

  it("writes a file that it reads back", () => {
    const processor = Processor.fromJSON({ ...hub, size: { shortest_edge: 9, longest_edge: 20 }, do_center_crop: true });
    const json: unknown = JSON.parse(JSON.stringify(processor));
    expect(json).toMatchObject({ image_processor_type: Processor.name, size: { shortest_edge: 9, longest_edge: 20 }, resample: 3 });
    expect(createImageProcessor(json)).toBeInstanceOf(Processor);
    expect(Processor.fromJSON(json).config).toEqual(processor.config);
  });
});

describe("preprocessor_config.json", () => {
  it("takes transformers' class defaults for missing keys", () => {
    const expected = {
      doConvertRgb: true,
      doResize: true,
      size: { shortestEdge: 224 },
      resample: 3,
      doCenterCrop: true,
      cropSize: { height: 224, width: 224 },
      doRescale: true,
      rescaleFactor: 1 / 255,
      doNormalize: true,
      imageMean: hub.image_mean,
      imageStd: hub.image_std,
    };
    expect(parseImageProcessorConfig({})).toEqual(expected);
    expect(parseImageProcessorConfig({ size: undefined, do_resize: undefined, image_std: undefined })).toEqual(expected);
    expect(new ChineseCLIPImageProcessor().config).toEqual(expected);
    expect(parseImageProcessorConfig(Object.create({ size: 3 }))).toEqual(expected);
  });

  it("reads sizes in all their forms, under either spelling", () => {
    expect(parseImageProcessorConfig({ size: 30, crop_size: 20 })).toMatchObject({
      size: { shortestEdge: 30 },
      cropSize: { height: 20, width: 20 },
    });
    expect(parseImageProcessorConfig({ size: [3, 4], cropSize: [5, 6], imageMean: 0.5 })).toMatchObject({
      size: { height: 3, width: 4 },
      cropSize: { height: 5, width: 6 },
      imageMean: [0.5, 0.5, 0.5],
    });
    // Stray keys that are not used are not even read: published copies carry them.
    expect(parseImageProcessorConfig({ do_center_crop: false, crop_size: "x", do_resize: false, resample: 0 }).resample).toBe(3);
  });

  it.each([
    ["ChineseCLIPFeatureExtractor", ChineseCLIPImageProcessor],
    ["ChineseCLIPImageProcessor", ChineseCLIPImageProcessor],
    ["ChineseCLIPImageProcessorPil", ChineseCLIPImageProcessor],
    ["CLIPFeatureExtractor", ChineseCLIPImageProcessor],
    ["CLIPImageProcessor", ChineseCLIPImageProcessor],
    ["ChineseCLIPImageProcessorFast", ChineseCLIPImageProcessorFast],
    ["CLIPImageProcessorFast", ChineseCLIPImageProcessorFast],
  ])("%s", (name, Processor) => {
    expect(createImageProcessor({ image_processor_type: name })).toBeInstanceOf(Processor);
    expect(createImageProcessor({ feature_extractor_type: name })).toBeInstanceOf(Processor);
    expect(createImageProcessor({ image_processor_type: name, feature_extractor_type: "Other" })).toBeInstanceOf(Processor);
  });

  it("rejects what it cannot do", () => {
    expect(createImageProcessor({})).toBeInstanceOf(ChineseCLIPImageProcessor);
    for (const json of [
      null,
      [],
      "x",
      { image_processor_type: "ViTImageProcessor" },
      { image_processor_type: 3 },
      { size: 0 },
      { size: 1e9 },
      { size: { height: 3 } },
      { size: { longest_edge: 3 } },
      { size: [1, 2, 3] },
      { crop_size: { shortest_edge: 3 } },
      { do_resize: 1 },
      { do_pad: true },
      { rescale_factor: 0 },
      { image_std: [1, 0, 1] },
      { image_mean: 1e39 },
      { image_mean: [1, 2] },
      { image_mean: ["a", 2, 3] },
    ]) {
      expect(() => createImageProcessor(json)).toThrow(coded("invalid-config"));
    }
    expect(() => createImageProcessor({ resample: 2 })).toThrow("expected resample 3 (bicubic), got 2 (bilinear)");
    expect(() => createImageProcessor({ resample: 2 })).toThrow(coded("unsupported-resample"));
    expect(() => createImageProcessor({ resample: 77 })).toThrow(coded("unsupported-resample"));
    expect(() => createImageProcessor({ resample: "3" })).toThrow(coded("invalid-config"));
  });
});

describe("mutated configurations and images", () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(null, undefined, 0, -1, 1, 3, 16, 1e9, 2 ** 53, Number.NaN, "", "3", true, false, [], {}, [8, 8], [1, 1, 1]),
    fc.anything({ maxDepth: 2 }),
  );
  const mutated = fc
    .array(
      fc.tuple(fc.constantFrom(...Object.keys(hub), "do_pad", "do_rescale", "rescale_factor", "image_processor_type", "__proto__"), odd),
      {
        maxLength: 4,
      },
    )
    .map((edits) => Object.assign({}, hub, Object.fromEntries(edits)));

  it("give a processor or an ImageError", () => {
    fc.assert(
      fc.property(mutated, (json) => {
        try {
          const { pixelValues } = createImageProcessor(json).preprocess(noise(3, 2, 3));
          expect(floats(pixelValues).every(Number.isFinite)).toBe(true);
        } catch (error) {
          // Two sides that are each allowed may still be more than a result may hold.
          expect(error instanceof ImageError || error instanceof RangeError).toBe(true);
        }
      }),
      { numRuns: 2500 },
    );
  });

  it("give pixels, an ImageError, or a TypeError for what is no image at all", () => {
    const processor = ChineseCLIPImageProcessor.fromJSON(hub);
    const field = fc.constantFrom("data", "width", "height", "channels");
    fc.assert(
      fc.property(fc.array(fc.tuple(field, odd), { maxLength: 2 }), (edits) => {
        const image: RawImage = Object.assign(noise(4, 3, 3), Object.fromEntries(edits));
        try {
          expect(processor.preprocess(image).pixelValues.dims).toEqual([1, 3, 12, 12]);
        } catch (error) {
          expect(error instanceof ImageError || error instanceof TypeError).toBe(true);
        }
      }),
      { numRuns: 2500 },
    );
  });
});
