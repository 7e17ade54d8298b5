import { describe, expect, it } from "vitest";
import {
  buildTextGraph,
  buildVisionGraph,
  Checkpoint,
  CheckpointError,
  ChineseCLIPConfig,
  encodeGraph,
  type StoredTensor,
  type TowerGraph,
  type TowerOutputs,
} from "../src/index.js";
import { planTower } from "../src/quantize.js";
import { fixtureJson, tinyCheckpoint } from "./fixtures.js";
import { messages, readFields, strings } from "./protobuf-reader.js";

const FEATURES = { kind: "features" } as const;
const STATES = { kind: "states", hiddenStates: true, attentions: true } as const;

const config = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-vit/config.json"));
const checkpoint = await tinyCheckpoint();

async function parts(graphToEncode: TowerGraph): Promise<{
  operators: string[];
  weights: { name: string; location: string; offset: number; length: number }[];
  inlineBytes: number;
}> {
  const graph = messages(readFields((await encodeGraph(graphToEncode)).model), 7)[0]!;
  const initializers = messages(graph, 5);
  return {
    operators: messages(graph, 1).map((node) => strings(node, 4)[0]!),
    weights: initializers
      .filter((tensor) => tensor.has(13))
      .map((tensor) => {
        const [location = "", offset, length] = messages(tensor, 13).map((entry) => strings(entry, 2)[0]);
        return { name: strings(tensor, 8)[0]!, location, offset: Number(offset), length: Number(length) };
      }),
    inlineBytes: initializers.reduce((sum, tensor) => sum + ((tensor.get(9)?.[0] as Uint8Array | undefined)?.length ?? 0), 0),
  };
}

describe("buildTextGraph and buildVisionGraph", () => {
  it("refer to the weights where they lie, and hold none themselves", async () => {
    const text = await buildTextGraph(config.textConfig, checkpoint, FEATURES, config.projectionDim);
    const vision = await buildVisionGraph(config.visionConfig, checkpoint, FEATURES, config.projectionDim);
    for (const [graph, tower] of [
      [text, /^text_/],
      [vision, /^vis(ion|ual)_/],
    ] as const) {
      const { weights, inlineBytes } = await parts(graph);
      expect(graph.files).toEqual(["model.safetensors"]);
      expect(inlineBytes).toBeLessThan(400); // shapes and indices
      for (const { name, location, offset, length } of weights) {
        expect(name).toMatch(tower);
        expect(checkpoint.tensors.get(name)).toMatchObject({ file: location, byteOffset: offset, byteLength: length });
      }
    }
    const used = new Set([...(await parts(text)).weights, ...(await parts(vision)).weights].map(({ name }) => name));
    expect([...checkpoint.tensors.keys()].filter((name) => !used.has(name))).toEqual(["logit_scale"]);
  });

  it("compute the last block for the class token only, unless states are asked for", async () => {
    for (const build of [buildTextGraph.bind(undefined, config.textConfig), buildVisionGraph.bind(undefined, config.visionConfig)]) {
      const gathers = async (outputs: TowerOutputs): Promise<number> => {
        const operators = (await build(checkpoint, outputs, config.projectionDim)).nodes.map(({ opType }) => opType);
        const layers = operators.slice(operators.indexOf("LayerNormalization"), operators.lastIndexOf("Attention"));
        return layers.filter((operator) => operator === "Gather").length;
      };
      expect(await gathers(FEATURES)).toBe(1);
      expect(await gathers({ ...STATES, hiddenStates: false, attentions: false })).toBe(0);
    }
  });

  it("name their inputs and outputs", async () => {
    const text = await buildTextGraph(config.textConfig, checkpoint, STATES, config.projectionDim);
    expect(text.inputs).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
    expect(text.outputs.toSorted()).toEqual(
      [
        ...[0, 1, 2, 3].map((i) => `hidden_states.${i}`),
        ...[0, 1, 2].map((i) => `attentions.${i}`),
        "last_hidden_state",
        "pooler_output",
        "text_features",
      ].toSorted(),
    );
    expect(await buildVisionGraph(config.visionConfig, checkpoint, FEATURES, 40, true)).toMatchObject({
      inputs: ["pixel_values"],
      outputs: ["image_features"],
    });
  });

  it("use BERT's pooler where a checkpoint has one", async () => {
    const reference = (shape: readonly number[]): StoredTensor => ({
      dtype: "F32",
      shape,
      file: "model.safetensors",
      byteOffset: 0,
      byteLength: 4,
      transposed: false,
    });
    const pooled = new Checkpoint(
      new Map([
        ...checkpoint.tensors,
        ["text_model.pooler.dense.weight", reference([48, 48])],
        ["text_model.pooler.dense.bias", reference([48])],
      ]),
      [],
    );
    const without = (await parts(await buildTextGraph(config.textConfig, checkpoint, STATES, undefined))).operators;
    expect(without).not.toContain("Tanh");
    expect((await parts(await buildTextGraph(config.textConfig, pooled, STATES, undefined))).operators).toContain("Tanh");
  });

  it.each([
    ["gelu", "Gelu"],
    ["quick_gelu", "QuickGelu"],
    ["gelu_new", "FastGelu"],
    ["relu", "Relu"],
  ])("apply hidden_act %s as %s", async (hiddenAct, operator) => {
    const json = config.toJSON();
    const changed = ChineseCLIPConfig.fromJSON({ ...json, text_config: { ...(json["text_config"] as object), hidden_act: hiddenAct } });
    const { operators } = await parts(await buildTextGraph(changed.textConfig, checkpoint, FEATURES, 40));
    expect(operators.filter((op) => op === operator)).toHaveLength(3);
  });

  it("name a tensor that is missing or has another shape", async () => {
    const json = config.toJSON();
    const deeper = ChineseCLIPConfig.fromJSON({ ...json, text_config: { ...(json["text_config"] as object), num_hidden_layers: 4 } });
    await expect(buildTextGraph(deeper.textConfig, checkpoint, FEATURES, 40)).rejects.toThrow(
      expect.objectContaining({
        name: "CheckpointError",
        code: "missing-tensor",
        details: { tensor: "text_model.encoder.layer.3.attention.self.query.weight", expected: [48, 48] },
      }),
    );
    for (const [tower, layers] of [
      ["text", "text_model.encoder.layer"],
      ["vision", "vision_model.encoder.layers"],
    ] as const) {
      const part = json[`${tower}_config`] as { readonly num_hidden_layers: number };
      const { num_hidden_layers: expected } = part;
      const shallow = ChineseCLIPConfig.fromJSON({ ...json, [`${tower}_config`]: { ...part, num_hidden_layers: expected - 1 } });
      const build =
        tower === "text"
          ? buildTextGraph(shallow.textConfig, checkpoint, FEATURES, 40)
          : buildVisionGraph(shallow.visionConfig, checkpoint, FEATURES, 40);
      await expect(build, "fewer layers than the weights have").rejects.toThrow(
        expect.objectContaining({
          code: "invalid-config",
          details: { key: "num_hidden_layers", expected, actual: expected - 1 },
          message: expect.stringContaining(`as many layers as ${layers} has in the weights`),
        }),
      );
    }
    const larger = ChineseCLIPConfig.fromJSON({ ...json, text_config: { ...(json["text_config"] as object), vocab_size: 300 } });
    await expect(buildTextGraph(larger.textConfig, checkpoint, FEATURES, 40)).rejects.toThrow(CheckpointError);
    await expect(buildTextGraph(larger.textConfig, checkpoint, FEATURES, 40)).rejects.toThrow(
      /word_embeddings\.weight: expected shape \[300,48\] by the configuration, got \[231,48\]/,
    );
    await expect(buildVisionGraph(config.visionConfig, checkpoint, FEATURES, 41)).rejects.toThrow(
      /visual_projection\.weight: expected shape \[41,64\]/,
    );
  });
});

