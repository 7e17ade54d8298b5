/** Configurations of checkpoints without a `config.json`. Published models have one, so the parsers load with the first checkpoint that needs them. */
import type { Checkpoint } from "../weights/checkpoint.js";
import type { ChineseCLIPConfig } from "./config.js";

/**
 * The configuration that a cn_clip release has in two files.
 *
 * @param text - the parsed configuration of the text tower, such as `RoBERTa-wwm-ext-base-chinese.json`.
 * @param vision - that of the image tower, such as `ViT-B-16.json`.
 * @throws {@link CheckpointError} `invalid-config`.
 */
export async function parseCnClipConfig(text: unknown, vision: unknown): Promise<ChineseCLIPConfig> {
  return (await import("./cn-clip-config.js")).parseCnClipConfig(text, vision);
}

/**
 * Infers the configuration of a whole model from the shapes of its tensors: one of the five published ones, or another of their make.
 *
 * @throws {@link CheckpointError} `missing-tensor` or `invalid-config`, where the shapes make no model.
 */
export async function inferConfig(checkpoint: Checkpoint): Promise<ChineseCLIPConfig> {
  return (await import("./infer-config.js")).inferConfig(checkpoint);
}
