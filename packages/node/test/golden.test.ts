/**
 * The public surface against what transformers computes: every output of tiny-vit, and the demo checkpoint from pictures to logits.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ChineseCLIP,
  ChineseCLIPModel,
  ChineseCLIPProcessor,
  ChineseCLIPTextModel,
  ChineseCLIPVisionModel,
  loadImage,
  type ModelOutput,
  Tensor,
} from "../dist/index.js";
import { maxDifference, readTensors } from "./safetensors-fixture.js";

const TINY = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));
const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));
const PICTURES = new URL("../../../examples/pictures/", import.meta.url);

/** Bounds of the goldens' README: float32 on a CPU. */
const BOUND = 1e-4;
const NORMALISED_BOUND = 1e-5;

describe("tiny-vit", async () => {
  const expected = await readTensors(new URL("../../../fixtures/tiny-vit/expected.safetensors", import.meta.url));
  const text = { inputIds: expected.get("input_ids"), attentionMask: expected.get("attention_mask") };
  const pixelValues = expected.get("pixel_values");
  const pixelValuesLarge = expected.get("pixel_values_large");
  let model: ChineseCLIPModel;
  let output: ModelOutput;

  beforeAll(async () => {
    model = await ChineseCLIPModel.fromPretrained(TINY);
    output = await model.forward({ ...text, pixelValues, returnLoss: true, outputHiddenStates: true, outputAttentions: true });
  });
  afterAll(() => model.dispose());

  const near = (actual: Tensor | undefined, name: string, bound = BOUND): void => {
    expect(actual, name).toBeDefined();
    if (actual !== undefined) expect(maxDifference(actual, expected.get(name)), name).toBeLessThanOrEqual(bound);
  };

  it("features", async () => {
    near(await model.getTextFeatures(text), "text_features");
    near(await model.getImageFeatures({ pixelValues }), "image_features");
  });

  it("embeddings, logits and loss", () => {
    near(output.textEmbeds, "text_embeds", NORMALISED_BOUND);
    near(output.imageEmbeds, "image_embeds", NORMALISED_BOUND);
    near(output.logitsPerImage, "logits_per_image");
    near(output.logitsPerText, "logits_per_text");
    near(output.loss, "loss");
  });

  it("every hidden state and attention of both towers", () => {
    for (const [tower, states] of [
      ["text", output.textModelOutput],
      ["vision", output.visionModelOutput],
    ] as const) {
      near(states.lastHiddenState, `${tower}_last_hidden_state`);
      expect(states.hiddenStates).toHaveLength(4);
      expect(states.attentions).toHaveLength(3);
      for (const [i, state] of (states.hiddenStates ?? []).entries()) near(state, `${tower}_hidden_states.${i}`);
      for (const [i, attention] of (states.attentions ?? []).entries()) near(attention, `${tower}_attentions.${i}`);
    }
    near(output.visionModelOutput.poolerOutput, "vision_pooler_output");
  });

  it("the same states when only they are asked for, without states that nobody asked for", async () => {
    const plain = await model.forward({ ...text, pixelValues });
    near(plain.textModelOutput.lastHiddenState, "text_last_hidden_state");
    near(plain.visionModelOutput.lastHiddenState, "vision_last_hidden_state");
    expect(plain).not.toHaveProperty("loss");
    expect(Object.keys(plain.textModelOutput)).toEqual(["lastHiddenState", "poolerOutput"]);
  });

  it("the text tower alone, with token types", async () => {
    await using tower = await ChineseCLIPTextModel.fromPretrained(TINY);
    const typed = await tower.forward({ ...text, tokenTypeIds: expected.get("token_type_ids"), outputHiddenStates: true });
    near(typed.lastHiddenState, "typed_last_hidden_state");
    expect(typed.poolerOutput.dims).toEqual([4, 48]);
    expect(typed.hiddenStates).toHaveLength(4);
  });

  it("the image tower alone, at another, oblong resolution", async () => {
    await using tower = await ChineseCLIPVisionModel.fromPretrained(TINY);
    near((await tower.forward({ pixelValues: pixelValuesLarge, interpolatePosEncoding: true })).lastHiddenState, "large_last_hidden_state");
    near((await tower.forward({ pixelValues })).poolerOutput, "vision_pooler_output");
    await expect(tower.forward({ pixelValues: pixelValuesLarge })).rejects.toThrow(/interpolatePosEncoding/);
  });

  it("features at another resolution", async () => {
    near(await model.getImageFeatures({ pixelValues: pixelValuesLarge, interpolatePosEncoding: true }), "large_image_features");
  });

  it("a row's features do not depend on the other rows or on padding", async () => {
    const all = (await model.getTextFeatures(text)).data as Float32Array;
    const [rows = 0, length = 0] = text.inputIds.dims;
    for (let row = 0; row < rows; row++) {
      const mask = (text.attentionMask.data as BigInt64Array).slice(row * length, (row + 1) * length);
      const kept = mask.filter((bit) => bit === 1n).length;
      const ids = (text.inputIds.data as BigInt64Array).slice(row * length, row * length + kept);
      const alone = (await model.getTextFeatures({ inputIds: new Tensor("int64", ids, [1, kept]) })).data as Float32Array;
      for (const [i, value] of alone.entries()) expect(Math.abs(value - (all[row * 40 + i] ?? Number.NaN))).toBeLessThan(1e-5);
    }
  });
});

