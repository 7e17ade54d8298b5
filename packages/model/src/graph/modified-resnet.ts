/**
 * cn_clip's ResNet image tower (`clip/model.py`, `ModifiedResNet`; Radford et al., 2021, section 2.4): a stem of three convolutions, average
 * pooling in front of every strided convolution, and attention pooling at the end, of which only the pooled token is computed.
 *
 * Shapes in the margin: B images, W width, R resolution, C = 32 W channels at the end, N = (R / 32)² places, E projection.
 */
import type { ModifiedResNetConfig } from "../config/modified-resnet-config.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { Graph, Value } from "./ir/graph.js";
import { GraphBuilder } from "./ir/graph-builder.js";
import { averagePool, batchNorm, conv as convolve, meanOver } from "./ir/image-operators.js";
import { ParameterScope } from "./parameter-scope.js";
import type { TowerOutputs } from "../tower-outputs.js";

/** PyTorch's default for `BatchNorm2d`. */
const BATCH_NORM_EPS = 1e-5;
/** A bottleneck's output has this many times its inner channels. */
const EXPANSION = 4;

/**
 * Builds the ResNet tower's graph.
 *
 * Input: `pixel_values`, float32 `[batch, 3, R, R]`. Outputs, float32: `image_features [batch, E]`; for `states` also
 * `last_hidden_state [batch, N, C]`, the places of the last feature map, and `pooler_output [batch, E]`, which is the features.
 *
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export function buildModifiedResNet(
  config: ModifiedResNetConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim?: number,
): Graph {
  const { imageSize: R, numChannels, numAttentionHeads } = config;
  const graph = new GraphBuilder("vision");
  const visual = new ParameterScope(graph, checkpoint).in("visual");
  const pixelValues = graph.input("pixel_values", "float32", ["batch", numChannels, R, R]); // [B, 3, R, R]
  const places = resNetEncoder(graph, visual, config, pixelValues); // [B, N, C]
  // The projection is part of the attention pool, so a tower alone has it too.
  const E = projectionDim ?? checkpoint.tensors.get("visual.attnpool.c_proj.weight")?.shape[0] ?? Number(places.dims[2]);
  const features = attentionPool(graph, visual.in("attnpool"), places, numAttentionHeads, E); // [B, E]
  if (outputs.kind === "states") {
    graph.output("last_hidden_state", places);
    graph.output("pooler_output", features);
  }
  graph.output("image_features", features);
  return graph.finish();
}

/** The stem and the four stages: `pixelValues [B, 3, R, R]` -> the places of the last feature map `[B, N, C]`. */
export function resNetEncoder(
  graph: GraphBuilder,
  visual: ParameterScope,
  { layers, width: W }: ModifiedResNetConfig,
  pixelValues: Value,
): Value {
  let x = graph.relu(convolution(graph, visual, "conv1", "bn1", pixelValues, { outputs: W / 2, kernel: 3, stride: 2 })); // [B, W/2, R/2, R/2]
  x = graph.relu(convolution(graph, visual, "conv2", "bn2", x, { outputs: W / 2, kernel: 3 })); // [B, W/2, R/2, R/2]
  x = graph.relu(convolution(graph, visual, "conv3", "bn3", x, { outputs: W, kernel: 3 })); // [B, W, R/2, R/2]
  x = averagePool(graph, x, 2); // [B, W, R/4, R/4]
  for (const [stage, blocks] of layers.entries()) {
    const inner = W * 2 ** stage;
    for (let i = 0; i < blocks; i++) x = bottleneck(graph, visual.in(`layer${stage + 1}.${i}`), x, inner, stage > 0 && i === 0 ? 2 : 1);
  } // [B, C, R/32, R/32]
  const C = Number(x.dims[1]);
  return graph.transpose(graph.reshape(x, graph.int64([0, C, -1])), [0, 2, 1]); // [B, N, C]
}

/** Attention of the mean of all places to all places and itself: `places [B, N, C] -> [B, E]`. */
function attentionPool(graph: GraphBuilder, pool: ParameterScope, places: Value, heads: number, E: number): Value {
  const [, N, C] = places.dims.map(Number) as [number, number, number];
  const positions = pool.get("positional_embedding", [N + 1, C]); // [N+1, C]
  const tokens = graph.add(graph.concat([meanOver(graph, places, 1), places], 1), positions); // [B, N+1, C]
  const shape = graph.shape(tokens); // = [B, N+1, C]
  const rows = graph.reshape(tokens, graph.int64([-1, C])); // [B·(N+1), C]
  const queryInput = graph.gather(tokens, graph.int64(0), 1); // [B, C]
  const query = graph.reshape(pool.linear("q_proj", queryInput, C), graph.int64([-1, 1, C])); // [B, 1, C]
  const key = graph.reshape(pool.linear("k_proj", rows, C), shape); // [B, N+1, C]
  const value = graph.reshape(pool.linear("v_proj", rows, C), shape); // [B, N+1, C]
  const { context } = graph.attention({ query, key, value, heads, mask: undefined }); // [B, 1, C]
  return pool.linear("c_proj", graph.reshape(context, graph.int64([-1, C])), E); // [B, E]
}

/** `relu(conv3(pool(conv2(conv1(x)))) + shortcut(x))`, each convolution with its batch norm: `[B, inputs, h, w] -> [B, 4 inner, h/pool, w/pool]`. */
function bottleneck(graph: GraphBuilder, block: ParameterScope, x: Value, inner: number, pool: number): Value {
  const outputs = inner * EXPANSION;
  const pooled = (value: Value): Value => (pool > 1 ? averagePool(graph, value, pool) : value);
  let y = graph.relu(convolution(graph, block, "conv1", "bn1", x, { outputs: inner, kernel: 1 })); // [B, inner, h, w]
  y = pooled(graph.relu(convolution(graph, block, "conv2", "bn2", y, { outputs: inner, kernel: 3 }))); // [B, inner, h/pool, w/pool]
  y = convolution(graph, block, "conv3", "bn3", y, { outputs, kernel: 1 }); // [B, 4 inner, h/pool, w/pool]
  const shortcut =
    pool > 1 || x.dims[1] !== outputs ? convolution(graph, block, "downsample.0", "downsample.1", pooled(x), { outputs, kernel: 1 }) : x; // [B, 4 inner, h/pool, w/pool]
  return graph.relu(graph.add(y, shortcut)); // [B, 4 inner, h/pool, w/pool]
}

interface ConvolutionSize {
  readonly outputs: number;
  readonly kernel: 1 | 3;
  readonly stride?: number;
}

/** A convolution that keeps the size (but for its stride), and its batch norm. */
function convolution(
  graph: GraphBuilder,
  scope: ParameterScope,
  conv: string,
  norm: string,
  x: Value,
  { outputs, kernel, stride = 1 }: ConvolutionSize,
): Value {
  const weight = scope.get(`${conv}.weight`, [outputs, Number(x.dims[1]), kernel, kernel]); // [outputs, inputs, kernel, kernel]
  const y = convolve(graph, x, weight, stride, (kernel - 1) / 2); // [B, outputs, h/stride, w/stride]
  const [scale, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((name) => scope.get(`${norm}.${name}`, [outputs])) as [Value, Value, Value, Value]; // prettier-ignore
  return batchNorm(graph, y, scale, bias, mean, variance, BATCH_NORM_EPS);
}
