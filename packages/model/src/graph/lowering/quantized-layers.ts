/**
 * Linear layers and embeddings whose weights are integers. Activations are quantised while the graph runs, each row (a token) by its own maximum
 * magnitude: what a row becomes does not depend on the others, so an embedding does not depend on its neighbours in a batch.
 */
import type { Dimension, Node } from "../../onnx/write/ir.js";
import { int } from "../ir/attributes.js";
import type { Graph, GraphTarget, NamedTensor, Storage, Value } from "../ir/graph.js";
import type { GraphBuilder } from "../ir/graph-builder.js";
import { INT4_BLOCK_SIZE } from "../stored-parameter.js";
import { gemm } from "./gemm.js";

/** A graph on its way to a target. */
export interface Lowering {
  readonly target: GraphTarget;
  /** The graph that is lowered. */
  readonly source: Graph;
  /** What it becomes. */
  readonly result: GraphBuilder;
  /** The result's value for one of the source's, in the dtype that is computed in. */
  value(name: string): Value;
  /** A stored tensor as it is. */
  stored(tensor: NamedTensor): Value;
  /** A stored tensor in the dtype that is computed in. */
  floats(tensor: NamedTensor): Value;
}

/** Rows in uint8 around a zero point. */
interface QuantizedRows {
  /** uint8 `[M, K]` */
  readonly values: Value;
  /** The zero point that the products take: a uint8 number. */
  readonly zeroPoint: Value;
  /** What a step is worth, float32 `[M, 1]`. */
  readonly steps: Value;
}

/** The minimum of each activation, rounded down to steps of 1/10,000, by its operator. */
export const ACTIVATION_MINIMUM: ReadonlyMap<string, number> = new Map([
  ["Gelu", -0.17],
  ["QuickGelu", -0.1637],
  ["FastGelu", -0.1701],
  ["Relu", 0],
]);

/** Zero point of rows that reach as far below zero as above. */
const SYMMETRIC_ZERO_POINT = 128;

/** The zero point of weights in uint8. */
const WEIGHT_ZERO_POINT = 128;
/**
 * Zero point of an activation's results, which reach no further below zero than 0.17: of the 255 steps most are for what is above. The smaller it is, the larger
 * is a step of rows whose values are all small: with 16 the smallest cosine of ViT-B/16 with outliers was 0.9895, with 32 0.9920, with 64 0.9939.
 */
const ACTIVATION_ZERO_POINT = 64;

/** The quantised layers of one graph, which share what they have in common: an input's rows, and the zero points of as many rows. */
export class QuantizedLayers {
  readonly #lowering: Lowering;
  readonly #scaled: Map<string, Value> = new Map();
  readonly #rows: Map<string, QuantizedRows> = new Map();
  readonly #zeroPoints: Map<string, Value> = new Map();
  readonly #producers: Map<string, Node> = new Map();
  readonly #uses: Map<string, { readonly consumer: Node; readonly index: number }[]> = new Map();

  constructor(lowering: Lowering) {
    this.#lowering = lowering;
    for (const node of lowering.source.nodes) {
      for (const name of node.outputs) this.#producers.set(name, node);
      for (const [index, name] of node.inputs.entries()) this.#uses.set(name, [...(this.#uses.get(name) ?? []), { consumer: node, index }]);
    }
  }

