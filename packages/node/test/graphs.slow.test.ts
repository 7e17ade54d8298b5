/**
 * The graphs, run by ONNX Runtime, against the plainest code for the same equations: activations, head sizes, resolutions and masks that
 * no golden has.
 */
import { rm } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ChineseCLIPModel, Tensor } from "../dist/index.js";
import { type TestConfig, writeRandomModel } from "./random-model.js";
import { imageFeature, textFeature } from "./reference-forward.js";

const CASES: {
  name: string;
  text: Record<string, number | string>;
  vision: Record<string, number | string>;
  image?: [number, number];
  innerBias?: number;
}[] = [
  { name: "gelu and quick_gelu", text: { hidden_act: "gelu" }, vision: { hidden_act: "quick_gelu" } },
  { name: "quick_gelu and gelu, head sizes 5 and 3", text: { hidden_act: "quick_gelu", hidden_size: 15, num_attention_heads: 3 }, vision: { hidden_act: "gelu", hidden_size: 12, num_attention_heads: 4 } }, // prettier-ignore
  { name: "gelu_new, one head, one layer", text: { hidden_act: "gelu_new", num_attention_heads: 1, num_hidden_layers: 1 }, vision: { hidden_act: "gelu_new", num_attention_heads: 1, num_hidden_layers: 1 } }, // prettier-ignore
  { name: "relu, head size 1, an oblong image", text: { hidden_act: "relu", num_attention_heads: 24 }, vision: { hidden_act: "relu", num_attention_heads: 16 }, image: [20, 12] }, // prettier-ignore
  { name: "relu that lets nothing through", text: { hidden_act: "relu" }, vision: { hidden_act: "relu" }, innerBias: -100 },
  { name: "large epsilons, one channel, a wide image", text: { layer_norm_eps: 0.1 }, vision: { layer_norm_eps: 0.2, num_channels: 1 }, image: [4, 40] }, // prettier-ignore
  { name: "a size that is no multiple of the patch, of a grid of one", text: { type_vocab_size: 1 }, vision: { image_size: 7 }, image: [9, 11] }, // prettier-ignore
];

describe.each(CASES)("$name", ({ text, vision, image, innerBias }) => {
  const config: TestConfig = {
    projection_dim: 10,
    text_config: { vocab_size: 20, hidden_size: 24, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 30, hidden_act: "gelu", layer_norm_eps: 1e-12, max_position_embeddings: 9, type_vocab_size: 2, ...text }, // prettier-ignore
    vision_config: { hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 40, hidden_act: "quick_gelu", layer_norm_eps: 1e-5, num_channels: 3, image_size: 12, patch_size: 4, ...vision }, // prettier-ignore
  };
  const near = (actual: Tensor, expected: number[][]): void => {
    const wanted = expected.flat();
    expect(actual.dims).toEqual([expected.length, 10]);
    for (const [i, value] of (actual.data as Float32Array).entries())
      expect(Math.abs(value - (wanted[i] ?? Number.NaN))).toBeLessThan(2e-5);
  };

  const alike = (actual: Tensor, expected: number[][]): void => {
    for (const [row, wanted] of expected.entries()) {
      const found = [...(actual.data as Float32Array).subarray(10 * row, 10 * (row + 1))];
      const product = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
      expect(product(found, wanted) / Math.sqrt(product(found, found) * product(wanted, wanted))).toBeGreaterThan(0.999);
    }
  };

  it.each([
    ["equals the reference", "fp32", near],
    ["in q8 points where the reference does", "q8", alike],
  ] as const)("%s", async (_, dtype, check) => {
    const { folder, parameters } = await writeRandomModel(config, 7, innerBias);
    const model = await ChineseCLIPModel.fromPretrained(folder, { dtype, cacheDir: folder });
    try {
      const ids = [
        [3, 19, 4, 0, 7, 2, 1, 5, 6],
        [9, 8, 2, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1, 1, 1, 1],
      ];
      const mask = [ids[0]!.map(() => true), ids[1]!.map((id) => id !== 0), ids[2]!.map(() => false)]; // the last one: all hidden
      const types = ids.map((row) => row.map((_, i) => (config.text_config["type_vocab_size"] === 1 ? 0 : i % 2)));
      const tensor = (rows: (number | boolean)[][]): Tensor =>
        new Tensor(
          "int64",
          BigInt64Array.from(rows.flat(), (value) => BigInt(value)),
          [rows.length, rows[0]!.length],
        );
      const textConfig = config.text_config as never;
      check(
        await model.getTextFeatures({ inputIds: tensor(ids), attentionMask: tensor(mask), tokenTypeIds: tensor(types) }),
        ids.map((row, i) => textFeature(parameters, textConfig, row, types[i]!, mask[i]!)),
      );

      const size = config.vision_config["image_size"] as number;
      const [height, width] = image ?? [size, size];
      const channels = config.vision_config["num_channels"] as number;
      const values = Float32Array.from({ length: 2 * channels * height * width }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i * 0.013));
      const planes = (index: number): number[][][] =>
        Array.from({ length: channels }, (_, c) =>
          Array.from({ length: height }, (_, y) => [
            ...values.subarray(((index * channels + c) * height + y) * width, ((index * channels + c) * height + y + 1) * width),
          ]),
        );
      const pixelValues = new Tensor("float32", values, [2, channels, height, width]);
      check(
        await model.getImageFeatures({ pixelValues, interpolatePosEncoding: image !== undefined }),
        [0, 1].map((index) => imageFeature(parameters, config.vision_config as never, planes(index))),
      );
    } finally {
      await model.dispose();
      await rm(folder, { recursive: true });
    }
  });
});
