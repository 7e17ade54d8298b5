import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import createWabt from "wabt";
import { createImageProcessor, type RawImage, resize, type ResizeLibrary } from "../src/index.js";
import { SIMD_KERNEL_BYTES } from "../src/simd-kernel-bytes.js";
import { importWith, scalar } from "./kernels.js";

const LIBRARIES = ["pillow", "torch"] as const;
const engine: typeof WebAssembly = WebAssembly;

/** Bytes that look like noise, the same on every run; every third line black and white, for the filter's overshoot. */
function noise(width: number, height: number, channels: 1 | 2 | 3 | 4): RawImage {
  let seed = width * 31 + height;
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(i / (width * channels)) % 3 === 0 ? (seed >>> 31) * 255 : seed >>> 24;
  });
  return { data, width, height, channels };
}

function expectSame(image: RawImage, width: number, height: number, library: ResizeLibrary): void {
  const ours = resize(image, { width, height, library }).data;
  const reference = scalar.resize(image, { width, height, library }).data;
  expect(Buffer.compare(ours, reference), `${image.width}x${image.height}x${image.channels} to ${width}x${height} as ${library}`).toBe(0);
}

/** The engine's WebAssembly, but every instance passes through `see`. */
function watched(see: (exports: WebAssembly.Exports) => WebAssembly.Exports): unknown {
  class Instance {
    readonly exports: WebAssembly.Exports;
    constructor(module: WebAssembly.Module) {
      this.exports = see(new engine.Instance(module).exports);
    }
  }
  return { Module: engine.Module, Instance };
}

function memoryOf(exports: WebAssembly.Exports): WebAssembly.Memory {
  const { memory } = exports;
  if (!(memory instanceof engine.Memory)) throw new Error("no memory");
  return memory;
}

const channelCount = fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4);
const side = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70 }), fc.constantFrom(16, 32, 64, 224, 300));
const library = fc.constantFrom<ResizeLibrary>(...LIBRARIES);

describe("the kernel", () => {
  it("is wasm/resample.wat, small enough to be compiled on a browser's main thread", async () => {
    const wat = readFileSync(new URL("../wasm/resample.wat", import.meta.url), "utf8");
    const wabt = await createWabt();
    const { buffer } = wabt.parseWat("resample.wat", wat, { simd: true }).toBinary({});
    expect(SIMD_KERNEL_BYTES, "run `pnpm kernel` in packages/image-processor").toBe(Buffer.from(buffer).toString("base64"));
    expect(buffer.length).toBeLessThan(4096);
  });

  it("is compiled once, when first needed, and grows to what its images need and no further", async () => {
    const instances: WebAssembly.Exports[] = [];
    const webAssembly = watched((exports) => {
      instances.push(exports);
      return exports;
    });
    vi.resetModules();
    const fresh = await import("../src/index.js");
    vi.stubGlobal("WebAssembly", webAssembly);
    try {
      fresh.resize(noise(4, 4, 3), { width: 4, height: 4 });
      expect(instances.length).toBe(0);
      for (const width of [9, 5, 300]) fresh.resize(noise(40, 30, 3), { width, height: 8 });
    } finally {
      vi.unstubAllGlobals();
    }
    const [exports] = instances;
    if (exports === undefined || instances.length !== 1) throw new Error(`${instances.length} instances`);
    const before = memoryOf(exports).buffer.byteLength;
    fresh.resize(noise(3000, 60, 3), { width: 224, height: 20 });
    const after = memoryOf(exports).buffer.byteLength;
    expect(after).toBeGreaterThan(before);
    expect(after).toBeLessThan(2 ** 19);
    fresh.resize(noise(400_000, 2, 3), { width: 3, height: 2 });
    expect(memoryOf(exports).buffer.byteLength).toBe(after);
  });
});

describe("resize on the kernel gives what the scalar loops give", () => {
  it("for any sizes, channels and library", () => {
    fc.assert(
      fc.property(side, side, channelCount, side, side, library, (w, h, channels, width, height, as) => {
        expectSame(noise(w, h, channels), width, height, as);
      }),
      { numRuns: 300 },
    );
  });

  it("when one side keeps its length", () => {
    fc.assert(
      fc.property(side, side, channelCount, side, library, (w, h, channels, other, as) => {
        const image = noise(w, h, channels);
        expectSame(image, w, other, as);
        expectSame(image, other, h, as);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [4032, 101],
    [101, 4032],
    [65_535, 3],
    [3, 9000],
    [1, 1],
  ])("for %i x %i, reduced and enlarged", (width, height) => {
    for (const channels of [1, 3, 4] as const) {
      const image = noise(width, height, channels);
      for (const as of LIBRARIES) {
        for (const [w, h] of [
          [224, 24],
          [1, 1],
          [5, 700],
        ] as const) {
          expectSame(image, w, h, as);
        }
      }
    }
  });

  it("for rows and columns that exceed its memory", () => {
    for (const as of LIBRARIES) {
      expectSame(noise(400_000, 3, 3), 7, 2, as);
      expectSame(noise(5, 3, 1), 300_000, 2, as);
      expectSame(noise(20_000, 160, 3), 20_000, 2, as);
    }
  });

  it("for windows of it, and with alpha dropped and gray repeated", () => {
    fc.assert(
      fc.property(side, side, channelCount, side, side, fc.boolean(), (w, h, channels, edge, crop, isFast) => {
        const image = noise(w, h, channels);
        const json = {
          image_processor_type: isFast ? "ChineseCLIPImageProcessorFast" : "ChineseCLIPImageProcessor",
          size: { shortest_edge: edge },
          do_center_crop: true,
          crop_size: { height: crop, width: Math.ceil(crop / 2) },
        };
        fc.pre((edge * Math.max(w, h)) / Math.min(w, h) < 1500);
        const ours = createImageProcessor(json).preprocess(image).pixelValues;
        const reference = scalar.createImageProcessor(json).preprocess(image).pixelValues;
        expect(ours.dims).toEqual(reference.dims);
        expect(ours.data).toEqual(reference.data);
      }),
      { numRuns: 60 },
    );
  });
});

describe("the scalar loops take over", () => {
  function Refused(): never {
    throw new Error("refused by the policy");
  }
  let refusals = 0;
  const cannotGrow = watched((exports) => {
    const { buffer } = memoryOf(exports);
    const grow = (): never => {
      refusals++;
      throw new RangeError("no more memory");
    };
    return { ...exports, memory: { buffer, grow } as unknown as WebAssembly.Memory };
  });
  const cases: readonly (readonly [string, unknown])[] = [
    ["without WebAssembly", undefined],
    ["where compiling is refused", { Module: Refused, Instance: engine.Instance }],
    ["where instances are refused", { Module: engine.Module, Instance: Refused }],
    ["where its memory cannot grow", cannotGrow],
  ];
  it.each(cases)("%s", async (_name, webAssembly) => {
    const { resize: other } = await importWith(webAssembly);
    const image = noise(2000, 50, 3);
    for (const as of LIBRARIES) {
      const options = { width: 224, height: 31, library: as };
      expect(Buffer.compare(other(image, options).data, resize(image, options).data)).toBe(0);
    }
    expect(refusals).toBe(webAssembly === cannotGrow ? 2 : 0);
  });
});