  /** The result of a `Linear` or an `Embedding` whose weight is stored in integers; undefined for any other node. */
  lower(node: Node): Value | undefined {
    const [first = "", second = "", bias] = node.inputs;
    const storage = this.#lowering.source.parameters.get(node.opType === "Linear" ? second : first);
    if (node.opType === "Embedding") return storage?.kind === "table" ? this.#embedding(storage, this.#lowering.value(second)) : undefined;
    if (node.opType !== "Linear") return undefined;
    const biasValue = (): Value | undefined => (bias === undefined ? undefined : this.#lowering.value(bias));
    if (storage?.kind === "int4") return this.#blocks(this.#lowering.value(first), storage, biasValue());
    return storage?.kind === "int8" ? this.#int8(node, storage, biasValue) : undefined;
  }

  /** The linear layer with a weight of 8 bits: `x [M, K] -> [M, N]`. */
  #int8(
    { inputs: [input = ""], outputs: [output = ""] }: Node,
    storage: Storage & { kind: "int8" },
    biasValue: () => Value | undefined,
  ): Value {
    const { result: graph, target } = this.#lowering;
    const x = this.#lowering.value(input);
    const [weight, scales] = [this.#lowering.stored(storage.values), this.#lowering.stored(storage.scales)]; // [K, N], [N]
    const scaled = this.#scaledInput(x, storage.inputScale);
    // WebGPU has no products of integers; what is small there too is the weight.
    if (target !== "cpu") return gemm(graph, scaled, dequantized(graph, weight, scales), biasValue(), true);
    const minimum = storage.inputScale === undefined ? ACTIVATION_MINIMUM.get(this.#producers.get(input)?.opType ?? "") : undefined;
    const { values, zeroPoint, steps } = this.#quantizedRows(scaled, minimum);
    const result = { type: "float32", dims: [x.dims[0] ?? 0, weight.dims[1] ?? 0] } as const;
    const weightZero = weight.type === "uint8" ? [uint8(graph, WEIGHT_ZERO_POINT)] : [];
    const inputs = [values, weight, graph.number(1), scales, zeroPoint, ...weightZero];
    const product = graph.apply("MatMulIntegerToFloat", inputs, result, {}, "com.microsoft");
    const y = graph.mul(product, steps); // [M, N]
    const added = this.#isKey(output) ? undefined : biasValue();
    return added === undefined ? y : graph.add(y, added);
  }

  /** Rows of uint8 `table [rows, size]` around 128 times its scales, at `indices [..] -> [.., size]`. */
  #embedding({ values, scales, blockSize }: Storage & { kind: "table" }, indices: Value): Value {
    const attributes = { bits: int(8), block_size: int(blockSize), gather_axis: int(0), quantize_axis: int(1) };
    const scaleValues = this.#lowering.floats(scales); // [rows, size / blockSize]
    const table = this.#lowering.stored(values);
    const result = { type: scaleValues.type, dims: [...indices.dims, ...table.dims.slice(1)] };
    return this.#lowering.result.apply("GatherBlockQuantized", [table, indices, scaleValues], result, attributes, "com.microsoft");
  }

  /** The linear layer with a weight of 4 bits. The products are of int8 where the processor has instructions for it, else of float32. */
  #blocks(x: Value, storage: Storage & { kind: "int4" }, bias: Value | undefined): Value {
    const { values, scales, zeroPoints, inputScale } = storage;
    const [N = 0, blocks = 0] = values.shape;
    const inputs = [this.#lowering.stored(values), this.#lowering.floats(scales), this.#lowering.stored(zeroPoints), undefined, bias];
    const scaled = this.#scaledInput(x, inputScale);
    const attributes = {
      K: int(blocks * INT4_BLOCK_SIZE),
      N: int(N),
      bits: int(4),
      block_size: int(INT4_BLOCK_SIZE),
      accuracy_level: int(4),
    };
    const result = { type: x.type, dims: [x.dims[0] ?? 0, N] };
    return this.#lowering.result.apply("MatMulNBits", [scaled, ...inputs], result, attributes, "com.microsoft");
  }

  /** `x [M, K]` times `scale [K]`; once for all layers that take it. */
  #scaledInput(x: Value, scale: NamedTensor | undefined): Value {
    if (scale === undefined) return x;
    const key = `${x.name} ${scale.name}`;
    const scaled = this.#scaled.get(key) ?? this.#lowering.result.mul(x, this.#lowering.floats(scale));
    this.#scaled.set(key, scaled);
    return scaled;
  }

  /**
   * `x [M, K]` in 255 steps a row; once for all layers that take it. A row of zeros stays one.
   *
   * @param minimum - of all elements, where it is known, and near zero: the steps are then finer, and there is no magnitude to look for below zero.
   */
  #quantizedRows(x: Value, minimum: number | undefined): QuantizedRows {
    const known = this.#rows.get(x.name);
    if (known !== undefined) return known;
    const graph = this.#lowering.result;
    const zeroPoint = minimum === undefined ? SYMMETRIC_ZERO_POINT : ACTIVATION_ZERO_POINT;
    const maximum = graph.reduceMax(minimum === undefined ? graph.abs(x) : x, -1); // [M, 1]
    const above = graph.mul(maximum, graph.number(1 / (255 - zeroPoint))); // [M, 1]
    const steps = minimum === undefined ? above : graph.max(above, graph.number(Math.abs(minimum) / zeroPoint)); // [M, 1]
    const zeros = this.#zeroPointRows(zeroPoint, steps); // [M, 1]
    const attributes = { axis: int(1), block_size: int(Number(x.dims[1])) };
    // A row as a block of its elements: ONNX Runtime computes blocks side by side, but one index of an axis after the other.
    const values = graph.apply("QuantizeLinear", [x, steps, zeros], { type: "uint8", dims: x.dims }, attributes); // [M, K]
    const rows = { values, zeroPoint: uint8(graph, zeroPoint), steps };
    this.#rows.set(x.name, rows);
    return rows;
  }

  /** uint8 `[M, 1]` of one value, like `steps`; layers of as many rows share it. */
  #zeroPointRows(zeroPoint: number, steps: Value): Value {
    const graph = this.#lowering.result;
    const rows: Dimension = steps.dims[0] ?? 0;
    const key = `${zeroPoint} ${rows}`;
    const zeros = this.#zeroPoints.get(key) ?? graph.expand(uint8(graph, zeroPoint), graph.shape(steps));
    this.#zeroPoints.set(key, zeros);
    return zeros;
  }

  /**
   * Whether a value is an attention's keys and nothing else. A bias of theirs adds the same to all scores of a query, which softmax takes away again.
   */
  #isKey(name: string): boolean {
    const uses = this.#uses.get(name) ?? [];
    return (
      uses.length > 0 &&
      uses.every(({ consumer: { opType, outputs }, index }) =>
        opType === "Reshape" ? this.#isKey(outputs[0] ?? "") : opType === "Attention" && index === 1,
      )
    );
  }
}

/** int8 or uint8 `weight [K, N]` times float32 `scales [N]`, in the dtype that is computed in. */
function dequantized(graph: GraphBuilder, weight: Value, scales: Value): Value {
  const zeros = weight.type === "uint8" ? [graph.expand(uint8(graph, WEIGHT_ZERO_POINT), graph.shape(scales))] : []; // [N]
  const floats = graph.apply("DequantizeLinear", [weight, scales, ...zeros], { type: "float32", dims: weight.dims }, { axis: int(1) });
  return graph.cast(floats, graph.computeType);
}

/** One uint8 number. */
function uint8(graph: GraphBuilder, value: number): Value {
  return graph.initializer({ name: `uint8_${value}`, type: "uint8", dims: [], data: Uint8Array.of(value) });
}
