/** A graph as a device computes it fastest, as far as it computes it right. */
import type { EncodedGraph } from "../onnx/write/encoded-graph.js";
import { encodeGraph, type TowerGraph } from "./encode-graph.js";
import type { GraphTarget } from "./ir/graph.js";
import type { TryGraph } from "./lowering/fused-attention-check.js";

/**
 * Encodes a graph for a target. On a GPU attention without a mask is one operator where that operator, tried on 70 tokens first, gives the right result; a graph
 * without such attention tries nothing.
 *
 * @param tryGraph - an error of its means that the operator cannot be used.
 */
export async function encodeForDevice(graph: TowerGraph, target: GraphTarget, tryGraph: TryGraph): Promise<EncodedGraph> {
  if (target === "cpu" || "model" in graph) return encodeGraph(graph, target);
  const { canFuseAttention } = await import("./lowering/fused-attention-check.js"); // for GPUs alone
  return encodeGraph(graph, target, await canFuseAttention(graph, target, tryGraph));
}
