import { describe, expect, it } from "vitest";
import * as simd from "../src/index.js";
import { decode, isDecodable, manifest, readFixture } from "./fixtures.js";
import { scalar } from "./kernels.js";

const KERNELS = [
  ["WebAssembly", simd],
  ["scalar", scalar],
] as const;

describe.each(KERNELS)("resize, bit for bit, %s", (_name, { resize }) => {
  for (const golden of manifest.images) {
    // Formats other than PNG without stored pixels need a decoder: the platform packages run those.
    describe.skipIf(!isDecodable(golden))(golden.file, () => {
      it.each(golden.resizes.map((made) => [made.kind, made.library, made] as const))("%s as %s", (_kind, library, made) => {
        const image = decode(golden);
        const resized = resize(image, { width: made.width, height: made.height, library: library === "pil" ? "pillow" : "torch" });
        expect(Buffer.compare(resized.data, readFixture(made.file))).toBe(0);
      });
    });
  }
});

describe.each(KERNELS)(
  "pixelValues, within 1e-6 of transformers, %s",
  (_name, { ChineseCLIPImageProcessor, ChineseCLIPImageProcessorFast }) => {
    it.each(manifest.pixel_values.map((golden) => [golden.tag, golden] as const))("%s", (_tag, golden) => {
      const image = manifest.images.find(({ file }) => file === golden.image);
      if (image === undefined) throw new Error(`no image ${golden.image}`);
      const bytes = readFixture(golden.file);
      const expected = new Float32Array(new Uint8Array(bytes).buffer);
      const distance = (actual: Float32Array): number => {
        expect(actual.length).toBe(expected.length);
        return actual.reduce((max, value, i) => Math.max(max, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
      };
      for (const [Processor, most] of [
        [ChineseCLIPImageProcessor, 1e-6],
        // The goldens are of the Pillow class. PyTorch's resize is one level off in some bytes, so one step of 1 / 255 / std.
        [ChineseCLIPImageProcessorFast, 0.0152],
      ] as const) {
        const { pixelValues } = Processor.fromJSON(golden.config).preprocess(decode(image));
        expect(pixelValues.type).toBe("float32");
        expect(pixelValues.dims).toEqual(golden.dims);
        if (!(pixelValues.data instanceof Float32Array)) throw new Error("not floats");
        expect(distance(pixelValues.data)).toBeLessThanOrEqual(most);
      }
    });
  },
);
