/**
 * tiny-vit in a page on every backend, against what transformers computes: WebAssembly with one thread and with two, in a worker and in the
 * page's own thread, and WebGPU on a software adapter.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTensors } from "../../node/test/safetensors-fixture.js";
import type { BackendReport } from "../src/index.js";
import { chromiumPath, openPage, startBrowser } from "./chromium.js";
import { ModelServer } from "./model-server.js";

const golden = await readTensors(new URL("../../../fixtures/tiny-vit/expected.safetensors", import.meta.url));
/** Bounds of the goldens' README: float32 on a CPU. */
const BOUND = 1e-4;
const NORMALISED_BOUND = 1e-5;
/** WebGPU sums in another order, and its `exp` and `tanh` are approximations; measured with SwiftShader. */
const GPU_BOUND = 1e-3;

/** Outputs of a run: features, and with them embeddings, logits, loss and all states. */
const FEATURES = 2;
const ALL = 22;

const ids = (name: string): number[] => Array.from(golden.get(name).data as BigInt64Array, Number);
const floats = (name: string): number[] => Array.from(golden.get(name).data as Float32Array);
const inputs = {
  inputIds: ids("input_ids"),
  mask: ids("attention_mask"),
  textDims: [...golden.get("input_ids").dims],
  pixels: floats("pixel_values"),
  imageDims: [...golden.get("pixel_values").dims],
};

interface Options {
  readonly device?: "wasm" | "webgpu";
  readonly dtype?: "fp32" | "fp16" | "q8" | "q4";
  readonly numThreads?: number;
  readonly worker?: boolean;
  /** Only what the towers are for; WebGPU's software adapter takes a minute for the rest. Default false. */
  readonly featuresOnly?: boolean;
  /** Which of the features, then. Default: both. */
  readonly towers?: readonly ("text" | "image")[];
}

/**
 * Least cosine between features in another number format and the golden's, on any backend, for text and for images. The tiny model's random weights
 * lose more than trained ones: measured on WebAssembly and on SwiftShader 0.9999999 in fp16, 0.9999 and 0.9997 in q8, 0.9966 and 0.967 in q4.
 */
const COSINES = { fp16: [0.99999, 0.99999], q8: [0.999, 0.999], q4: [0.99, 0.95] } as const;

/** Both towers' outputs by golden's name, and what they ran on. */
async function runTiny(page: Page, options: Options): Promise<{ outputs: Record<string, number[]>; backends: BackendReport[] }> {
  return page.evaluate(
    async ([given, { featuresOnly = false, towers = ["text", "image"], ...load }]) => {
      const backends: BackendReport[] = [];
      const model = await lib.ChineseCLIPModel.fromPretrained("/fixtures/tiny-vit", {
        ...load,
        wasmPaths: "/ort/",
        onBackend: (report) => backends.push(report),
      });
      const int64 = (values: number[]): InstanceType<typeof lib.Tensor> =>
        new lib.Tensor("int64", BigInt64Array.from(values, BigInt), given.textDims);
      const text = { inputIds: int64(given.inputIds), attentionMask: int64(given.mask) };
      const pixelValues = new lib.Tensor("float32", Float32Array.from(given.pixels), given.imageDims);
      const numbers = (tensor: { readonly data: unknown } | undefined): number[] => Array.from((tensor?.data ?? []) as Float32Array);
      const outputs: Record<string, number[]> = {};
      await Promise.all(
        towers.map(async (tower) => {
          const features = tower === "text" ? model.getTextFeatures(text) : model.getImageFeatures({ pixelValues });
          outputs[`${tower}_features`] = numbers(await features);
        }),
      );
      if (featuresOnly) {
        await model.dispose();
        return { outputs, backends };
      }
      const whole = await model.forward({ ...text, pixelValues, returnLoss: true, outputHiddenStates: true, outputAttentions: true });
      await model.dispose();
      Object.assign(outputs, {
        text_embeds: numbers(whole.textEmbeds),
        image_embeds: numbers(whole.imageEmbeds),
        logits_per_image: numbers(whole.logitsPerImage),
        loss: numbers(whole.loss),
      });
      for (const [tower, states] of [
        ["text", whole.textModelOutput],
        ["vision", whole.visionModelOutput],
      ] as const) {
        outputs[`${tower}_last_hidden_state`] = numbers(states.lastHiddenState);
        for (const [i, state] of (states.hiddenStates ?? []).entries()) outputs[`${tower}_hidden_states.${i}`] = numbers(state);
        for (const [i, attention] of (states.attentions ?? []).entries()) outputs[`${tower}_attentions.${i}`] = numbers(attention);
      }
      return { outputs, backends };
    },
    [inputs, options] as const,
  );
}

