/**
 * Scaled dot-product attention in `heads` heads (Vaswani et al., 2017, section 3.2), as one fused operator, or step by step
 * where the attention probabilities are wanted.
 */
import { FLOAT32_LOWEST, type GraphBuilder, type Value } from "../onnx/graph-builder.js";

/** What attends to what. Q is 1 where only the class token asks, else L. */
export interface AttentionInputs {
  /** `[B, Q, D]` */
  readonly query: Value;
  /** `[B, L, D]` */
  readonly key: Value;
  /** `[B, L, D]` */
  readonly value: Value;
  /** Number of heads; divides `size`. */
  readonly heads: number;
  /** D. */
  readonly size: number;
  /** int32 `[B, L]`: 0 hides a key. Absent: all are seen. */
  readonly mask: Value | undefined;
}

/** Attention by one fused operator -> `[B, Q, D]`. */
export function attend(graph: GraphBuilder, { query, key, value, heads, mask }: AttentionInputs): Value {
  return graph.multiHeadAttention(query, key, value, heads, mask);
}

/** The same, step by step, with the probabilities `[B, heads, Q, L]`. */
export function attendWithProbabilities(
  graph: GraphBuilder,
  { query, key, value, heads, size, mask }: AttentionInputs,
): { context: Value; probabilities: Value } {
  const headSize = size / heads;
  const inHeads = graph.int64([0, 0, heads, headSize]);
  const q = graph.transpose(graph.reshape(query, inHeads), [0, 2, 1, 3]); // [B, h, Q, d]
  const kT = graph.transpose(graph.reshape(key, inHeads), [0, 2, 3, 1]); // [B, h, d, L]
  const v = graph.transpose(graph.reshape(value, inHeads), [0, 2, 1, 3]); // [B, h, L, d]
  let scores = graph.mul(graph.matMul(q, kT), graph.float32(1 / Math.sqrt(headSize))); // [B, h, Q, L]
  if (mask !== undefined) {
    const hidden = graph.sub(graph.float32(1), graph.cast(mask, "float32")); // [B, L]
    scores = graph.add(scores, graph.unsqueeze(graph.mul(hidden, graph.float32(FLOAT32_LOWEST)), [1, 2])); // [B, h, Q, L]
  }
  const probabilities = graph.softmax(scores); // [B, h, Q, L]
  const context = graph.transpose(graph.matMul(probabilities, v), [0, 2, 1, 3]); // [B, Q, h, d]
  return { context: graph.reshape(context, graph.int64([0, 0, size])), probabilities }; // [B, Q, D]
}