describe("demo checkpoint", async () => {
  const expected = await readTensors(new URL("../../../examples/demo-checkpoint/expected.safetensors", import.meta.url));
  const texts = JSON.parse(expected.metadata["texts"] ?? "") as string[];
  const pictures = (JSON.parse(expected.metadata["pictures"] ?? "") as string[]).map((name) => fileURLToPath(new URL(name, PICTURES)));
  let clip: ChineseCLIP;
  beforeAll(async () => {
    clip = await ChineseCLIP.fromPretrained(DEMO);
  });
  afterAll(() => clip.dispose());

  it("the processor's ids and pixel values", async () => {
    const processor = await ChineseCLIPProcessor.fromPretrained(DEMO);
    const inputs = processor.process({ text: texts, images: await Promise.all(pictures.map((path) => loadImage(path))) });
    expect(inputs.inputIds.data).toEqual(expected.get("input_ids").data);
    expect(inputs.attentionMask.data).toEqual(expected.get("attention_mask").data);
    expect(maxDifference(inputs.pixelValues, expected.get("pixel_values"))).toBeLessThanOrEqual(1e-6);
  });

  it("the embeddings, by the short way", async () => {
    const embedded = await clip.embedText(texts);
    const images = await clip.embedImage(pictures);
    const rows = ({ data, count, dim }: { data: Float32Array; count: number; dim: number }): Tensor =>
      new Tensor("float32", data, [count, dim]);
    expect(maxDifference(rows(embedded), expected.get("text_embeds"))).toBeLessThanOrEqual(NORMALISED_BOUND);
    expect(maxDifference(rows(images), expected.get("image_embeds"))).toBeLessThanOrEqual(NORMALISED_BOUND);
  });

  it("the logits", async () => {
    const inputs = clip.processor.process({ text: texts, images: await Promise.all(pictures.map((path) => loadImage(path))) });
    const { logitsPerImage } = await clip.model.forward(inputs);
    expect(maxDifference(logitsPerImage, expected.get("logits_per_image"))).toBeLessThanOrEqual(BOUND);
  });

  it("classifies the pictures as its README says", async () => {
    const known = JSON.parse(await readFile(new URL("pictures.json", PICTURES), "utf8")) as { file: string; object: string }[];
    const objects = [...new Set(known.map(({ object }) => object))];
    let right = 0;
    for (const { file, object } of known) {
      const [best] = await clip.classify(fileURLToPath(new URL(file, PICTURES)), objects, { template: ["{}", "一个{}"] });
      if (best?.label === object) right++;
    }
    expect(right / known.length).toBeGreaterThan(0.95);
  });
});
