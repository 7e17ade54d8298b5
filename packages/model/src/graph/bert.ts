/**
 * The text tower: BERT (Devlin et al., 2018), post-LayerNorm, as transformers' `modeling_chinese_clip.py` computes it. The text
 * feature is the class token's last state times `text_projection`; there is no pooler in between.
 *
 * Shapes in the margin: B texts, L tokens, D hidden size, F intermediate size, E projection; Q tokens that attend, as `transformer.ts` has it.
 */
import type { ChineseCLIPTextConfig } from "../config/text-config.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { Graph, Value } from "./ir/graph.js";
import { GraphBuilder } from "./ir/graph-builder.js";
import { ParameterScope } from "./parameter-scope.js";
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
 * Builds the text tower's graph.
 *
 * Inputs, int64 `[batch, sequence]`: `input_ids`, `attention_mask`, `token_type_ids`. Outputs, float32: for `features`
 * `text_features [batch, E]`; for `states` `last_hidden_state [batch, sequence, D]`, `pooler_output [batch, D]` (the class token's
 * state where the checkpoint has no pooler), `text_features` where there is a projection, and `hidden_states.i`, `attentions.i`.
 *
 * @param projectionDim - E, or undefined for a tower without a projection (then only `states` can be asked for).
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export function buildBert(
  config: ChineseCLIPTextConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
): Graph {
  const graph = new GraphBuilder("text");
  const parameters = new ParameterScope(graph, checkpoint);
  const [inputIds, attentionMask, tokenTypeIds] = ["input_ids", "attention_mask", "token_type_ids"].map((name) =>
    graph.input(name, "int64", ["batch", "sequence"]),
  ) as [Value, Value, Value]; // [B, L]
  const encoded = bertEncoder(graph, parameters.in("text_model"), config, { inputIds, attentionMask, tokenTypeIds }, outputs);
  const pooled = outputs.kind === "states" ? classToken(graph, encoded.x, encoded.tokens) : encoded.x; // [B, D]
  if (outputs.kind === "states") {
    outputStates(graph, encoded);
    graph.output("pooler_output", bertPooler(graph, parameters.in("text_model.pooler"), pooled)); // [B, D]
  }
  if (projectionDim !== undefined) graph.output("text_features", parameters.projection("text_projection", pooled, projectionDim)); // [B, E]
  return graph.finish();
}

/** Tokenized texts, int64 `[B, L]` each. */
export interface BertInputs {
  readonly inputIds: Value;
  readonly attentionMask: Value;
  readonly tokenTypeIds: Value;
}

/** BERT's embeddings and layers. */
export function bertEncoder(
  graph: GraphBuilder,
  model: ParameterScope,
  config: ChineseCLIPTextConfig,
  { inputIds, attentionMask, tokenTypeIds }: BertInputs,
  outputs: TowerOutputs,
): EncoderOutput {
  const { hiddenSize: D, numHiddenLayers, typeVocabSize, vocabSize, maxPositionEmbeddings, layerNormEps } = config;
  const mask = graph.cast(graph.cast(attentionMask, "bool"), "int32"); // [B, L]
  const tokens = graph.concat([graph.shape(inputIds), graph.int64([D])], 0); // = [B, L, D]

  const embeddings = model.in("embeddings");
  const words = embeddings.embed("word_embeddings.weight", inputIds, vocabSize, D); // [B, L, D]
  const types = embeddings.embed("token_type_embeddings.weight", tokenTypeIds, typeVocabSize, D); // [B, L, D]
  const length = graph.shape(inputIds, 1, 2); // = [L]
  const positions = graph.slice(embeddings.get("position_embeddings.weight", [maxPositionEmbeddings, D]), graph.int64([0]), length, 0); // [L, D]
  const embedded = graph.add(graph.add(words, types), positions); // [B, L, D]
  const x = embeddings.layerNorm("LayerNorm", graph.reshape(embedded, graph.int64([-1, D])), layerNormEps); // [B·L, D]

  const layer = model.layers("encoder.layer", numHiddenLayers);
  return encoderLayers(x, tokens, numHiddenLayers, outputs, (i, states, request) =>
    bertLayer(graph, layer(i), config, { ...request, x: states, mask }),
  );
}

const ATTENTION: AttentionNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  output: "attention.output.dense",
};
const MLP: MlpNames = { inner: "intermediate.dense", output: "output.dense" };

interface BertLayerInputs extends LayerRequest {
  /** `[B·L, D]` */
  readonly x: Value;
  /** int32 `[B, L]` */
  readonly mask: Value;
}

/** One encoder layer: `x = LN(x + attention(x))`, `x = LN(x + mlp(x))`. */
function bertLayer(graph: GraphBuilder, layer: ParameterScope, config: ChineseCLIPTextConfig, inputs: BertLayerInputs): LayerOutput {
  const { intermediateSize: F, numAttentionHeads: heads, hiddenAct, layerNormEps } = config;
  const queryInput = inputs.classOnly ? classToken(graph, inputs.x, inputs.tokens) : inputs.x; // [B·Q, D]
  const attention = selfAttention(graph, layer, ATTENTION, { ...inputs, queryInput, heads }); // [B·Q, D]
  const residual = layer.layerNorm("attention.output.LayerNorm", graph.add(attention.x, queryInput), layerNormEps); // [B·Q, D]
  const mlpOutput = mlp(graph, layer, MLP, residual, F, hiddenAct); // [B·Q, D]
  const x = layer.layerNorm("output.LayerNorm", graph.add(mlpOutput, residual), layerNormEps); // [B·Q, D]
  return { x, probabilities: attention.probabilities };
}

/** BERT's pooler where the checkpoint has one, which the published ones have not: `[B, D] -> [B, D]`. */
function bertPooler(graph: GraphBuilder, pooler: ParameterScope, x: Value): Value {
  return pooler.has("dense.weight") ? graph.tanh(pooler.linear("dense", x, Number(x.dims[1]))) : x;
}