function expectGolden(outputs: Record<string, number[]>, count: number, bound: number, normalisedBound: number): void {
  expect(Object.keys(outputs)).toHaveLength(count);
  for (const [name, actual] of Object.entries(outputs)) {
    const expected = golden.get(name).data as Float32Array;
    expect(actual.length, name).toBe(expected.length);
    const greatest = actual.reduce((found, value, i) => Math.max(found, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
    expect(greatest, name).toBeLessThanOrEqual(name.endsWith("_embeds") ? normalisedBound : bound);
  }
}

/** The least cosine between rows of `size` numbers. */
function leastCosine(actual: readonly number[], expected: readonly number[], size: number): number {
  expect(actual.length).toBe(expected.length);
  const rows = Array.from({ length: expected.length / size }, (_, row) => [row * size, (row + 1) * size] as const);
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
  return Math.min(
    ...rows.map(([start, end]) => {
      const [a, b] = [actual.slice(start, end), expected.slice(start, end)];
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    }),
  );
}

describe.skipIf(chromiumPath === undefined)("tiny-vit", () => {
  let plain: ModelServer;
  let isolated: ModelServer;
  beforeAll(async () => {
    [plain, isolated] = await Promise.all([ModelServer.start(), ModelServer.start({ isolated: true })]);
  });
  afterAll(() => Promise.all([plain.stop(), isolated.stop()]));

  describe("on WebAssembly", () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await startBrowser();
    });
    afterAll(() => browser.close());

    it("with one thread, on a page that is not cross-origin isolated", async () => {
      const { outputs, backends } = await runTiny(await openPage(browser, plain.origin), { device: "wasm", numThreads: 2 });
      expectGolden(outputs, ALL, BOUND, NORMALISED_BOUND);
      expect(backends).toHaveLength(4);
      for (const backend of backends) expect(backend).toMatchObject({ device: "wasm", threads: 1 });
      expect(backends[0]).not.toHaveProperty("reason");
    });

    it("with two threads, on a page that is", async () => {
      const { outputs, backends } = await runTiny(await openPage(browser, isolated.origin), { device: "wasm", numThreads: 2 });
      expectGolden(outputs, ALL, BOUND, NORMALISED_BOUND);
      for (const backend of backends) expect(backend).toMatchObject({ device: "wasm", threads: 2 });
    });

    it("in the page's own thread, without a worker", async () => {
      const page = await openPage(browser, plain.origin);
      const { outputs } = await runTiny(page, { device: "wasm", worker: false });
      expectGolden(outputs, ALL, BOUND, NORMALISED_BOUND);
      expect(page.workers()).toHaveLength(0);
    });

    it("is what a missing adapter falls back to, with the reason", async () => {
      const { outputs, backends } = await runTiny(await openPage(browser, plain.origin), { device: "webgpu", featuresOnly: true });
      expectGolden(outputs, FEATURES, BOUND, NORMALISED_BOUND);
      for (const backend of backends) expect(backend).toMatchObject({ device: "wasm", reason: "there is no WebGPU adapter" });
    });
  });

  describe("on WebGPU's software adapter", () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await startBrowser("software");
    });
    afterAll(() => browser.close());

    it("when asked for, in a worker", { timeout: 240_000 }, async () => {
      const page = await openPage(browser, plain.origin);
      const { outputs, backends } = await runTiny(page, { device: "webgpu", featuresOnly: true, towers: ["text"] });
      expect(backends).toHaveLength(1);
      expect(backends[0]).toMatchObject({ output: "text_features", device: "webgpu" });
      expectGolden(outputs, 1, GPU_BOUND, GPU_BOUND);
    });

    describe("in the page's own thread", () => {
      // One page: shaders, which SwiftShader takes long to compile, are shared by the towers of one thread.
      let page: Page;
      beforeAll(async () => {
        page = await openPage(browser, plain.origin);
      });
      const run = (options: Options): ReturnType<typeof runTiny> =>
        runTiny(page, { device: "webgpu", worker: false, featuresOnly: true, ...options });

      it("in fp32", { timeout: 240_000 }, async () => {
        const { outputs, backends } = await run({ towers: ["image"] });
        expect(backends).toHaveLength(1);
        expect(backends[0]).toMatchObject({ output: "image_features", device: "webgpu" });
        expectGolden(outputs, 1, GPU_BOUND, GPU_BOUND);
      });

      it.each(["fp16", "q8", "q4"] as const)("close to fp32 in %s, where need be on WebAssembly", { timeout: 240_000 }, async (dtype) => {
        const { outputs, backends } = await run({ dtype });
        for (const [i, name] of ["text_features", "image_features"].entries()) {
          expect(leastCosine(outputs[name] ?? [], floats(name), golden.get(name).dims[1] ?? 0), name).toBeGreaterThan(
            COSINES[dtype][i] ?? 1,
          );
          const own = backends.filter(({ output }) => output === name);
          // What an adapter lacks is noticed in the first run, and said.
          if (own.length === 1) expect(own).toMatchObject([{ device: "webgpu" }]);
          else expect(own).toMatchObject([{ device: "webgpu" }, { device: "wasm", reason: expect.stringMatching(/^WebGPU failed: /u) }]);
        }
      });
    });

    it("but not by default: it would compute on the CPU, and slower", async () => {
      const { outputs, backends } = await runTiny(await openPage(browser, plain.origin), { featuresOnly: true });
      expectGolden(outputs, FEATURES, BOUND, NORMALISED_BOUND);
      for (const backend of backends)
        expect(backend).toMatchObject({ device: "wasm", reason: "the only WebGPU adapter computes on the CPU" });
    });
  });
});
