/**
 * The image tower: a vision transformer (Dosovitskiy et al., 2020) with CLIP's LayerNorm before the blocks and pre-LayerNorm
 * inside them, as transformers' `modeling_chinese_clip.py` computes it. The image feature is the class token after
 * `post_layernorm`, times `visual_projection`.
 *
 * Shapes in the margin: B images, C channels, H x W pixels, P patch size, N patches, D hidden size, F intermediate size, E
 * projection. States are kept as `[B·(N+1), D]`, so that a linear layer is one matrix product with the weight as it lies in the file.
 */
import type { ChineseCLIPVisionConfig } from "../config/vision-config.js";
import { type EncodedGraph, GraphBuilder, type GraphTarget, type Value } from "../onnx/graph-builder.js";
import type { Dimension } from "../onnx/ir.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import { activate, LEAST_ACTIVATION } from "./activate.js";
import { attend, attendWithProbabilities } from "./attend.js";
import { ParameterScope } from "./parameter-scope.js";
import { interpolatePositionEmbedding } from "./position-embedding.js";
import type { RowZeroPoints } from "./quantized-linear.js";
import type { TowerOutputs } from "./tower-outputs.js";

/**
 * Builds the image tower's graph.
 *
 * Input: `pixel_values`, float32 `[batch, C, H, W]`, of the configuration's size, or of any size of at least one patch when
 * `interpolatePositions` is set. Outputs, float32: for `features` `image_features [batch, E]`; for `states`
 * `last_hidden_state [batch, N+1, D]`, `pooler_output [batch, D]`, `image_features` where there is a projection, and
 * `hidden_states.i`, `attentions.i`.
 *
 * @param projectionDim - E, or undefined for a tower without a projection (then only `states` can be asked for).
 * @param target - what is to compute it.
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export function buildVisionTransformer(
  config: ChineseCLIPVisionConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
  interpolatePositions = false,
  target: GraphTarget = "cpu",
): EncodedGraph {
  const { hiddenSize: D, numHiddenLayers, numChannels: C, imageSize, patchSize: P, gridSize, layerNormEps } = config;
  const graph = new GraphBuilder("vision", target);
  const parameters = new ParameterScope(graph, checkpoint);
  const model = parameters.in("vision_model");
  const wantsStates = outputs.kind === "states";

  const pixelDims = interpolatePositions ? ["batch", C, "height", "width"] : ["batch", C, imageSize, imageSize];
  const pixelValues = graph.input("pixel_values", "float32", pixelDims); // [B, C, H, W]
  const tokenCount = interpolatePositions ? "tokens" : gridSize * gridSize + 1; // = N+1

  const embeddings = model.in("embeddings");
  const patches = graph.conv(pixelValues, embeddings.get("patch_embedding.weight", [D, C, P, P]), P, P); // [B, D, H/P, W/P]
  const patchRows = graph.transpose(graph.reshape(patches, graph.int64([0, D, -1])), [0, 2, 1]); // [B, N, D]
  const batch = graph.shape(pixelValues, 0, 1); // = [B]
  const classToken = graph.expand(embeddings.get("class_embedding", [D]), graph.concat([batch, graph.int64([1, D])], 0)); // [B, 1, D]
  const joined = graph.concat([classToken, patchRows], 1); // [B, N+1, D]
  const trained = embeddings.get("position_embedding.weight", [gridSize * gridSize + 1, D]); // [G·G+1, D]
  const positions = interpolatePositions ? interpolatePositionEmbedding(graph, trained, patches, gridSize, D) : trained; // [N+1, D]
  const embedded = graph.add(joined, positions); // [B, N+1, D]
  const tokens = graph.shape(embedded); // = [B, N+1, D]
  let x = model.layerNorm("pre_layrnorm", graph.reshape(embedded, graph.int64([-1, D]), ["rows", D]), D, layerNormEps); // [B·(N+1), D]

  const reportState = (index: number): void => {
    if (wantsStates && outputs.hiddenStates) graph.output(`hidden_states.${index}`, graph.reshape(x, tokens), ["batch", tokenCount, D]);
  };
  reportState(0);
  const allRows: RowZeroPoints = new Map();
  for (let i = 0; i < numHiddenLayers; i++) {
    const classOnly = !wantsStates && i === numHiddenLayers - 1;
    const block = transformerBlock(graph, model.in(`encoder.layers.${i}`), config, {
      x,
      tokens,
      tokenDims: ["batch", tokenCount, D],
      allRows,
      classOnly,
      wantsProbabilities: wantsStates && outputs.attentions,
    });
    x = block.x; // [B·(N+1), D], of the last block [B, D] if only the class token is wanted
    if (block.probabilities !== undefined)
      graph.output(`attentions.${i}`, block.probabilities, ["batch", config.numAttentionHeads, tokenCount, tokenCount]);
    reportState(i + 1);
  }

  const classState = wantsStates ? graph.gather(graph.reshape(x, tokens), graph.int64(0), 1) : x; // [B, D]
  const pooled = model.layerNorm("post_layernorm", classState, D, layerNormEps); // [B, D]
  if (wantsStates) {
    graph.output("last_hidden_state", graph.reshape(x, tokens), ["batch", tokenCount, D]);
    graph.output("pooler_output", pooled, ["batch", D]);
  }
  if (projectionDim !== undefined) {
    graph.output("image_features", parameters.projection("visual_projection", pooled, D, projectionDim), ["batch", projectionDim]); // [B, E]
  }
  return graph.encode((other) => buildVisionTransformer(config, checkpoint, outputs, projectionDim, interpolatePositions, other));
}

interface BlockInputs {
  /** `[B·(N+1), D]` */
  readonly x: Value;
  /** The shape `[B, N+1, D]`. */
  readonly tokens: Value;
  /** The same, as far as it is known before. */
  readonly tokenDims: readonly Dimension[];
  /** Shared by what takes B·(N+1) rows. */
  readonly allRows: RowZeroPoints;
  /** Whether only the class token's new state is wanted; it still attends to all. */
  readonly classOnly: boolean;
  readonly wantsProbabilities: boolean;
}

