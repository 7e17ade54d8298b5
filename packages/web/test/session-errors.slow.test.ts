/** What goes wrong inside a session, as errors of this project: in a worker, and in the page's own thread. */
import { cp, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, ModelServer, startBrowser } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const TINY = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));

/** tiny-vit with one weight of the text tower that is not a number. */
async function writeNotFinite(folder: string): Promise<void> {
  await cp(TINY, folder, { recursive: true });
  const weights = join(folder, "model.safetensors");
  const bytes = await readFile(weights);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, { data_offsets: [number, number] }>;
  const at = header["text_model.embeddings.LayerNorm.bias"]?.data_offsets[0] ?? 0;
  const file = await open(weights, "r+");
  await file.write(Buffer.from(new Float32Array([Number.NaN]).buffer), 0, 4, 8 + length + at);
  await file.close();
}

describe.skipIf(chromiumPath === undefined).each([true, false])("with worker: %s", (worker) => {
  let folder: string;
  let server: ModelServer;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "chinese-clip-not-finite-"));
    await writeNotFinite(folder);
    [server, browser] = await Promise.all([ModelServer.start({ folders: { "/not-finite/": folder } }), startBrowser()]);
    page = await openPage(browser, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("I18 what ONNX Runtime rejects is an InferenceError with its message and cause, and the next model loads", async () => {
    const found = await page.evaluate(async (inWorker) => {
      const options = { wasmPaths: "/ort/", device: "wasm", worker: inWorker } as const;
      const inputIds = new lib.Tensor("int64", new BigInt64Array(4).fill(5n), [1, 4]);
      const shown = (error: unknown): unknown => {
        const { code, message, cause } = error as { code?: string; message: string; cause?: unknown };
        return { isOwn: error instanceof lib.InferenceError, code, message, hasCause: cause !== undefined };
      };
      const wrong = await lib.ChineseCLIPTextModel.fromPretrained("/fixtures/tiny-vit", {
        ...options,
        sessionOptions: { graphOptimizationLevel: "none of them" as "all" },
      });
      const load = await wrong.forward({ inputIds }).then(() => "no rejection", shown);
      await wrong.dispose();
      const model = await lib.ChineseCLIPTextModel.fromPretrained("/fixtures/tiny-vit", options);
      const { dims } = (await model.forward({ inputIds })).lastHiddenState;
      await model.dispose();
      return { load, rows: dims[0] };
    }, worker);
    expect(found.load).toMatchObject({
      isOwn: true,
      code: "load-failed",
      message: expect.stringContaining("ONNX Runtime"),
      hasCause: true,
    });
    expect(found.rows).toBe(1);
  });

  it("I6 features that are not finite are an error that names the output", async () => {
    const found = await page.evaluate(async (inWorker) => {
      const model = await lib.ChineseCLIPModel.fromPretrained("/not-finite", { wasmPaths: "/ort/", device: "wasm", worker: inWorker });
      const inputIds = new lib.Tensor("int64", new BigInt64Array(4).fill(5n), [1, 4]);
      const pixelValues = new lib.Tensor("float32", new Float32Array(3 * 32 * 32), [1, 3, 32, 32]);
      const errors: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        await model.getTextFeatures({ inputIds }).catch((error: unknown) => {
          const { code, details } = error as { code: string; details: unknown };
          errors.push({ isOwn: error instanceof lib.InferenceError, code, details });
        });
      }
      const image = await model.getImageFeatures({ pixelValues }).then(
        () => "features",
        ({ message }: Error) => message,
      );
      await model.dispose();
      return { errors, image };
    }, worker);
    const error = { isOwn: true, code: "not-finite", details: { output: "text_features" } };
    expect(found).toEqual({ errors: [error, error], image: "features" });
  });

  it("I18 every call after dispose rejects with a WorkerError", async () => {
    const found = await page.evaluate(async (inWorker) => {
      const clip = await lib.ChineseCLIP.fromPretrained("/demo/", { wasmPaths: "/ort/", device: "wasm", worker: inWorker });
      const shown = (error: unknown): string => `${error instanceof lib.WorkerError} ${(error as { code?: string }).code}`;
      await clip.embedText("猫");
      await clip.dispose();
      const calls = [
        () => clip.embedText("猫"),
        () => clip.embedImage("/pictures/01.png"),
        () => clip.classify("/pictures/01.png", ["猫", "狗"]),
        () => clip.embedImage(new ImageData(8, 8)),
      ];
      const after: string[] = [];
      for (const call of calls) after.push(await call().then(() => "no rejection", shown));
      for await (const result of clip.embedImages(["/pictures/01.png"]))
        after.push("error" in result ? shown(result.error) : "an embedding");
      return after;
    }, worker);
    expect(found).toEqual(Array.from({ length: 5 }, () => "true disposed"));
  });
});