describe("graphs of weights in int8", () => {
  it.each(["text", "vision"] as const)("the %s tower: key biases are left out, zero points are made once for all tokens", async (tower) => {
    const file = planTower(checkpoint, tower, "q8", `${tower}.safetensors`);
    const build = (source: Checkpoint): TowerGraph | Promise<TowerGraph> =>
      tower === "text"
        ? buildTextGraph(config.textConfig, source, FEATURES, config.projectionDim)
        : buildVisionGraph(config.visionConfig, source, FEATURES, config.projectionDim);
    const [exact, quantized] = [await build(checkpoint), await build(file.checkpoint)];
    const biases = async (graph: TowerGraph, pattern: RegExp): Promise<number> =>
      (await parts(graph)).weights.filter(({ name }) => pattern.test(name)).length;
    const layers = await biases(exact, /k(ey|_proj)\.bias$/u);
    expect(layers).toBeGreaterThan(1);
    expect(await biases(quantized, /k(ey|_proj)\.bias$/u)).toBe(0);
    expect(await biases(quantized, /q(uery|_proj)\.bias$/u)).toBe(layers);
    expect(await biases(quantized, /v(alue|_proj)\.bias$/u)).toBe(layers);

    const { operators } = await parts(quantized);
    const count = (operator: string): number => operators.filter((name) => name === operator).length;
    // Four inputs of linear layers in a layer, and in the last one a fifth: the query's is the class token's alone.
    expect(count("QuantizeLinear")).toBe(4 * layers + 1);
    // Around the middle and, after an activation, near the end, for all tokens and for the class token alone; the image tower makes the latter's row of the batch.
    expect(count("Expand")).toBe(tower === "text" ? 4 : 5);
    // An activation has no magnitude to look for below zero.
    expect(count("Abs")).toBe(3 * layers + 1);
    const opset = async (graph: TowerGraph): Promise<unknown> => messages(readFields((await encodeGraph(graph)).model), 8)[0]?.get(2)?.[0];
    expect([await opset(exact), await opset(quantized)]).toEqual([18n, 21n]);
  });
});
