import { readFileSync } from "node:fs";
import { ChineseCLIPConfig } from "@chinese-clip/model";
import { describe, expect, it } from "vitest";
import { countParameters, publishedName } from "../../src/cn-clip/parameter-count.js";

const bert = { vocab_size: 21128 };
const large = { ...bert, hidden_size: 1024, num_hidden_layers: 24, num_attention_heads: 16, intermediate_size: 4096 };
const vit = (patch: number, size: number, width: number, layers: number): object => ({
  patch_size: patch,
  image_size: size,
  hidden_size: width,
  num_hidden_layers: layers,
  num_attention_heads: 16,
  intermediate_size: 4 * width,
});

describe("parameters as cn_clip counts them", () => {
  // The published models' numbers.
  it.each([
    ["ViT-B-16", 512, { ...vit(16, 224, 768, 12), num_attention_heads: 12 }, bert, 86_192_640, 188_262_913],
    ["ViT-L-14", 768, vit(14, 224, 1024, 24), bert, 303_966_208, 406_233_089],
    ["ViT-L-14-336", 768, vit(14, 336, 1024, 24), bert, 304_293_888, 406_560_769],
    ["ViT-H-14", 1024, vit(14, 224, 1280, 32), large, 632_076_800, 957_598_209],
    ["RN50", 1024, { model_type: "chinese_clip_modified_resnet" }, { ...bert, num_hidden_layers: 3 }, 38_316_896, 76_989_537],
  ])("%s", (name, projection, vision, text, visual, total) => {
    const config = ChineseCLIPConfig.fromJSON({ projection_dim: projection, vision_config: vision, text_config: text });
    expect(countParameters(config)).toEqual({ visual, total });
    expect(publishedName(config)).toBe(name);
  });

  it("as many as a checkpoint has values", () => {
    const demo = new URL("../../../../examples/demo-checkpoint/", import.meta.url);
    const bytes = readFileSync(new URL("model.safetensors", demo));
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString()) as Record<string, { shape?: number[] }>;
    const sizes = Object.entries(header).flatMap(([name, { shape }]) =>
      shape === undefined ? [] : [{ name, size: shape.reduce((a, b) => a * b, 1) }],
    );
    const sum = (parts: typeof sizes): number => parts.reduce((total, { size }) => total + size, 0);
    const config = ChineseCLIPConfig.fromJSON(JSON.parse(readFileSync(new URL("config.json", demo), "utf8")));
    expect(countParameters(config)).toEqual({
      total: sum(sizes),
      visual: sum(sizes.filter(({ name }) => name.startsWith("vision_model.") || name.startsWith("visual_projection."))),
    });
    expect(publishedName(config)).toBeUndefined();
  });
});
