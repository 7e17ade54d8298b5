import { describe, expect, it } from "vitest";
import {
  buildTextGraph,
  buildVisionGraph,
  Checkpoint,
  CheckpointError,
  ChineseCLIPConfig,
  ModifiedResNetConfig,
  type StoredTensor,
} from "../src/index.js";
import { parseCnClipConfig } from "../src/config/cn-clip-config.js";
import { inferConfig } from "../src/config/infer-config.js";
import { fixtureJson } from "./fixtures.js";

/** A checkpoint that has every tensor that a model of this configuration asks for. */
async function checkpointOf(config: ChineseCLIPConfig): Promise<Checkpoint> {
  const tensors = new Map<string, StoredTensor>();
  class Recorder extends Checkpoint {
    override tensor(name: string, shape: readonly number[]): StoredTensor {
      const stored = { dtype: "F32", shape, file: "weights", byteOffset: 0, byteLength: 0, transposed: false } as const;
      tensors.set(name, stored);
      return stored;
    }
  }
  const recorder = new Recorder(new Map(), []);
  await buildTextGraph(config.textConfig, recorder, { kind: "features" }, config.projectionDim);
  await buildVisionGraph(config.visionConfig, recorder, { kind: "features" }, config.projectionDim);
  return new Checkpoint(tensors, []);
}

const TEXT = { vocab_size: 21128 };
const LARGE_TEXT = { ...TEXT, hidden_size: 1024, num_hidden_layers: 24, num_attention_heads: 16, intermediate_size: 4096 };
const vision = (
  hidden_size: number,
  num_hidden_layers: number,
  num_attention_heads: number,
  patch_size: number,
  image_size = 224,
): object => ({
  hidden_size,
  num_hidden_layers,
  num_attention_heads,
  intermediate_size: 4 * hidden_size,
  patch_size,
  image_size,
});

describe("inferConfig", () => {
  it.each([
    ["ViT-B-16", 512, TEXT, vision(768, 12, 12, 16)],
    ["ViT-L-14", 768, TEXT, vision(1024, 24, 16, 14)],
    ["ViT-L-14-336", 768, TEXT, vision(1024, 24, 16, 14, 336)],
    ["ViT-H-14", 1024, LARGE_TEXT, vision(1280, 32, 16, 14)],
    ["RN50", 1024, { ...TEXT, num_hidden_layers: 3 }, { model_type: "chinese_clip_modified_resnet" }],
  ])("reads %s off its shapes", async (_, projection_dim, text_config, vision_config) => {
    const config = ChineseCLIPConfig.fromJSON({ model_type: "chinese_clip", projection_dim, text_config, vision_config });
    expect(inferConfig(await checkpointOf(config))).toEqual(config);
  });

  it("names the tensor that it misses, and the width that tells no number of heads", async () => {
    expect(() => inferConfig(new Checkpoint(new Map(), []))).toThrow(
      expect.objectContaining({ code: "missing-tensor", details: { tensor: "text_model.embeddings.word_embeddings.weight" } }),
    );
    const odd = ChineseCLIPConfig.fromJSON({
      model_type: "chinese_clip",
      text_config: { hidden_size: 48, num_attention_heads: 4 },
      vision_config: {},
    });
    const oddCheckpoint = await checkpointOf(odd);
    expect(() => inferConfig(oddCheckpoint)).toThrow(/config\.json for a width of 48/);
  });
});

describe("parseCnClipConfig", () => {
  it("reads a vision transformer's files, with its width of a head", async () => {
    const config = parseCnClipConfig(
      await fixtureJson("tiny-ofa-vit/text_model_config.json"),
      await fixtureJson("tiny-ofa-vit/vision_model_config.json"),
    );
    const expected = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-vit/config.json"));
    expect(config.textConfig).toEqual(expected.textConfig);
    expect(config.visionConfig).toEqual(expected.visionConfig);
    expect(config.projectionDim).toBe(40);
  });

  it("reads a ResNet's, whose stages are Python text, and writes what it can read again", async () => {
    const config = parseCnClipConfig(
      await fixtureJson("tiny-rn50/text_model_config.json"),
      await fixtureJson("tiny-rn50/vision_model_config.json"),
    );
    expect(config.visionConfig).toMatchObject({
      kind: "modifiedResNet",
      layers: [1, 2, 1, 1],
      width: 8,
      numAttentionHeads: 4,
      imageSize: 64,
      gridSize: 2,
    });
    expect(ChineseCLIPConfig.fromJSON(config.toJSON())).toEqual(config);
    expect(ModifiedResNetConfig.fromJSON(config.toJSON())).toEqual(config.visionConfig);
  });

  it.each([
    [{ vision_layers: "[1, 2" }, "vision_config.num_hidden_layers"],
    [{ vision_layers: [1, 2, 3] }, "vision_config.layers"],
    [{ vision_layers: [1, 2, 3, 4], image_resolution: 100 }, "vision_config.image_size"],
    [{ vision_patch_size: null }, "vision_patch_size"],
    [{ embed_dim: "wide" }, "config.json.projection_dim"],
  ])("refuses %j, naming the key", async (change, key) => {
    const text = await fixtureJson("tiny-ofa-vit/text_model_config.json");
    const changed = { ...((await fixtureJson("tiny-ofa-vit/vision_model_config.json")) as object), ...change };
    expect(() => parseCnClipConfig(text, changed)).toThrow(
      expect.objectContaining({ name: "CheckpointError", code: "invalid-config", details: expect.objectContaining({ key }) }),
    );
    expect(() => parseCnClipConfig([], changed)).toThrow(CheckpointError);
  });
});
