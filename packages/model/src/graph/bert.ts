/**
 * The text tower: BERT (Devlin et al., 2018), post-LayerNorm, as transformers' `modeling_chinese_clip.py` computes it. The text
 * feature is the class token's last state times `text_projection`; there is no pooler in between.
 *
 * Shapes in the margin: B texts, L tokens, D hidden size, F intermediate size, E projection. States are kept as `[B·L, D]`,
 * so that a linear layer is one matrix product with the weight as it lies in the file.
 */
import type { ChineseCLIPTextConfig } from "../config/text-config.js";
import { type EncodedGraph, GraphBuilder, type GraphTarget, type Value } from "../onnx/graph-builder.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import { activate, LEAST_ACTIVATION } from "./activate.js";
import { attend, attendWithProbabilities } from "./attend.js";
import { ParameterScope } from "./parameter-scope.js";
import type { RowZeroPoints } from "./quantized-linear.js";
import type { TowerOutputs } from "./tower-outputs.js";

/**
 * Builds the text tower's graph.
 *
 * Inputs, int64 `[batch, sequence]`: `input_ids`, `attention_mask`, `token_type_ids`. Outputs, float32: for `features`
 * `text_features [batch, E]`; for `states` `last_hidden_state [batch, sequence, D]`, `pooler_output [batch, D]` (the class token's
 * state where the checkpoint has no pooler), `text_features` where there is a projection, and `hidden_states.i`, `attentions.i`.
 *
 * @param projectionDim - E, or undefined for a tower without a projection (then only `states` can be asked for).
 * @param target - what is to compute it.
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape.
 */
export function buildTextGraph(
  config: ChineseCLIPTextConfig,
  checkpoint: Checkpoint,
  outputs: TowerOutputs,
  projectionDim: number | undefined,
  target: GraphTarget = "cpu",
): EncodedGraph {
  const { hiddenSize: D, numHiddenLayers, typeVocabSize, vocabSize, maxPositionEmbeddings, layerNormEps } = config;
  const graph = new GraphBuilder("text", target);
  const parameters = new ParameterScope(graph, checkpoint);
  const model = parameters.in("text_model");
  const wantsStates = outputs.kind === "states";

  const inputIds = graph.input("input_ids", "int64", ["batch", "sequence"]); // [B, L]
  const attentionMask = graph.input("attention_mask", "int64", ["batch", "sequence"]); // [B, L]
  const tokenTypeIds = graph.input("token_type_ids", "int64", ["batch", "sequence"]); // [B, L]

  const mask = graph.cast(graph.cast(attentionMask, "bool"), "int32"); // [B, L]
  const tokens = graph.concat([graph.shape(inputIds), graph.int64([D])], 0); // = [B, L, D]
  const rows = graph.int64([-1, D]); // = [B·L, D]

  const embeddings = model.in("embeddings");
  const words = embeddings.embed("word_embeddings.weight", inputIds, vocabSize, D); // [B, L, D]
  const types = embeddings.embed("token_type_embeddings.weight", tokenTypeIds, typeVocabSize, D); // [B, L, D]
  const length = graph.shape(inputIds, 1, 2); // = [L]
  const positions = graph.slice(embeddings.get("position_embeddings.weight", [maxPositionEmbeddings, D]), graph.int64([0]), length, 0); // [L, D]
  const embedded = graph.add(graph.add(words, types), positions); // [B, L, D]
  let x = embeddings.layerNorm("LayerNorm", graph.reshape(embedded, rows, ["rows", D]), D, layerNormEps); // [B·L, D]

  const reportState = (index: number): void => {
    if (wantsStates && outputs.hiddenStates) graph.output(`hidden_states.${index}`, graph.reshape(x, tokens), ["batch", "sequence", D]);
  };
  reportState(0);
  const allRows: RowZeroPoints = new Map();
  for (let i = 0; i < numHiddenLayers; i++) {
    const classOnly = !wantsStates && i === numHiddenLayers - 1;
    const layer = bertLayer(graph, model.in(`encoder.layer.${i}`), config, {
      x,
      tokens,
      mask,
      allRows,
      classOnly,
      wantsProbabilities: wantsStates && outputs.attentions,
    });
    x = layer.x; // [B·L, D], of the last layer [B, D] if only the class token is wanted
    if (layer.probabilities !== undefined)
      graph.output(`attentions.${i}`, layer.probabilities, ["batch", config.numAttentionHeads, "sequence", "sequence"]);
    reportState(i + 1);
  }

  const classToken = wantsStates ? graph.gather(graph.reshape(x, tokens), graph.int64(0), 1) : x; // [B, D]
  if (wantsStates) {
    graph.output("last_hidden_state", graph.reshape(x, tokens), ["batch", "sequence", D]);
    const pooler = model.in("pooler");
    const pooled = pooler.has("dense.weight") ? graph.tanh(pooler.linear("dense", classToken, D, D)) : classToken; // [B, D]
    graph.output("pooler_output", pooled, ["batch", D]);
  }
  if (projectionDim !== undefined) {
    graph.output("text_features", parameters.projection("text_projection", classToken, D, projectionDim), ["batch", projectionDim]); // [B, E]
  }
  return graph.encode((other) => buildTextGraph(config, checkpoint, outputs, projectionDim, other));
}

