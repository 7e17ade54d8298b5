/**
 * tiny-vit in a page on every backend, against what transformers computes: WebAssembly with one thread and with two, in a worker and in the
 * page's own thread, and WebGPU on a software adapter.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTensors } from "../../node/test/safetensors-fixture.js";
import type { BackendReport } from "../src/index.js";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

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
  readonly numThreads?: number;
  readonly worker?: boolean;
  /** Only what the towers are for; WebGPU's software adapter takes a minute for the rest. Default false. */
  readonly featuresOnly?: boolean;
  /** Which of the features, then. Default: both. */
  readonly towers?: readonly ("text" | "image")[];
}

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

    it("but not by default: it would compute on the CPU, and slower", async () => {
      const { outputs, backends } = await runTiny(await openPage(browser, plain.origin), { featuresOnly: true });
      expectGolden(outputs, FEATURES, BOUND, NORMALISED_BOUND);
      for (const backend of backends)
        expect(backend).toMatchObject({ device: "wasm", reason: "the only WebGPU adapter computes on the CPU" });
    });
  });
});
