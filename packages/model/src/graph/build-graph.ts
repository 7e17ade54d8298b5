/**
 * The towers' builders, which load lazily: a model of ONNX files needs none of them, and a text tower needs only BERT.
 */
import type { VisionConfig } from "../config/parse-vision-config.js";
import type { ChineseCLIPTextConfig } from "../config/text-config.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { Graph } from "./ir/graph.js";
import type { TowerOutputs } from "../tower-outputs.js";

/** Builds a text tower's graph: {@link buildTextGraph} for one configuration. */
type TextGraphBuilder = (checkpoint: Checkpoint, outputs: TowerOutputs, projectionDim: number | undefined) => Graph;

/** Builds an image tower's graph: {@link buildVisionGraph} for one configuration. */
type VisionGraphBuilder = (
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
  interpolatePositions?: boolean,
) => Graph;

/** The builder of a configuration's text graphs. */
export async function textGraphBuilder(config: ChineseCLIPTextConfig): Promise<TextGraphBuilder> {
  const { buildBert } = await import("./bert.js");
  return (checkpoint, outputs, projectionDim) => buildBert(config, checkpoint, outputs, projectionDim);
}

/** The builder of a configuration's image graphs. */
export async function visionGraphBuilder(config: VisionConfig): Promise<VisionGraphBuilder> {
  if (config.kind === "visionTransformer") {
    const { buildVisionTransformer } = await import("./vision-transformer.js");
    return (checkpoint, outputs, projectionDim, interpolatePositions) =>
      buildVisionTransformer(config, checkpoint, outputs, projectionDim, interpolatePositions);
  }
  const { buildModifiedResNet } = await import("./modified-resnet.js");
  return (checkpoint, outputs, projectionDim) => buildModifiedResNet(config, checkpoint, outputs, projectionDim);
}

/**
 * Builds the text tower's graph.
 *
 * Inputs, int64 `[batch, sequence]`: `input_ids`, `attention_mask`, `token_type_ids`. Outputs, float32: for `features`
 * `text_features [batch, E]`; for `states` `last_hidden_state [batch, sequence, D]`, `pooler_output [batch, D]` (the class token's
 * state where the checkpoint has no pooler), `text_features` where there is a projection, and `hidden_states.i`, `attentions.i`.
 *
 * @param projectionDim - E, or undefined for a tower without a projection (then only `states` can be asked for).
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export async function buildTextGraph(
  config: ChineseCLIPTextConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
): Promise<Graph> {
  const build = await textGraphBuilder(config);
  return build(checkpoint, outputs, projectionDim);
}

/**
 * Builds the image tower's graph, a vision transformer or a ResNet.
 *
 * Input: `pixel_values`, float32 `[batch, C, H, W]`, of the configuration's size, or, for a vision transformer with
 * `interpolatePositions`, of any size of at least one patch. Outputs, float32: for `features` `image_features [batch, E]`; for
 * `states` also `last_hidden_state` and `pooler_output`, and a vision transformer's `hidden_states.i` and `attentions.i`.
 *
 * @param projectionDim - E; undefined for a vision transformer without a projection (then only `states` can be asked for).
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export async function buildVisionGraph(
  config: VisionConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
  interpolatePositions = false,
): Promise<Graph> {
  const build = await visionGraphBuilder(config);
  return build(checkpoint, outputs, projectionDim, interpolatePositions);
}
