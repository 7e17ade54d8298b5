import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Parameters } from "./reference-forward.js";

export interface TestConfig {
  readonly projection_dim: number;
  readonly text_config: Record<string, number | string>;
  readonly vision_config: Record<string, number | string>;
}

/**
 * A folder with a model of this configuration, seeded random weights, and the weights themselves.
 *
 * @param innerBias - the mean of the biases before an activation.
 */
export async function writeRandomModel(
  config: TestConfig,
  seed: number,
  innerBias = 0,
): Promise<{ folder: string; parameters: Parameters }> {
  const parameters = new Map<string, { shape: number[]; data: Float32Array }>();
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const put = (name: string, shape: number[], scale: number, mean = 0): void => {
    const size = shape.reduce((a, b) => a * b, 1);
    parameters.set(name, { shape, data: Float32Array.from({ length: size }, () => mean + scale * random()) });
  };
  const dense = (name: string, inputs: number, outputs: number, biasMean = 0): void => {
    put(`${name}.weight`, [outputs, inputs], 1.5 / Math.sqrt(inputs));
    put(`${name}.bias`, [outputs], 0.3, biasMean);
  };
  const norm = (name: string, size: number): void => {
    put(`${name}.weight`, [size], 0.3, 1);
    put(`${name}.bias`, [size], 0.2);
  };
  const t = config.text_config as Record<string, number>;
  const v = config.vision_config as Record<string, number>;
  const [D, W] = [t["hidden_size"]!, v["hidden_size"]!];

  put("text_model.embeddings.word_embeddings.weight", [t["vocab_size"]!, D], 1);
  put("text_model.embeddings.position_embeddings.weight", [t["max_position_embeddings"]!, D], 1);
  put("text_model.embeddings.token_type_embeddings.weight", [t["type_vocab_size"]!, D], 1);
  norm("text_model.embeddings.LayerNorm", D);
  for (let i = 0; i < t["num_hidden_layers"]!; i++) {
    const layer = `text_model.encoder.layer.${i}`;
    for (const name of ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"])
      dense(`${layer}.${name}`, D, D);
    norm(`${layer}.attention.output.LayerNorm`, D);
    dense(`${layer}.intermediate.dense`, D, t["intermediate_size"]!, innerBias);
    dense(`${layer}.output.dense`, t["intermediate_size"]!, D);
    norm(`${layer}.output.LayerNorm`, D);
  }
  put("text_projection.weight", [config.projection_dim, D], 1 / Math.sqrt(D));

  const [C, P, G] = [v["num_channels"]!, v["patch_size"]!, Math.floor(v["image_size"]! / v["patch_size"]!)];
  put("vision_model.embeddings.class_embedding", [W], 1);
  put("vision_model.embeddings.patch_embedding.weight", [W, C, P, P], 1 / P);
  put("vision_model.embeddings.position_embedding.weight", [G * G + 1, W], 1);
  norm("vision_model.pre_layrnorm", W);
  for (let i = 0; i < v["num_hidden_layers"]!; i++) {
    const layer = `vision_model.encoder.layers.${i}`;
    norm(`${layer}.layer_norm1`, W);
    for (const name of ["q", "k", "v"]) dense(`${layer}.self_attn.${name}_proj`, W, W);
    dense(`${layer}.self_attn.out_proj`, W, W);
    norm(`${layer}.layer_norm2`, W);
    dense(`${layer}.mlp.fc1`, W, v["intermediate_size"]!, innerBias);
    dense(`${layer}.mlp.fc2`, v["intermediate_size"]!, W);
  }
  norm("vision_model.post_layernorm", W);
  put("visual_projection.weight", [config.projection_dim, W], 1 / Math.sqrt(W));
  put("logit_scale", [], 0, 3);

  const folder = await mkdtemp(join(tmpdir(), "chinese-clip-"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "chinese_clip", ...config }));
  await writeFile(join(folder, "model.safetensors"), safetensorsFile(parameters));
  return { folder, parameters };
}

function safetensorsFile(parameters: Parameters): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { shape, data }] of parameters) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header)); // of any length: the weights then start at any byte, as the format allows
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([prefix, json, ...[...parameters.values()].map(({ data }) => Buffer.from(data.buffer))]);
}
