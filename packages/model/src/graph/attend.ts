/**
 * Scaled dot-product attention in `heads` heads (Vaswani et al., 2017, section 3.2), as one fused operator, or step by step
 * where the attention probabilities are wanted, and on GPUs.
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

/**
 * Attention -> `[B, Q, D]`: by one fused operator on the CPU. WebGPU's one takes no mask, and from 32 queries on it is wrong on adapters of few
 * lanes (ONNX Runtime 1.30: by 3 to 20% with 4 and 8).
 */
export function attend(graph: GraphBuilder, inputs: AttentionInputs): Value {
  if (graph.target !== "cpu") return attendWithProbabilities(graph, inputs).context;
  const { query, key, value, heads, mask } = inputs;
  return graph.multiHeadAttention(query, key, value, heads, mask);
}

/** What is added to the scores: nothing for a key that is seen, for one that is hidden what leaves it no probability. `[B, 1, 1, L]` */
function hidingBias(graph: GraphBuilder, mask: Value): Value {
  const hidden = graph.sub(graph.number(1), graph.cast(mask, graph.computeType)); // [B, L]
  const least = graph.computeType === "float32" ? FLOAT32_LOWEST : FLOAT16_HIDING;
  return graph.unsqueeze(graph.mul(hidden, graph.number(least)), [1, 2]);
}

/** Far below every score, and far enough from half precision's end that a score can be added. */
const FLOAT16_HIDING = -30_000;

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
  let scores = graph.mul(graph.matMul(q, kT), graph.number(1 / Math.sqrt(headSize))); // [B, h, Q, L]
  if (mask !== undefined) scores = graph.add(scores, hidingBias(graph, mask)); // [B, h, Q, L]
  const probabilities = graph.softmax(scores); // [B, h, Q, L]
  const context = graph.transpose(graph.matMul(probabilities, v), [0, 2, 1, 3]); // [B, Q, h, d]
  return { context: graph.reshape(context, graph.int64([0, 0, size])), probabilities }; // [B, Q, D]
}
