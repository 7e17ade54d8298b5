/**
 * Scaled dot-product attention as ONNX Runtime computes it: by one fused operator, or step by step.
 */
import type { Value } from "../ir/graph.js";
import { float, int } from "../ir/attributes.js";
import type { AttentionInputs, GraphBuilder } from "../ir/graph-builder.js";

/** The most negative float32, which masks a key: torch's `finfo(float32).min`. */
const FLOAT32_LOWEST = -3.4028234663852886e38;
/** Far below every score, and far enough from half precision's end that a score can be added. */
const FLOAT16_MASKED = -30_000;

/** Attention by one operator -> `[B, Q, D]`. */
export function fusedAttention(graph: GraphBuilder, { query, key, value, heads, mask }: AttentionInputs): Value {
  const inputs = mask === undefined ? [query, key, value] : [query, key, value, undefined, mask];
  const attributes = { num_heads: int(heads), mask_filter_value: float(FLOAT32_LOWEST) };
  return graph.apply("MultiHeadAttention", inputs, query, attributes, "com.microsoft");
}

/**
 * The same step by step, with the probabilities `[B, heads, Q, L]`.
 *
 * @param dropout - what the probabilities are multiplied by, `[B, heads, Q, L]`.
 */
export function attentionSteps(
  graph: GraphBuilder,
  { query, key, value, heads, mask }: AttentionInputs,
  dropout?: Value,
): { context: Value; probabilities: Value } {
  const size = Number(query.dims[2]);
  const headSize = size / heads;
  const inHeads = graph.int64([0, 0, heads, headSize]);
  const q = graph.transpose(graph.reshape(query, inHeads), [0, 2, 1, 3]); // [B, h, Q, d]
  const kT = graph.transpose(graph.reshape(key, inHeads), [0, 2, 3, 1]); // [B, h, d, L]
  const v = graph.transpose(graph.reshape(value, inHeads), [0, 2, 1, 3]); // [B, h, L, d]
  let scores = graph.mul(graph.matMul(q, kT), graph.number(1 / Math.sqrt(headSize))); // [B, h, Q, L]
  if (mask !== undefined) scores = graph.add(scores, maskBias(graph, mask)); // [B, h, Q, L]
  const probabilities = graph.softmax(scores); // [B, h, Q, L]
  const weights = dropout === undefined ? probabilities : graph.mul(probabilities, dropout);
  const context = graph.transpose(graph.matMul(weights, v), [0, 2, 1, 3]); // [B, Q, h, d]
  return { context: graph.reshape(context, graph.int64([0, 0, size])), probabilities }; // [B, Q, D]
}

/** What is added to the scores: nothing for a key that is seen, for a masked one what leaves it no probability. `[B, 1, 1, L]` */
function maskBias(graph: GraphBuilder, mask: Value): Value {
  const masked = graph.sub(graph.number(1), graph.cast(mask, graph.computeType)); // [B, L]
  const lowest = graph.computeType === "float32" ? FLOAT32_LOWEST : FLOAT16_MASKED;
  return graph.unsqueeze(graph.mul(masked, graph.number(lowest)), [1, 2]);
}
