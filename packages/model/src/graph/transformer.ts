/**
 * What BERT and the vision transformer have in common: multi-head self-attention and the MLP (Vaswani et al., 2017, sections 3.2.2 and 3.3), the row of
 * layers, and the class token. Where they differ, in the place of the LayerNorms, is in their own files.
 *
 * Shapes in the margin: B sequences, L tokens, D hidden size, F intermediate size, Q tokens that attend: L, or 1 for the class token alone. States are
 * kept as rows `[B·L, D]`, so that a linear layer is one matrix product with the weight as it lies in the file.
 */
import type { Activation } from "../config/activation.js";
import { activate } from "./activate.js";
import type { Value } from "./ir/graph.js";
import type { GraphBuilder } from "./ir/graph-builder.js";
import type { ParameterScope } from "./parameter-scope.js";
import type { TowerOutputs } from "../tower-outputs.js";

/** A layer's result, and its attention's probabilities `[B, heads, Q, L]` where they were asked for. */
export interface LayerOutput {
  /** `[B·Q, D]` */
  readonly x: Value;
  readonly probabilities: Value | undefined;
}

/** What a layer is asked for. */
export interface LayerRequest {
  /** The shape `[B, L, D]`. */
  readonly tokens: Value;
  /** Whether only the class token's new state is wanted; it still attends to all. */
  readonly classOnly: boolean;
  readonly probabilities: boolean;
}

/** What an encoder gives. */
export interface EncoderOutput {
  /** The last layer's states: `[B·L, D]`, for features of the class token alone, `[B, D]`. */
  readonly x: Value;
  /** The shape `[B, L, D]`. */
  readonly tokens: Value;
  /** `[B·L, D]` each: the embeddings, then every layer's states; empty unless asked for. */
  readonly hiddenStates: readonly Value[];
  /** `[B, heads, L, L]` each: every layer's probabilities; empty unless asked for. */
  readonly attentions: readonly Value[];
}

/** Applies `layer` `count` times from `x [B·L, D]` on. For features the last one computes the class token only. */
export function encoderLayers(
  x: Value,
  tokens: Value,
  count: number,
  outputs: TowerOutputs,
  layer: (index: number, x: Value, request: LayerRequest) => LayerOutput,
): EncoderOutput {
  const states = [x];
  const attentions: Value[] = [];
  const probabilities = outputs.kind === "states" && outputs.attentions;
  for (let i = 0; i < count; i++) {
    const classOnly = outputs.kind === "features" && i === count - 1;
    const output = layer(i, states.at(-1) ?? x, { tokens, classOnly, probabilities });
    states.push(output.x); // [B·L, D], of the last layer [B, D] if only the class token is wanted
    if (output.probabilities !== undefined) attentions.push(output.probabilities);
  }
  const hiddenStates = outputs.kind === "states" && outputs.hiddenStates ? states : [];
  return { x: states.at(-1) ?? x, tokens, hiddenStates, attentions };
}

/** The class token's rows of `x [B·L, D]` -> `[B, D]`. */
export function classToken(graph: GraphBuilder, x: Value, tokens: Value): Value {
  return graph.gather(graph.reshape(x, tokens), graph.int64(0), 1);
}

/** Names of an attention's four linear layers. */
export interface AttentionNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
}

/** What attends to what. */
export interface SelfAttentionInputs extends LayerRequest {
  /** `[B·Q, D]` */
  readonly queryInput: Value;
  /** `[B·L, D]` */
  readonly x: Value;
  /** Number of heads; divides D. */
  readonly heads: number;
  /** int32 `[B, L]`: 0 masks a token. */
  readonly mask?: Value;
}

/** Multi-head self-attention with its output projection -> `[B·Q, D]`. */
export function selfAttention(graph: GraphBuilder, layer: ParameterScope, names: AttentionNames, inputs: SelfAttentionInputs): LayerOutput {
  const { queryInput, x, tokens, heads, mask, classOnly } = inputs;
  const D = Number(x.dims[1]);
  const queryShape = classOnly ? graph.int64([-1, 1, D]) : tokens; // = [B, Q, D]
  const query = graph.reshape(layer.linear(names.query, queryInput, D), queryShape); // [B, Q, D]
  const key = graph.reshape(layer.linear(names.key, x, D), tokens); // [B, L, D]
  const value = graph.reshape(layer.linear(names.value, x, D), tokens); // [B, L, D]
  const { context, probabilities } = graph.attention({ query, key, value, heads, mask }, inputs.probabilities); // [B, Q, D]
  return { x: layer.linear(names.output, graph.reshape(context, graph.int64([-1, D])), D), probabilities }; // [B·Q, D]
}

/** Names of an MLP's two linear layers. */
export interface MlpNames {
  readonly inner: string;
  readonly output: string;
}

/** The position-wise MLP: `x [M, D] -> [M, F] -> [M, D]`. */
export function mlp(graph: GraphBuilder, layer: ParameterScope, names: MlpNames, x: Value, F: number, activation: Activation): Value {
  const inner = activate(graph, layer.linear(names.inner, x, F), activation); // [M, F]
  return layer.linear(names.output, inner, Number(x.dims[1])); // [M, D]
}

/** Makes an encoder's states outputs of the graph: `last_hidden_state`, `hidden_states.i`, `attentions.i`. */
export function outputStates(graph: GraphBuilder, { x, tokens, hiddenStates, attentions }: EncoderOutput): void {
  for (const [i, state] of hiddenStates.entries()) graph.output(`hidden_states.${i}`, graph.reshape(state, tokens)); // [B, L, D]
  for (const [i, probabilities] of attentions.entries()) graph.output(`attentions.${i}`, probabilities); // [B, heads, L, L]
  graph.output("last_hidden_state", graph.reshape(x, tokens)); // [B, L, D]
}
