/**
 * LoRA (Hu et al., 2021): beside a linear layer `x W^T + b` the product of two narrow matrices, `(alpha / r) x A^T B^T`, which alone are trained. Names are
 * PEFT's.
 */
import type { Graph } from "@chinese-clip/model";
import { GraphRewrite } from "./graph-rewrite.js";

/** Which linear layers have adapters, and of which size. */
export interface LoraOptions {
  /** r: columns of the narrow matrices. */
  readonly rank: number;
  /** What the product is multiplied by, divided by the rank. Default: twice the rank. */
  readonly alpha?: number | undefined;
  /**
   * Ends of the layers' names, as PEFT's `target_modules`. Default `query`, `value` (BERT), `q_proj`, `v_proj` (image tower); others are `key`, `k_proj`,
   * `out_proj`, `attention.output.dense`, `intermediate.dense`, `output.dense`, `fc1`, `fc2`.
   */
  readonly targets?: readonly string[] | undefined;
}

/** The layers that have adapters by default. */
export const LORA_TARGETS: readonly string[] = ["query", "value", "q_proj", "v_proj"];

const ADAPTER = /\.lora_[AB]\.weight$/u;

/** Whether a parameter belongs to an adapter. */
export function isAdapter(parameter: string): boolean {
  return ADAPTER.test(parameter);
}

/** An adapter's matrices. */
export interface Adapter {
  /** The layer's weight, `[out, in]`. */
  readonly weight: string;
  /** `[r, in]` */
  readonly a: string;
  /** `[out, r]` */
  readonly b: string;
}

/** What the product is multiplied by. */
export function adapterScale({ rank, alpha = 2 * rank }: LoraOptions): number {
  return alpha / rank;
}

/**
 * A tower's graph with adapters.
 *
 * @throws RangeError - targets that are no linear layers of the tower.
 */
export function withAdapters(graph: Graph, options: LoraOptions): { readonly graph: Graph; readonly adapters: readonly Adapter[] } {
  const { rank, targets = LORA_TARGETS } = options;
  const rewrite = new GraphRewrite(graph);
  const adapters: Adapter[] = [];
  const adapted = rewrite.rewrite(({ opType, inputs, outputs }) => {
    const [x = "", weight = ""] = inputs;
    const layer = weight.replace(/\.weight$/u, "");
    if (opType !== "Linear" || !targets.some((target) => layer === target || layer.endsWith(`.${target}`))) return undefined;
    const [output = ""] = outputs;
    const [input, result] = [rewrite.value(x), rewrite.value(output)];
    const [out = 0, into = 0] = rewrite.value(weight).dims.map(Number);
    const adapter = { weight, a: `${layer}.lora_A.weight`, b: `${layer}.lora_B.weight` };
    const [a, b] = [rewrite.parameter(adapter.a, [rank, into]), rewrite.parameter(adapter.b, [out, rank])];
    const low = rewrite.apply(`${layer}.lora.low`, "Linear", [input, a], { type: "float32", dims: [result.dims[0] ?? 0, rank] }); // [M, r]
    const high = rewrite.apply(`${layer}.lora.high`, "Linear", [low, b], result); // [M, N]
    const scaled = rewrite.apply(`${layer}.lora.scaled`, "Mul", [high, rewrite.number(adapterScale(options))], result);
    rewrite.replace(output, rewrite.apply(`${layer}.lora.result`, "Add", [result, scaled], result));
    adapters.push(adapter);
    return undefined;
  });
  if (adapters.length === 0)
    throw new RangeError(`lora.targets: expected linear layers of the ${graph.name} tower, got ${targets.join(", ")}`);
  return { graph: adapted, adapters };
}

/**
 * A layer's weight with its adapter in it: `W + (alpha / r) B A`.
 *
 * @param weight - `[out, in]`
 * @param a - `[r, in]`
 * @param b - `[out, r]`
 */
export function mergedWeight(weight: Float32Array, a: Float32Array, b: Float32Array, options: LoraOptions): Float32Array {
  const { rank } = options;
  const [scale, into, out] = [adapterScale(options), a.length / rank, b.length / rank];
  const merged = Float32Array.from(weight);
  const row = new Float64Array(into);
  for (let i = 0; i < out; i++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = (b[i * rank + r] ?? 0) * scale;
      for (let j = 0; j < into; j++) row[j] = (row[j] ?? 0) + factor * (a[r * into + j] ?? 0);
    }
    for (let j = 0; j < into; j++) merged[i * into + j] = (merged[i * into + j] ?? 0) + (row[j] ?? 0);
  }
  return merged;
}