interface LayerInputs {
  /** `[B·L, D]` */
  readonly x: Value;
  /** The shape `[B, L, D]`. */
  readonly tokens: Value;
  /** int32 `[B, L]` */
  readonly mask: Value;
  /** Shared by what takes B·L rows. */
  readonly allRows: RowZeroPoints;
  /** Whether only the class token's new state is wanted; it still attends to all. */
  readonly classOnly: boolean;
  readonly wantsProbabilities: boolean;
}

/** One encoder layer: `x = LN(x + attention(x))`, `x = LN(x + feedForward(x))`. */
function bertLayer(
  graph: GraphBuilder,
  layer: ParameterScope,
  config: ChineseCLIPTextConfig,
  { x, tokens, mask, allRows, classOnly, wantsProbabilities }: LayerInputs,
): { x: Value; probabilities: Value | undefined } {
  const { hiddenSize: D, intermediateSize: F, numAttentionHeads: heads, layerNormEps } = config;
  const rows: RowZeroPoints = classOnly ? new Map() : allRows; // of B·Q
  const tokenDims = ["batch", "sequence", D];
  const asking = classOnly ? graph.gather(graph.reshape(x, tokens, tokenDims), graph.int64(0), 1) : x; // [B·Q, D]

  const self = layer.in("attention.self");
  const [queryShape, queryDims] = classOnly ? [graph.int64([-1, 1, D]), ["batch", 1, D]] : [tokens, tokenDims];
  const query = graph.reshape(self.linear("query", asking, D, D, { rows }), queryShape, queryDims); // [B, Q, D]
  const key = graph.reshape(self.linear("key", x, D, D, { rows: allRows, keys: true }), tokens, tokenDims); // [B, L, D]
  const value = graph.reshape(self.linear("value", x, D, D, { rows: allRows }), tokens, tokenDims); // [B, L, D]
  const inputs = { query, key, value, heads, size: D, mask };
  const { context, probabilities } = wantsProbabilities
    ? attendWithProbabilities(graph, inputs)
    : { context: attend(graph, inputs), probabilities: undefined }; // [B, Q, D]

  const contextRows = graph.reshape(context, graph.int64([-1, D]), [classOnly ? "batch" : "rows", D]); // [B·Q, D]
  const attended = layer.in("attention.output").linear("dense", contextRows, D, D, { rows }); // [B·Q, D]
  const middle = layer.layerNorm("attention.output.LayerNorm", graph.add(attended, asking), D, layerNormEps); // [B·Q, D]
  const inner = activate(graph, layer.in("intermediate").linear("dense", middle, D, F, { rows }), config.hiddenAct); // [B·Q, F]
  const outer = layer.in("output").linear("dense", inner, F, D, { rows, least: LEAST_ACTIVATION[config.hiddenAct] }); // [B·Q, D]
  return { x: layer.layerNorm("output.LayerNorm", graph.add(outer, middle), D, layerNormEps), probabilities }; // [B·Q, D]
}
