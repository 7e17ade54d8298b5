/**
 * A graph for a target: our own operators become ONNX's and ONNX Runtime's, and parameters become the tensors that they are stored as.
 */
import type { ElementType, Node } from "../../onnx/write/ir.js";
import type { WeightDtype } from "../../weights/tensor-reference.js";
import type { Graph, GraphTarget, NamedTensor, Storage, Value } from "../ir/graph.js";
import { GraphBuilder } from "../ir/graph-builder.js";
import { attentionSteps, fusedAttention } from "./attention.js";
import { gemm } from "./gemm.js";
import { PackedTokens } from "./packed-tokens.js";
import type { Lowering, QuantizedLayers } from "./quantized-layers.js";

/** Which stored dtypes a graph can read, and what ONNX calls them. */
const STORED_TYPES: ReadonlyMap<WeightDtype, ElementType> = new Map([
  ["I8", "int8"],
  ["U8", "uint8"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["F64", "float64"],
]);

/** The graph in operators that the target's runtime has. What it computes stays the same but for rounding. */
export async function forTarget(graph: Graph, target: GraphTarget, fuseAttention: boolean): Promise<Graph> {
  const lowering = new TargetLowering(graph, target, fuseAttention);
  const isQuantized = [...graph.parameters.values()].some(({ kind }) => kind !== "float");
  return lowering.run(
    isQuantized ? new (await import("./quantized-layers.js")).QuantizedLayers(lowering) : undefined,
    PackedTokens.of(lowering),
  );
}

class TargetLowering implements Lowering {
  readonly target: GraphTarget;
  readonly source: Graph;
  readonly result: GraphBuilder;
  readonly #fuseAttention: boolean;
  /** Values of the result, by the source's names. */
  readonly #values: Map<string, Value> = new Map();

  constructor(source: Graph, target: GraphTarget, fuseAttention: boolean) {
    this.source = source;
    this.target = target;
    this.#fuseAttention = fuseAttention;
    this.result = new GraphBuilder(source.name, target === "gpu-half" ? "float16" : "float32");
  }

  run(quantized: QuantizedLayers | undefined, packed: PackedTokens | undefined): Graph {
    const outputs = new Set(this.source.outputs);
    for (const name of this.source.inputs) {
      const { type, dims } = this.source.values.get(name) ?? unknown(name);
      this.#values.set(name, this.#computed(this.result.input(name, type, dims)));
    }
    for (const node of this.source.nodes) {
      const [name = ""] = node.outputs;
      if (outputs.has(name)) this.result.output(name, this.value(node.inputs[0] ?? ""));
      else for (const [i, value] of this.#lower(node, quantized, packed).entries()) this.#values.set(node.outputs[i] ?? "", value);
    }
    return this.result.finish();
  }

  value(name: string): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const storage = this.source.parameters.get(name);
    const value = storage === undefined ? this.#constant(name) : this.#parameter(name, storage);
    this.#values.set(name, value);
    return value;
  }

  // ONNX Runtime converts it when it loads the graph.
  floats(tensor: NamedTensor): Value {
    return this.#computed(this.stored(tensor));
  }

  stored({ name, dtype, shape, file, byteOffset, byteLength, bytes }: NamedTensor): Value {
    const type = STORED_TYPES.get(dtype);
    if (type === undefined)
      throw new TypeError(`weight: expected a dtype of ${[...STORED_TYPES.keys()].join(", ")} in ${name}, got ${dtype}`);
    return this.result.initializer({ name, type, dims: shape, data: bytes ?? { location: file, offset: byteOffset, length: byteLength } });
  }

  /** `x` in the dtype that is computed in. */
  #computed(x: Value): Value {
    return x.type.includes("float") ? this.result.cast(x, this.result.computeType) : x;
  }

  #constant(name: string): Value {
    const initializer = this.source.initializers.get(name);
    return initializer === undefined
      ? unknown(name)
      : this.#computed(this.result.initializer(initializer, this.source.values.get(name)?.content));
  }

  #parameter(name: string, storage: Storage): Value {
    if (storage.kind !== "float")
      throw new TypeError(`${name}: expected floating point, got ${storage.kind}; only a linear layer or an embedding takes it`);
    const value = this.floats({ ...storage.tensor, name });
    return storage.tensor.transposed ? this.result.transpose(value, [1, 0]) : value;
  }

  #lower(node: Node, quantized: QuantizedLayers | undefined, packed: PackedTokens | undefined): Value[] {
    const [first = "", second = "", third] = node.inputs;
    const layer = packed?.lower(node) ?? quantized?.lower(node);
    if (layer !== undefined) return [layer];
    if (node.opType === "Linear") return [this.#linear(first, second, third)];
    if (node.opType === "Embedding") return [this.#embedding(first, second)];
    if (node.opType === "Attention") return this.#attention(node);
    const [name = ""] = node.outputs;
    const { type, dims: known, content } = this.source.values.get(name) ?? unknown(name);
    const dims = packed?.dims(known) ?? known;
    const result = { type: type === "float32" ? this.result.computeType : type, dims, ...(content === undefined ? {} : { content }) };
    const inputs = node.inputs.map((input) => (input === "" ? undefined : this.value(input)));
    return [this.result.apply(node.opType, inputs, result, node.attributes, node.domain)];
  }

  #linear(input: string, weight: string, bias: string | undefined): Value {
    const storage = this.source.parameters.get(weight);
    const tensor = storage?.kind === "float" ? storage.tensor : undefined;
    const matrix = tensor?.transposed === true ? this.floats({ ...tensor, name: weight }) : this.value(weight);
    return gemm(this.result, this.value(input), matrix, bias === undefined ? undefined : this.value(bias), tensor?.transposed === true);
  }

  #embedding(table: string, indices: string): Value {
    const storage = this.source.parameters.get(table);
    const at = this.value(indices);
    // On the CPU only the rows are converted; a GPU without half precision can not even gather it.
    if (storage?.kind !== "float" || this.target === "gpu") return this.result.gather(this.value(table), at);
    return this.#computed(this.result.gather(this.stored({ ...storage.tensor, name: table }), at));
  }

  /**
   * By one fused operator on the CPU, unless the probabilities are wanted; on a GPU where it was tried before (`fused-attention-check.ts`) and there is no mask,
   * which WebGPU's does not take.
   */
  #attention({ inputs, outputs, attributes }: Node): Value[] {
    const [query, key, value, mask] = inputs.map((name) => this.value(name));
    const heads = attributes["num_heads"]?.value;
    if (query === undefined || key === undefined || value === undefined || typeof heads !== "number") return unknown("Attention");
    const attention = { query, key, value, heads, mask };
    const fused = this.target === "cpu" || (this.#fuseAttention && mask === undefined);
    if (fused && outputs.length === 1) return [fusedAttention(this.result, attention)];
    const { context, probabilities } = attentionSteps(this.result, attention);
    return [context, probabilities];
  }
}

function unknown(name: string): never {
  throw new TypeError(`forTarget: expected a value ${name} in the graph, got none`);
}
