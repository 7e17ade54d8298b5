import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError, ChineseCLIPConfig, ChineseCLIPTextConfig, ChineseCLIPVisionConfig } from "../src/index.js";
import { fixtureJson } from "./fixtures.js";

describe("ChineseCLIPConfig.fromJSON", () => {
  it("gives missing and null keys the defaults of transformers", () => {
    const config = ChineseCLIPConfig.fromJSON({ model_type: "chinese_clip", vision_config: { patch_size: 16, hidden_size: null } });
    expect(config.projectionDim).toBe(512);
    expect(config.logitScaleInitValue).toBe(2.6592);
    expect(config.textConfig).toMatchObject({
      vocabSize: 30522,
      hiddenSize: 768,
      numHiddenLayers: 12,
      numAttentionHeads: 12,
      intermediateSize: 3072,
      hiddenAct: "gelu",
      maxPositionEmbeddings: 512,
      typeVocabSize: 2,
      layerNormEps: 1e-12,
    });
    expect(config.visionConfig).toMatchObject({
      hiddenSize: 768,
      numHiddenLayers: 12,
      numAttentionHeads: 12,
      intermediateSize: 3072,
      hiddenAct: "quick_gelu",
      numChannels: 3,
      imageSize: 224,
      patchSize: 16,
      layerNormEps: 1e-5,
      gridSize: 14,
    });
    expect(ChineseCLIPVisionConfig.fromJSON({}).patchSize).toBe(32);
  });

  it("lets the old text_config_dict win over text_config, as transformers does", () => {
    const config = ChineseCLIPConfig.fromJSON({
      model_type: "chinese_clip",
      text_config: { vocab_size: 5, hidden_size: 24 },
      text_config_dict: { vocab_size: 7 },
      vision_config_dict: null,
    });
    expect(config.textConfig).toMatchObject({ vocabSize: 7, hiddenSize: 24 });
  });

  it("reads a tower's own file as well as a whole model's", async () => {
    const json = await fixtureJson("tiny-vit/config.json");
    expect(ChineseCLIPTextConfig.fromJSON(json).hiddenSize).toBe(48);
    expect(ChineseCLIPTextConfig.fromJSON((json as { text_config: unknown }).text_config).hiddenSize).toBe(48);
    expect(ChineseCLIPVisionConfig.fromJSON((json as { vision_config: unknown }).vision_config).hiddenSize).toBe(64);
  });

  it("keeps keys it does not use, and reads what it wrote", async () => {
    const json = await fixtureJson("tiny-vit/config.json");
    const config = ChineseCLIPConfig.fromJSON(json);
    expect(config.toJSON()).toEqual(json);
    expect(ChineseCLIPConfig.fromJSON(config.toJSON())).toEqual(config);
  });

  it.each([
    [{ model_type: "clip", text_config: {}, vision_config: {} }, "config.json.model_type"],
    [{ projection_dim: 4 }, "config.json.model_type"],
    [{ model_type: "chinese_clip", projection_dim: 0 }, "config.json.projection_dim"],
    [{ model_type: "chinese_clip", projection_dim: "512" }, "config.json.projection_dim"],
    [{ model_type: "chinese_clip", text_config: [] }, "text_config"],
    [{ model_type: "chinese_clip", text_config: { hidden_size: 768, num_attention_heads: 7 } }, "text_config.num_attention_heads"],
    [{ model_type: "chinese_clip", text_config: { num_hidden_layers: 1e9 } }, "text_config.num_hidden_layers"],
    [{ model_type: "chinese_clip", text_config: { hidden_act: "swish" } }, "text_config.hidden_act"],
    [{ model_type: "chinese_clip", text_config: { position_embedding_type: "relative_key" } }, "text_config.position_embedding_type"],
    [{ model_type: "chinese_clip", vision_config: { patch_size: 225 } }, "vision_config.patch_size"],
    [{ model_type: "chinese_clip", vision_config: { image_size: [224, 224] } }, "vision_config.image_size"],
    [{ model_type: "chinese_clip", vision_config: { layer_norm_eps: Number.NaN } }, "vision_config.layer_norm_eps"],
    [null, "config.json"],
    [[], "config.json"],
  ])("refuses %j, naming the key", (json, key) => {
    const read = (): unknown => ChineseCLIPConfig.fromJSON(json);
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(expect.objectContaining({ code: "invalid-config", details: expect.objectContaining({ key }) }));
  });

  it("reads any JSON or refuses it with its own error", async () => {
    const tiny = JSON.stringify(await fixtureJson("tiny-vit/config.json"));
    const mutated = fc
      .tuple(fc.nat(tiny.length - 1), fc.nat(12), fc.constantFrom("", "0", "-1", "1e99", "null", "[]", "{}", '"', ",", "9", ".5", "true"))
      .map(([at, cut, text]) => tiny.slice(0, at) + text + tiny.slice(at + cut));
    const check = (json: unknown): void => {
      try {
        expect(ChineseCLIPConfig.fromJSON(json)).toBeInstanceOf(ChineseCLIPConfig);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    };
    fc.assert(fc.property(fc.jsonValue(), check), { numRuns: 500 });
    fc.assert(
      fc.property(mutated, (text) => {
        let json: unknown;
        try {
          json = JSON.parse(text);
        } catch {
          return;
        }
        check(json);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("A15 activations", () => {
  it.each([
    ["gelu_python", "gelu"],
    ["gelu_fast", "gelu_new"],
    ["gelu_accurate", "gelu_new"],
    ["gelu_pytorch_tanh", "gelu_new"],
    ["gelu_python_tanh", "gelu_new"],
  ])("%s is %s, and stays what it was called", (name, activation) => {
    for (const tower of [ChineseCLIPTextConfig, ChineseCLIPVisionConfig]) {
      const config = tower.fromJSON({ hidden_act: name });
      expect([config.hiddenAct, config.toJSON()["hidden_act"]]).toEqual([activation, name]);
    }
  });

  it.each(["gelu_10", "silu", "toString"])("%s is rejected", (name) => {
    expect(() => ChineseCLIPTextConfig.fromJSON({ hidden_act: name })).toThrow(/hidden_act: expected one of gelu, /);
  });
});
