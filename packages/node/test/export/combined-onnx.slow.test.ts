/**
 * A model that is there as a combined ONNX export only, as transformers.js's users have it: tiny-vit, exported by torch.
 */
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChineseCLIP, ChineseCLIPModel, ChineseCLIPTextModel, ChineseCLIPVisionModel, Tensor } from "../../dist/index.js";
import { maxDifference, readTensors } from "../safetensors-fixture.js";

const FIXTURES = new URL("../../../../fixtures/", import.meta.url);
const SOURCE = fileURLToPath(new URL("tiny-onnx", FIXTURES));
const expected = await readTensors(new URL("tiny-vit/expected.safetensors", FIXTURES));

describe("a combined ONNX export", () => {
  let model: ChineseCLIPModel;
  beforeAll(async () => {
    model = await ChineseCLIPModel.fromPretrained(SOURCE);
  });
  afterAll(() => model.dispose());

  it("gives the features that transformers gives", async () => {
    const inputs = { inputIds: expected.get("input_ids"), attentionMask: expected.get("attention_mask") };
    expect(maxDifference(await model.getTextFeatures(inputs), expected.get("text_features"))).toBeLessThan(1e-4);
    const features = await model.getImageFeatures({ pixelValues: expected.get("pixel_values") });
    expect(maxDifference(features, expected.get("image_features"))).toBeLessThan(1e-4);
  });

  it("has the trained logit scale", () => {
    expect(model.logitScale).toBeCloseTo(Math.exp(3.2), 4);
  });

  it("refuses what it has no inputs or outputs for", async () => {
    const inputIds = expected.get("input_ids");
    const types = (value: bigint): Tensor => new Tensor("int64", new BigInt64Array(inputIds.size).fill(value), inputIds.dims);
    await expect(model.getTextFeatures({ inputIds, tokenTypeIds: types(0n) })).resolves.toBeInstanceOf(Tensor);
    await expect(model.getTextFeatures({ inputIds, tokenTypeIds: types(1n) })).rejects.toThrow(/tokenTypeIds of 0 only/);
    const pixelValues = expected.get("pixel_values");
    await expect(model.forward({ inputIds, pixelValues })).rejects.toMatchObject({ code: "unsupported-graph" });
    await expect(ChineseCLIPTextModel.fromPretrained(SOURCE)).rejects.toMatchObject({ code: "unsupported-graph" });
    await expect(ChineseCLIPVisionModel.fromPretrained(SOURCE)).rejects.toMatchObject({ code: "unsupported-graph" });
  });

  it("embeds as the checkpoint does", async () => {
    await using exported = await ChineseCLIP.fromPretrained(SOURCE);
    await using checkpoint = await ChineseCLIP.fromPretrained(fileURLToPath(new URL("tiny-vit", FIXTURES)));
    const texts = ["一只猫", "两个人在公园里下棋 hello"];
    const picture = fileURLToPath(new URL("images/rgb.png", FIXTURES));
    for (const [a, b] of [
      [await exported.embedText(texts), await checkpoint.embedText(texts)],
      [await exported.embedImage(picture), await checkpoint.embedImage(picture)],
    ] as const) {
      expect(Math.max(...a.data.map((value, i) => Math.abs(value - (b.data[i] ?? Number.NaN))))).toBeLessThan(1e-5);
    }
  });

  it("may lie in the model's folder, under any name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chinese-clip-"));
    try {
      await mkdir(folder, { recursive: true });
      await copyFile(join(SOURCE, "config.json"), join(folder, "config.json"));
      await copyFile(join(SOURCE, "onnx/model.onnx"), join(folder, "both-towers.onnx"));
      for (const source of [folder, join(folder, "both-towers.onnx")]) {
        await using loaded = await ChineseCLIPModel.fromPretrained(source);
        const features = await loaded.getImageFeatures({ pixelValues: expected.get("pixel_values") });
        expect(maxDifference(features, expected.get("image_features"))).toBeLessThan(1e-4);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
