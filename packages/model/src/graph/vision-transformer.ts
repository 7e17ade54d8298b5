/**
 * The image tower: a vision transformer (Dosovitskiy et al., 2020) with CLIP's LayerNorm before the blocks and pre-LayerNorm
 * inside them, as transformers' `modeling_chinese_clip.py` computes it. The image feature is the class token after
 * `post_layernorm`, times `visual_projection`.
 *
 * Shapes in the margin: B images, C channels, H x W pixels, P patch size, N patches, L = N+1 tokens, D hidden size, F intermediate size, E
 * projection; Q tokens that attend, as `transformer.ts` has it.
 */
import type { ChineseCLIPVisionConfig } from "../config/vision-config.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { Graph, Value } from "./ir/graph.js";
import { GraphBuilder } from "./ir/graph-builder.js";
import { conv } from "./ir/image-operators.js";
import { ParameterScope } from "./parameter-scope.js";
import { interpolatePositionEmbedding } from "./position-embedding.js";
import type { TowerOutputs } from "../tower-outputs.js";
import {
  type AttentionNames,
  classToken,
  encoderLayers,
  type EncoderOutput,
  type LayerOutput,
  type LayerRequest,
  mlp,
  type MlpNames,
  outputStates,
  selfAttention,
} from "./transformer.js";

/**
 * Builds the image tower's graph.
 *
 * Input: `pixel_values`, float32 `[batch, C, H, W]`, of the configuration's size, or of any size of at least one patch when
 * `interpolatePositions` is set. Outputs, float32: for `features` `image_features [batch, E]`; for `states`
 * `last_hidden_state [batch, L, D]`, `pooler_output [batch, D]`, `image_features` where there is a projection, and
 * `hidden_states.i`, `attentions.i`.
 *
 * @param projectionDim - E, or undefined for a tower without a projection (then only `states` can be asked for).
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export function buildVisionTransformer(
  config: ChineseCLIPVisionConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
  interpolatePositions = false,
): Graph {
  const { numChannels: C, imageSize } = config;
  const graph = new GraphBuilder("vision");
  const parameters = new ParameterScope(graph, checkpoint);
  const model = parameters.in("vision_model");
  const size = interpolatePositions ? (["height", "width"] as const) : ([imageSize, imageSize] as const);
  const pixelValues = graph.input("pixel_values", "float32", ["batch", C, ...size]); // [B, C, H, W]
  const encoded = visionEncoder(graph, model, config, pixelValues, outputs, interpolatePositions);
  const state = outputs.kind === "states" ? classToken(graph, encoded.x, encoded.tokens) : encoded.x; // [B, D]
  const pooled = model.layerNorm("post_layernorm", state, config.layerNormEps); // [B, D]
  if (outputs.kind === "states") {
    outputStates(graph, encoded);
    graph.output("pooler_output", pooled); // [B, D]
  }
  if (projectionDim !== undefined) graph.output("image_features", parameters.projection("visual_projection", pooled, projectionDim)); // [B, E]
  return graph.finish();
}

/** Patches, positions and blocks: `pixelValues [B, C, H, W]` -> states of the class token and the patches. */
export function visionEncoder(
  graph: GraphBuilder,
  model: ParameterScope,
  config: ChineseCLIPVisionConfig,
  pixelValues: Value,
  outputs: TowerOutputs,
  interpolatePositions: boolean,
): EncoderOutput {
  const { hiddenSize: D, numHiddenLayers, numChannels: C, patchSize: P, gridSize, layerNormEps } = config;
  const embeddings = model.in("embeddings");
  const patches = conv(graph, pixelValues, embeddings.get("patch_embedding.weight", [D, C, P, P]), P); // [B, D, H/P, W/P]
  const patchRows = graph.transpose(graph.reshape(patches, graph.int64([0, D, -1])), [0, 2, 1]); // [B, N, D]
  const batch = graph.shape(pixelValues, 0, 1); // = [B]
  const classTokens = graph.expand(embeddings.get("class_embedding", [D]), graph.concat([batch, graph.int64([1, D])], 0)); // [B, 1, D]
  const joined = graph.concat([classTokens, patchRows], 1); // [B, L, D]
  const trained = embeddings.get("position_embedding.weight", [gridSize * gridSize + 1, D]); // [G·G+1, D]
  const positions = interpolatePositions ? interpolatePositionEmbedding(graph, trained, patches, gridSize) : trained; // [L, D]
  const embedded = graph.add(joined, positions); // [B, L, D]
  const tokens = graph.shape(embedded); // = [B, L, D]
  const x = model.layerNorm("pre_layrnorm", graph.reshape(embedded, graph.int64([-1, D])), layerNormEps); // [B·L, D]

  const layer = model.layers("encoder.layers", numHiddenLayers);
  return encoderLayers(x, tokens, numHiddenLayers, outputs, (i, states, request) =>
    transformerBlock(graph, layer(i), config, states, request),
  );
}

const ATTENTION: AttentionNames = {
  query: "self_attn.q_proj",
  key: "self_attn.k_proj",
  value: "self_attn.v_proj",
  output: "self_attn.out_proj",
};
const MLP: MlpNames = { inner: "mlp.fc1", output: "mlp.fc2" };

/** One block: `x = x + attention(LN(x))`, `x = x + mlp(LN(x))`. */
function transformerBlock(
  graph: GraphBuilder,
  block: ParameterScope,
  { intermediateSize: F, numAttentionHeads: heads, hiddenAct, layerNormEps }: ChineseCLIPVisionConfig,
  states: Value,
  request: LayerRequest,
): LayerOutput {
  const attending = (value: Value): Value => (request.classOnly ? classToken(graph, value, request.tokens) : value); // [B·Q, D]
  const normed = block.layerNorm("layer_norm1", states, layerNormEps); // [B·L, D]
  const attention = selfAttention(graph, block, ATTENTION, { ...request, queryInput: attending(normed), x: normed, heads }); // [B·Q, D]
  const residual = graph.add(attending(states), attention.x); // [B·Q, D]
  const mlpOutput = mlp(graph, block, MLP, block.layerNorm("layer_norm2", residual, layerNormEps), F, hiddenAct); // [B·Q, D]
  return { x: graph.add(residual, mlpOutput), probabilities: attention.probabilities }; // [B·Q, D]
}
