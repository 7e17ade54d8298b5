/**
 * cn_clip's two configuration files, `text_model_config.json` and `vision_model_config.json` (`clip/model_configs/` there), as one
 * Chinese-CLIP configuration. What they leave out is fixed in cn_clip's code.
 */
import { CheckpointError, quote } from "../checkpoint-error.js";
import { asJsonObject, type JsonObject } from "./config-reader.js";
import { ChineseCLIPConfig } from "./config.js";

/** Width of an attention head where the file says nothing, as in cn_clip's `CLIP.__init__`. */
const HEAD_WIDTH = 64;

/**
 * Reads cn_clip's two configuration files, parsed.
 *
 * @throws {@link CheckpointError} `invalid-config`, naming the key.
 */
export function parseCnClipConfig(text: unknown, vision: unknown): ChineseCLIPConfig {
  const t = asJsonObject(text, "text_model_config.json");
  const v = asJsonObject(vision, "vision_model_config.json");
  const layers = stages(v["vision_layers"]);
  const headWidth = v["vision_head_width"] ?? HEAD_WIDTH;
  const heads = (width: unknown): unknown =>
    typeof width === "number" && typeof headWidth === "number" ? Math.floor(width / headWidth) : undefined;
  const width = v["vision_width"];
  return ChineseCLIPConfig.fromJSON({
    model_type: "chinese_clip",
    projection_dim: required(v, "embed_dim"),
    text_config: {
      vocab_size: required(t, "vocab_size"),
      hidden_size: required(t, "text_hidden_size"),
      num_hidden_layers: required(t, "text_num_hidden_layers"),
      num_attention_heads: required(t, "text_num_attention_heads"),
      intermediate_size: required(t, "text_intermediate_size"),
      hidden_act: required(t, "text_hidden_act"),
      max_position_embeddings: required(t, "text_max_position_embeddings"),
      type_vocab_size: required(t, "text_type_vocab_size"),
      layer_norm_eps: 1e-12,
    },
    vision_config: Array.isArray(layers)
      ? {
          model_type: "chinese_clip_modified_resnet",
          layers,
          width,
          num_attention_heads: heads(typeof width === "number" ? 32 * width : undefined),
          image_size: required(v, "image_resolution"),
        }
      : {
          hidden_size: required(v, "vision_width"),
          num_hidden_layers: layers,
          num_attention_heads: heads(width),
          intermediate_size: typeof width === "number" ? 4 * width : undefined,
          hidden_act: "quick_gelu",
          image_size: required(v, "image_resolution"),
          patch_size: required(v, "vision_patch_size"),
          layer_norm_eps: 1e-5,
        },
  });
}

/** A ResNet's stages are a list, which the published file holds as Python text in a string. */
function stages(layers: unknown): unknown {
  if (typeof layers !== "string") return layers;
  try {
    return JSON.parse(layers);
  } catch {
    return layers;
  }
}

function required(json: JsonObject, key: string): unknown {
  const value = json[key] ?? undefined;
  if (value === undefined)
    throw new CheckpointError("invalid-config", `${key}: expected a value in cn_clip's configuration, got ${quote(json)}`, { key });
  return value;
}
