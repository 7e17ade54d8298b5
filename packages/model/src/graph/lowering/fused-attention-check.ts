/**
 * Whether a device's fused attention is right, by its result: ONNX Runtime 1.30's for WebGPU is wrong by 3 to 20% from 32 queries on where an adapter has
 * subgroups of 4 or 8 lanes, and right on others, and no name tells which they are.
 */
import { Tensor } from "onnxruntime-common";
import { encodeGraph } from "../encode-graph.js";
import type { Graph } from "../ir/graph.js";
import { GraphBuilder } from "../ir/graph-builder.js";

/** Runs an encoded graph, which has no weights, on the device. */
export type TryGraph = (
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
) => Promise<Readonly<Record<string, { readonly data: unknown }>>>;

/** More than two blocks of 32 queries, and not a multiple of them, as the 197 tokens of ViT-B/16 are not. */
const TOKENS = 70;
const HEADS = 2;
const HEAD_SIZE = 64;
const SIZE = HEADS * HEAD_SIZE;
/** How far a right result may be from ours, whose values are below 1: half precision rounds the scores. */
const TOLERANCES = { gpu: 1e-3, "gpu-half": 2e-2 } as const;

/** Whether a graph has attention without a mask, and the device's fused operator gives the right result for 70 tokens. */
export async function canFuseAttention(graph: Graph, target: "gpu" | "gpu-half", tryGraph: TryGraph): Promise<boolean> {
  const isUnmasked = graph.nodes.some(({ opType, inputs }) => opType === "Attention" && inputs.length === 3);
  return isUnmasked && (await isRight(target, tryGraph).catch(() => false));
}

async function isRight(target: "gpu" | "gpu-half", tryGraph: TryGraph): Promise<boolean> {
  const graph = new GraphBuilder("attention");
  const [query, key, value] = [graph.input("q", "float32", DIMS), graph.input("k", "float32", DIMS), graph.input("v", "float32", DIMS)];
  graph.output("context", graph.attention({ query, key, value, heads: HEADS, mask: undefined }).context);
  const [q, k, v] = [values(1.3), values(2.1), values(3.7)];
  const { model } = await encodeGraph(graph.finish(), target, true);
  const feeds = { q: new Tensor("float32", q, DIMS), k: new Tensor("float32", k, DIMS), v: new Tensor("float32", v, DIMS) };
  const found = (await tryGraph(model, feeds))["context"]?.data;
  const expected = attention(q, k, v);
  return found instanceof Float32Array && expected.every((wanted, i) => Math.abs((found[i] ?? NaN) - wanted) <= TOLERANCES[target]);
}

const DIMS = [1, TOKENS, SIZE];

/** `[L, D]` between -1 and 1, without a pattern that a wrong order of rows would leave as it is. */
function values(frequency: number): Float32Array {
  return Float32Array.from({ length: TOKENS * SIZE }, (_, i) => Math.sin(frequency * i + (i * i) / 977));
}

/** Attention of `q`, `k` and `v` `[L, D]` in heads. */
function attention(q: Float32Array, k: Float32Array, v: Float32Array): Float32Array {
  const context = new Float32Array(q.length);
  for (let head = 0; head < SIZE; head += HEAD_SIZE) {
    for (let i = 0; i < TOKENS; i++) {
      const weights = Array.from({ length: TOKENS }, (_, j) => {
        let score = 0;
        for (let d = head; d < head + HEAD_SIZE; d++) score += (q[i * SIZE + d] ?? 0) * (k[j * SIZE + d] ?? 0);
        return Math.exp(score / Math.sqrt(HEAD_SIZE));
      });
      const sum = weights.reduce((a, b) => a + b, 0);
      for (let d = head; d < head + HEAD_SIZE; d++)
        context[i * SIZE + d] = weights.reduce((total, weight, j) => total + (weight / sum) * (v[j * SIZE + d] ?? 0), 0);
    }
  }
  return context;
}
