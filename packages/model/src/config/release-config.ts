/**
 * The way in to configurations that are not Hugging Face's `config.json`, whose readers come when a release has none.
 */
import type { Checkpoint } from "../weights/checkpoint.js";
import type { ChineseCLIPConfig } from "./config.js";

/**
 * Reads cn_clip's two configuration files, `text_model_config.json` and `vision_model_config.json`, parsed.
 *
 * @throws {@link CheckpointError} `invalid-config`, naming the key.
 */
export async function parseCnClipConfig(text: unknown, vision: unknown): Promise<ChineseCLIPConfig> {
  const reader = await import("./cn-clip-config.js");
  return reader.parseCnClipConfig(text, vision);
}

/**
 * Infers the configuration of a whole model from the shapes of its tensors: one of the five published ones, or another of their make.
 *
 * @throws {@link CheckpointError} `missing-tensor` or `invalid-config`, where the shapes make no model.
 */
export async function inferConfig(checkpoint: Checkpoint): Promise<ChineseCLIPConfig> {
  const reader = await import("./infer-config.js");
  return reader.inferConfig(checkpoint);
}
