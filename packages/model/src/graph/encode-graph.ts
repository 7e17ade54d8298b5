/**
 * The last step of a graph: for a target, as ONNX protobuf.
 */
import type { EncodedGraph } from "../onnx/write/encoded-graph.js";
import type { Graph, GraphTarget } from "./ir/graph.js";

/** A tower's graph: built here, or cut out of an ONNX export, which is encoded already. */
export type TowerGraph = Graph | EncodedGraph;

/**
 * Encodes a graph for a target. One that is encoded already stays as it is.
 *
 * @param fuseAttention - whether a GPU's attention without a mask is one operator; `encodeForDevice` finds out whether it may be.
 */
export async function encodeGraph(graph: TowerGraph, target: GraphTarget = "cpu", fuseAttention = false): Promise<EncodedGraph> {
  if ("model" in graph) return graph;
  const { encodeBuiltGraph } = await import("./encode-built-graph.js"); // an ONNX export needs no encoder
  return encodeBuiltGraph(graph, target, fuseAttention);
}