/** One block: `x = x + attention(LN(x))`, `x = x + feedForward(LN(x))`. */
function transformerBlock(
  graph: GraphBuilder,
  block: ParameterScope,
  config: ChineseCLIPVisionConfig,
  { x, tokens, tokenDims, allRows, classOnly, wantsProbabilities }: BlockInputs,
): { x: Value; probabilities: Value | undefined } {
  const { hiddenSize: D, intermediateSize: F, numAttentionHeads: heads, layerNormEps } = config;
  const classRows = (rows: Value): Value => graph.gather(graph.reshape(rows, tokens, tokenDims), graph.int64(0), 1); // [B, D]
  const normed = block.layerNorm("layer_norm1", x, D, layerNormEps); // [B·(N+1), D]
  const asking = classOnly ? classRows(normed) : normed; // [B·Q, D]
  const rows: RowZeroPoints = classOnly ? new Map() : allRows; // of B·Q

  const self = block.in("self_attn");
  const [queryShape, queryDims] = classOnly ? [graph.int64([-1, 1, D]), ["batch", 1, D]] : [tokens, tokenDims];
  const query = graph.reshape(self.linear("q_proj", asking, D, D, { rows }), queryShape, queryDims); // [B, Q, D]
  const key = graph.reshape(self.linear("k_proj", normed, D, D, { rows: allRows, keys: true }), tokens, tokenDims); // [B, N+1, D]
  const value = graph.reshape(self.linear("v_proj", normed, D, D, { rows: allRows }), tokens, tokenDims); // [B, N+1, D]
  const inputs = { query, key, value, heads, size: D, mask: undefined };
  const { context, probabilities } = wantsProbabilities
    ? attendWithProbabilities(graph, inputs)
    : { context: attend(graph, inputs), probabilities: undefined }; // [B, Q, D]

  const attended = self.linear("out_proj", graph.reshape(context, graph.int64([-1, D]), [classOnly ? "batch" : "rows", D]), D, D, { rows }); // [B·Q, D]
  const middle = graph.add(classOnly ? classRows(x) : x, attended); // [B·Q, D]
  const inner = activate(
    graph,
    block.in("mlp").linear("fc1", block.layerNorm("layer_norm2", middle, D, layerNormEps), D, F, { rows }),
    config.hiddenAct,
  ); // [B·Q, F]
  const outer = block.in("mlp").linear("fc2", inner, F, D, { rows, least: LEAST_ACTIVATION[config.hiddenAct] }); // [B·Q, D]
  return { x: graph.add(middle, outer), probabilities }; // [B·Q, D]
}
