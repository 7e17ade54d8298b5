/**
 * The configuration of a checkpoint that comes without one, read off its tensors' shapes, so that the two can't disagree. Only the number of
 * heads leaves no trace there: the published models' are known, and cn_clip's heads of 64 are assumed for others.
 */
import { CheckpointError } from "../checkpoint-error.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import { ChineseCLIPConfig } from "./config.js";

/** Width of a head in the published vision transformers of these widths: ViT-B, ViT-L and ViT-H; 64 everywhere else. */
const HEAD_WIDTHS: ReadonlyMap<number, number> = new Map([[1280, 80]]);
const HEAD_WIDTH = 64;

/**
 * Infers the configuration of a whole model from the shapes of its tensors: one of the five published ones, or another of their make.
 *
 * @throws {@link CheckpointError} `missing-tensor` or `invalid-config`, where the shapes make no model.
 */
export function inferConfig(checkpoint: Checkpoint): ChineseCLIPConfig {
  const shape = (name: string): readonly number[] => {
    const found = checkpoint.tensors.get(name);
    if (found === undefined) {
      const { note } = checkpoint.faults;
      throw new CheckpointError(
        "missing-tensor",
        `expected config.json, or a tensor ${name} to infer the configuration from, got neither${note === undefined ? "" : `; ${note}`}`,
        { tensor: name },
      );
    }
    return found.shape;
  };
  /** Blocks below a name: the number of different integers that follow it. */
  const count = (prefix: string): number =>
    new Set(
      [...checkpoint.tensors.keys()].filter((name) => name.startsWith(prefix)).map((name) => /^\d+/.exec(name.slice(prefix.length))?.[0]),
    ).size;
  const heads = (width: number | undefined): number | undefined => {
    if (width === undefined) return undefined;
    const headWidth = HEAD_WIDTHS.get(width) ?? HEAD_WIDTH;
    if (width % headWidth === 0) return width / headWidth;
    throw new CheckpointError(
      "invalid-config",
      `expected config.json for a width of ${width}, whose number of attention heads no shape tells`,
      { width },
    );
  };

  const words = shape("text_model.embeddings.word_embeddings.weight");
  const text = {
    vocab_size: words[0],
    hidden_size: words[1],
    num_hidden_layers: count("text_model.encoder.layer."),
    num_attention_heads: heads(words[1]),
    intermediate_size: shape("text_model.encoder.layer.0.intermediate.dense.weight")[0],
    max_position_embeddings: shape("text_model.embeddings.position_embeddings.weight")[0],
    type_vocab_size: shape("text_model.embeddings.token_type_embeddings.weight")[0],
  };
  // Stored as [E, D] or, by cn_clip, as [D, E]; D is known. A square one is the same either way.
  const projection = shape("text_projection.weight");
  const projectionDim = projection[0] === words[1] ? projection[1] : projection[0];

  const isResNet = checkpoint.tensors.has("visual.layer1.0.conv1.weight");
  return ChineseCLIPConfig.fromJSON({
    model_type: "chinese_clip",
    projection_dim: projectionDim,
    text_config: text,
    vision_config: isResNet ? resNet(shape, count) : visionTransformer(shape, count, heads),
  });
}

type Shape = (name: string) => readonly number[];
type Count = (prefix: string) => number;

function visionTransformer(shape: Shape, count: Count, heads: (width: number | undefined) => number | undefined): object {
  const [width, , patchSize = 0] = shape("vision_model.embeddings.patch_embedding.weight");
  const [tokens = 0] = shape("vision_model.embeddings.position_embedding.weight");
  return {
    hidden_size: width,
    num_hidden_layers: count("vision_model.encoder.layers."),
    num_attention_heads: heads(width),
    intermediate_size: shape("vision_model.encoder.layers.0.mlp.fc1.weight")[0],
    patch_size: patchSize,
    image_size: Math.sqrt(tokens - 1) * patchSize,
  };
}

function resNet(shape: Shape, count: Count): object {
  const [places = 0] = shape("visual.attnpool.positional_embedding");
  return {
    model_type: "chinese_clip_modified_resnet",
    layers: [1, 2, 3, 4].map((stage) => count(`visual.layer${stage}.`)),
    width: shape("visual.conv3.weight")[0],
    image_size: Math.sqrt(places - 1) * 32,
  };
}
