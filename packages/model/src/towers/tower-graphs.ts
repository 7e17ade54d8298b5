/**
 * Where a model's graphs come from: built here from a checkpoint, or cut out of an ONNX export. The towers run either.
 */
import type { ChineseCLIPConfig } from "../config/config.js";
import type { VisionConfig } from "../config/parse-vision-config.js";
import type { ChineseCLIPTextConfig } from "../config/text-config.js";
import { textGraphBuilder, visionGraphBuilder } from "../graph/build-graph.js";
import type { TowerGraph } from "../graph/encode-graph.js";
import type { TowerOutputs } from "../tower-outputs.js";
import type { Checkpoint } from "../weights/checkpoint.js";

/** The text tower's graphs. */
export interface TextGraphs {
  /**
   * The graph for what is asked. Inputs, int64 `[batch, sequence]`: `input_ids`, and, of a graph that takes them, `attention_mask` and
   * `token_type_ids`. Outputs as {@link buildTextGraph} has them.
   *
   * @throws {@link CheckpointError} - a tensor that is missing or has another shape, or outputs that an ONNX export does not have.
   */
  text(outputs: TowerOutputs): TowerGraph;
}

/** The image tower's graphs. */
export interface VisionGraphs {
  /**
   * The graph for what is asked. Input: `pixel_values`, float32 `[batch, C, H, W]`. Outputs as {@link buildVisionGraph} has them.
   *
   * @param interpolatePositions - for a size other than the trained one.
   * @throws {@link CheckpointError} - a tensor that is missing or has another shape, or a graph that an ONNX export does not have.
   */
  vision(outputs: TowerOutputs, interpolatePositions: boolean): TowerGraph;
}

/** Both towers' graphs. */
export interface TowerGraphs extends TextGraphs, VisionGraphs {}

/** How both towers' graphs of this configuration are built from a whole model's checkpoint. */
export async function checkpointGraphs(config: ChineseCLIPConfig): Promise<(checkpoint: Checkpoint) => TowerGraphs> {
  const { textConfig, visionConfig, projectionDim } = config;
  const [buildText, buildVision] = await Promise.all([textGraphBuilder(textConfig), visionGraphBuilder(visionConfig)]);
  return (checkpoint) => ({
    text: (outputs) => buildText(checkpoint, outputs, projectionDim),
    vision: (outputs, interpolate) => buildVision(checkpoint, outputs, projectionDim, interpolate),
  });
}

/** How the graphs of a text tower as a backbone, without a projection, are built from its checkpoint. */
export async function checkpointTextGraphs(config: ChineseCLIPTextConfig): Promise<(checkpoint: Checkpoint) => TextGraphs> {
  const build = await textGraphBuilder(config);
  return (checkpoint) => ({ text: (outputs) => build(checkpoint, outputs, undefined) });
}

/** How the graphs of an image tower as a backbone, without a projection, are built from its checkpoint. */
export async function checkpointVisionGraphs(config: VisionConfig): Promise<(checkpoint: Checkpoint) => VisionGraphs> {
  const build = await visionGraphBuilder(config);
  return (checkpoint) => ({ vision: (outputs, interpolate) => build(checkpoint, outputs, undefined, interpolate) });
}
