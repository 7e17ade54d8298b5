/**
 * Parameters by name: a scope of the checkpoint from which a graph takes its layers' parameters, each with the shape it must have. How a
 * layer is computed follows from what is stored: a weight in floating point, or one that a tower file (`quantize/`) has in whole numbers.
 */
import type { GraphBuilder, Value } from "../onnx/graph-builder.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { WeightDtype } from "../weights/tensor-reference.js";
import { INT4_BLOCK_SIZE, int8Product, type QuantizedRows, quantizeRows, type RowZeroPoints, tableBlockSize } from "./quantized-linear.js";

/** What a graph knows of a linear layer besides; a weight in whole numbers makes use of it. */
export interface LinearOptions {
  /** What layers share that take as many rows as `x` has. Default: this layer shares nothing. */
  readonly rows?: RowZeroPoints;
  /** What no element of `x` is below, near zero. */
  readonly least?: number;
  /** Whether the results are an attention's keys: their bias adds the same to all scores of a query, which softmax takes away again. Default: no. */
  readonly keys?: boolean;
}

/** The parameters below one name of the checkpoint, as graph values. */
export class ParameterScope {
  readonly #graph: GraphBuilder;
  readonly #checkpoint: Checkpoint;
  readonly #prefix: string;
  /** What was scaled, and what was quantised, already: the query, key and value layers share it. */
  readonly #scaled: Map<string, Value> = new Map();
  readonly #quantized: Map<Value, QuantizedRows> = new Map();

  constructor(graph: GraphBuilder, checkpoint: Checkpoint, prefix = "") {
    this.#graph = graph;
    this.#checkpoint = checkpoint;
    this.#prefix = prefix;
  }

  /** The parameters below `name`. */
  in(name: string): ParameterScope {
    return new ParameterScope(this.#graph, this.#checkpoint, `${this.#prefix}${name}.`);
  }

  /** Whether there is a parameter of that name. */
  has(name: string): boolean {
    return this.#checkpoint.tensors.has(this.#prefix + name);
  }

  /**
   * One parameter in the number format that is computed in, whatever it is stored in.
   *
   * @throws {@link CheckpointError} where it is missing or has another shape.
   */
  get(name: string, shape: readonly number[]): Value {
    return this.#stored(name, shape).value;
  }

  /** Rows of the embedding table `name`, `[rows, size]`, at `indices [..] -> [.., size]`; only the rows are converted. */
  embed(name: string, indices: Value, rows: number, size: number): Value {
    if (this.has(`${name}_uint8`)) {
      const block = tableBlockSize(size);
      const scales = this.get(`${name}_scale`, [rows, size / block]);
      return this.#graph.gatherBlocks(this.#asStored(`${name}_uint8`, [rows, size], "U8"), indices, scales, block);
    }
    const full = this.#prefix + name;
    const reference = this.#checkpoint.tensor(full, [rows, size]);
    return this.#graph.computedRows(full, reference, indices);
  }

  /** `x [M, inputs] -> [M, outputs]` by the linear layer `name`, with its bias. */
  linear(name: string, x: Value, inputs: number, outputs: number, { rows = new Map(), least, keys = false }: LinearOptions = {}): Value {
    const layer = this.in(name);
    const bias = (): Value => layer.get("bias", [outputs]); // after the weight: where both are missing, that says more
    if (layer.has("weight_int8")) {
      const [weight, scale] = [layer.#asStored("weight_int8", [inputs, outputs], "I8"), layer.#asStored("weight_scale", [outputs], "F32")];
      // WebGPU has no products of whole numbers; what is small there too is the weight.
      if (this.#graph.target !== "cpu")
        return this.#graph.linear(this.#scaledInput(x, inputs), this.#graph.dequantize(weight, scale), bias(), true);
      const product = int8Product(this.#graph, this.#quantizedRows(x, inputs, rows, least), weight, scale); // [M, outputs]
      return keys ? product : this.#graph.add(product, bias());
    }
    if (layer.has("weight_int4")) {
      const blocks = inputs / INT4_BLOCK_SIZE;
      const weight = {
        values: layer.#asStored("weight_int4", [outputs, blocks, INT4_BLOCK_SIZE / 2], "U8"),
        scales: layer.get("weight_scale", [outputs * blocks]),
        zeroPoints: layer.#asStored("weight_zero_point", [outputs * Math.ceil(blocks / 2)], "U8"),
        bias: bias(),
      };
      return this.#graph.matMulBlocks(this.#scaledInput(x, inputs), weight, [inputs, outputs], INT4_BLOCK_SIZE);
    }
    return this.#graph.linear(x, layer.get("weight", [outputs, inputs]), bias());
  }

  /** `x [M, inputs] -> [M, outputs]` by the projection `name`, which has no bias, and which cn_clip stores as `[inputs, outputs]`. */
  projection(name: string, x: Value, inputs: number, outputs: number): Value {
    const { value, transposed } = this.in(name).#stored("weight", [outputs, inputs]);
    return this.#graph.linear(x, value, undefined, transposed);
  }

  /** LayerNorm `name` over the last axis, of extent `size`. */
  layerNorm(name: string, x: Value, size: number, epsilon: number): Value {
    const layer = this.in(name);
    return this.#graph.layerNorm(x, layer.get("weight", [size]), layer.get("bias", [size]), epsilon);
  }

  /** `x [M, inputs]` in uint8; once for all layers that take it. */
  #quantizedRows(x: Value, inputs: number, rows: RowZeroPoints, least: number | undefined): QuantizedRows {
    const scaled = this.#scaledInput(x, inputs);
    const quantized = this.#quantized.get(scaled) ?? quantizeRows(this.#graph, scaled, inputs, rows, least);
    this.#quantized.set(scaled, quantized);
    return quantized;
  }

  /** `x [M, inputs]`, times this scope's `input_scale` where it has one; once for all layers that take it. */
  #scaledInput(x: Value, inputs: number): Value {
    if (!this.has("input_scale")) return x;
    const scaled = this.#scaled.get(x) ?? this.#graph.mul(x, this.get("input_scale", [inputs]));
    this.#scaled.set(x, scaled);
    return scaled;
  }

  #asStored(name: string, shape: readonly number[], dtype: WeightDtype): Value {
    const full = this.#prefix + name;
    return this.#graph.weight(full, this.#checkpoint.tensor(full, shape, [dtype]));
  }

  #stored(name: string, shape: readonly number[]): { value: Value; transposed: boolean } {
    const full = this.#prefix + name;
    const reference = this.#checkpoint.tensor(full, shape);
    return { value: this.#graph.computedWeight(full, reference), transposed: reference.transposed };
  }
}
