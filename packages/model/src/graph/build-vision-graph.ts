import type { VisionConfig } from "../config/parse-vision-config.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { Graph } from "./ir/graph.js";
import type { TowerOutputs } from "../tower-outputs.js";

/** Builds an image tower's graph: {@link buildVisionGraph} for one configuration. */
type VisionGraphBuilder = (
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
  interpolatePositions?: boolean,
) => Graph;

/** The builder of a configuration's graphs. Each kind's code loads lazily: a text tower needs neither. */
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
