/** What goes wrong inside a session, as errors of this project. */
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { copyFile, cp, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ChineseCLIPModel, ChineseCLIPTextModel, convert, convertToTorch, exportWeb, InferenceError, Tensor } from "../../dist/index.js";

const TINY = fileURLToPath(new URL("../../../../fixtures/tiny-vit", import.meta.url));

const inputIds = new Tensor("int64", new BigInt64Array(4).fill(5n), [1, 4]);
const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no rejection", (error: unknown) => error); // prettier-ignore

let folder: string;
let weights: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-session-"));
  await cp(TINY, folder, { recursive: true });
  weights = join(folder, "model.safetensors");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("I18 what ONNX Runtime throws", () => {
  it("is an InferenceError where it rejects the session's options", async () => {
    await using model = await ChineseCLIPTextModel.fromPretrained(TINY, {
      sessionOptions: { graphOptimizationLevel: "none of them" as "all" },
    });
    const error = await rejection(model.forward({ inputIds }));
    expect(error).toBeInstanceOf(InferenceError);
    expect(error).toMatchObject({ code: "load-failed", message: expect.stringContaining("ONNX Runtime") });
  });

  it("is an InferenceError where it cannot run a graph", async () => {
    await using model = await ChineseCLIPTextModel.fromPretrained(TINY);
    const outside = new Tensor("int64", new BigInt64Array(4).fill(1_000_000n), [1, 4]);
    const error = await rejection(model.forward({ inputIds: outside }));
    expect(error).toBeInstanceOf(Error);
    if (error instanceof InferenceError) expect(error.code).toBe("run-failed");
    expect((await model.forward({ inputIds })).lastHiddenState.dims[0]).toBe(1);
  });
});

describe("I6 features that are not finite", () => {
  it("are an error that names the output, not NaN", async () => {
    const header = await readFile(weights);
    const length = Number(header.readBigUInt64LE(0));
    const tensors = JSON.parse(header.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: [number, number] }>;
    const at = tensors["text_model.embeddings.LayerNorm.bias"]?.data_offsets[0] ?? 0;
    const file = await open(weights, "r+");
    await file.write(Buffer.from(new Float32Array([Number.NaN]).buffer), 0, 4, 8 + length + at);
    await file.close();
    await using model = await ChineseCLIPModel.fromPretrained(folder);
    const error = await rejection(model.getTextFeatures({ inputIds }));
    expect(error).toBeInstanceOf(InferenceError);
    expect(error).toMatchObject({ code: "not-finite", details: { output: "text_features" } });
  });
});

describe("I4 a weights file that changes while it is loaded", () => {
  it.each([
    ["truncated", () => truncate(weights, 4096)],
    ["overwritten", () => copyFile(join(TINY, "model.safetensors"), weights)],
  ])("%s: the next call is rejected and the process lives", async (_, change) => {
    await using model = await ChineseCLIPModel.fromPretrained(folder);
    await model.getTextFeatures({ inputIds });
    await change();
    const error = await rejection(model.getTextFeatures({ inputIds }));
    expect(error).toBeInstanceOf(InferenceError);
    expect(error).toMatchObject({ code: "weights-changed", details: { file: expect.stringContaining("model.safetensors") } });
  });

  it.each([
    ["truncated", () => truncate(weights, 4096)],
    ["overwritten in place", async () => writeFile(weights, Buffer.alloc((await stat(weights)).size))],
  ])("%s: a model that has copied its weights answers as before, from both towers", async (_, change) => {
    await using model = await ChineseCLIPModel.fromPretrained(folder, { copyWeights: true });
    const pixelValues = new Tensor(
      "float32",
      Float32Array.from({ length: 3 * 32 * 32 }, (_value, i) => Math.sin(i)),
      [1, 3, 32, 32],
    );
    const all = async (): Promise<unknown> => [
      (await model.getTextFeatures({ inputIds })).data,
      (await model.getImageFeatures({ pixelValues })).data,
    ];
    const before = await all();
    {
      await using mapped = await ChineseCLIPModel.fromPretrained(TINY, {
        sessionOptions: { extra: { session: { disable_prepacking: "0" } } },
      });
      expect(before).toEqual([(await mapped.getTextFeatures({ inputIds })).data, (await mapped.getImageFeatures({ pixelValues })).data]);
    }
    await change();
    expect(await all()).toEqual(before);
  });

  it("written between loading and a tower's first use: rejected, not copied", async () => {
    await using model = await ChineseCLIPModel.fromPretrained(folder, { copyWeights: true });
    await truncate(weights, 4096);
    const error = await rejection(model.getTextFeatures({ inputIds }));
    expect(error).toMatchObject({ name: "InferenceError", code: "weights-changed", details: { file: weights } });
  });

  /** Another model's file of the same size under the same name, as `mv` and a download put it there. */
  function replace(): void {
    const bytes = readFileSync(weights);
    bytes.fill(0, bytes.length - 4096);
    writeFileSync(`${weights}.new`, bytes);
    renameSync(`${weights}.new`, weights);
  }

  it.each([{ copyWeights: true }, { copyWeights: false }, { dtype: "q8" as const, cacheDir: "cache" }])(
    "replaced by one of the same size between loading and a tower's first use: rejected with %o, since the header was the other's",
    async ({ cacheDir, ...options }) => {
      await using model = await ChineseCLIPModel.fromPretrained(folder, {
        ...options,
        ...(cacheDir === undefined ? {} : { cacheDir: join(folder, cacheDir) }),
      });
      replace();
      const error = await rejection(model.getTextFeatures({ inputIds }));
      expect(error).toMatchObject({ name: "InferenceError", code: "weights-changed", details: { file: weights } });
    },
  );

  it.each([
    ["convert", (onProgress: () => void) => convert(folder, join(folder, "out"), { onProgress })],
    ["convertToTorch", (onProgress: () => void) => convertToTorch(folder, join(folder, "out/model.pt"), { onProgress })],
    ["exportWeb", (onProgress: () => void) => exportWeb(folder, join(folder, "out"), { dtypes: ["q8"], onProgress })],
  ])("replaced while %s copies it: rejected, and nothing is written", async (_, run) => {
    let isReplaced = false;
    const error = await rejection(
      run(() => {
        if (!isReplaced) replace();
        isReplaced = true;
      }),
    );
    expect(error).toMatchObject({ name: "InferenceError", code: "weights-changed" });
    expect(isReplaced).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes("out"))).toEqual([]);
  });

  it("deleted: the mapping stays", async () => {
    await using model = await ChineseCLIPModel.fromPretrained(folder);
    const before = await model.getTextFeatures({ inputIds });
    await rm(weights);
    expect((await model.getTextFeatures({ inputIds })).data).toEqual(before.data);
  });
});
