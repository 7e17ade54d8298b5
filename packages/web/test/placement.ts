/**
 * Checks operator placement on WebGPU against ONNX Runtime's own log. Only shape computations and the attention mask may run on the CPU, since
 * their values are known there without waiting for the GPU. Both towers load in the page's main thread and share one ONNX Runtime.
 */
import type { Browser, ConsoleMessage, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowCosines } from "../../node/test/row-cosines.js";
import { readTensors } from "../../node/test/safetensors-fixture.js";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const golden = await readTensors(new URL("../../../fixtures/tiny-vit/expected.safetensors", import.meta.url));
const inputs = {
  inputIds: Array.from(golden.get("input_ids").data as BigInt64Array, Number),
  mask: Array.from(golden.get("attention_mask").data as BigInt64Array, Number),
  textDims: [...golden.get("input_ids").dims],
  pixels: Array.from(golden.get("pixel_values").data as Float32Array),
  imageDims: [...golden.get("pixel_values").dims],
};

/** What may be on the CPU: shapes, and the mask's conversion, whose input is there. */
const ON_CPU = ["Cast", "Concat", "Shape"];
/** Smallest cosine with float32's embeddings: of weights that are random, and so have no room to lose. */
const COSINES = { fp32: 0.999999, fp16: 0.9999, q8: 0.999, q4: 0.97 } as const;

/** The operators by provider, and the copies between a GPU and the CPU, of all sessions that a log tells of. */
function readLog(log: string): { readonly placed: ReadonlyMap<string, readonly string[]>; readonly copies: readonly string[] } {
  const placed = new Map<string, string[]>();
  const copies: string[] = [];
  let provider: string[] = [];
  for (const line of log.split("\n")) {
    const text = /VerifyEachNodeIsAssignedToAnEp\]\s+(?<text>.*)$/u.exec(line)?.groups?.["text"];
    const name = /placed on \[(?<name>\w+)\]/u.exec(text ?? "")?.groups?.["name"];
    const operator = /^(?<operator>\w+) \(/u.exec(text ?? "")?.groups?.["operator"];
    if (name !== undefined) {
      provider = placed.get(name) ?? [];
      placed.set(name, provider);
    } else if (operator !== undefined) provider.push(operator);
    const copy = /AddCopyNode\] Add (?<copy>Memcpy\w+ \w+ \S+)/u.exec(line)?.groups?.["copy"];
    if (copy !== undefined) copies.push(copy);
  }
  return { placed, copies };
}

/** Defines a test for each dtype: no other operator runs on the CPU, nothing is copied back to it, and embeddings agree with the reference. */
export function itStaysOnTheDevice(dtypes: readonly (keyof typeof COSINES)[]): void {
  describe.skipIf(chromiumPath === undefined)("on WebGPU", () => {
    let server: ModelServer;
    let browser: Browser;
    let page: Page;
    let lines: string[] = [];
    beforeAll(async () => {
      [server, browser] = await Promise.all([ModelServer.start(), startBrowser("software")]);
      // One page whose models all live until its end: most shaders, which take SwiftShader long to compile, are then compiled once.
      page = await openPage(browser, server.origin);
      page.on("console", (message: ConsoleMessage) => lines.push(message.text()));
    });
    afterAll(async () => {
      await browser.close();
      await server.stop();
    });

    it.each(dtypes)("%s stays on the device between its nodes", { timeout: 300_000 }, async (dtype) => {
      lines = [];
      const { backends, text, image } = await page.evaluate(
        async ([given, format]) => {
          const devices: string[] = [];
          const model = await lib.ChineseCLIPModel.fromPretrained("/fixtures/tiny-vit", {
            dtype: format,
            device: "webgpu",
            worker: false,
            wasmPaths: "/ort/",
            sessionOptions: { logSeverityLevel: 0 },
            onBackend: ({ device }) => devices.push(device),
          });
          const int64 = (values: number[]): InstanceType<typeof lib.Tensor> =>
            new lib.Tensor("int64", BigInt64Array.from(values, BigInt), given.textDims);
          const pixelValues = new lib.Tensor("float32", Float32Array.from(given.pixels), given.imageDims);
          const [texts, images] = await Promise.all([
            model.getTextFeatures({ inputIds: int64(given.inputIds), attentionMask: int64(given.mask) }),
            model.getImageFeatures({ pixelValues }),
          ]);
          return { backends: devices, text: [...(texts.data as Float32Array)], image: [...(images.data as Float32Array)] };
        },
        [inputs, dtype] as const,
      );
      expect(backends).toEqual(["webgpu", "webgpu"]);

      const { placed, copies } = readLog(lines.join("\n"));
      expect([...placed.keys()].toSorted()).toEqual(["CPUExecutionProvider", "WebGpuExecutionProvider"]);
      expect(placed.get("WebGpuExecutionProvider")?.length).toBeGreaterThan(50);
      expect([...new Set(placed.get("CPUExecutionProvider"))].filter((operator) => !ON_CPU.includes(operator))).toEqual([]);
      expect(copies.filter((copy) => copy.startsWith("MemcpyToHost"))).toEqual([]);
      // What is copied to the GPU are inputs.
      expect(copies.filter((copy) => !/^MemcpyFromHost after (?:input_ids|token_type_ids|Cast_\d+)$/u.test(copy))).toEqual([]);

      for (const [name, actual] of [
        ["text_features", text],
        ["image_features", image],
      ] as const) {
        const expected = golden.get(name);
        const dim = expected.dims.at(-1) ?? 0;
        expect(Math.min(...rowCosines(new Float32Array(actual), expected.data as Float32Array, dim)), name).toBeGreaterThanOrEqual(
          COSINES[dtype],
        );
      }
    });
  });
}
