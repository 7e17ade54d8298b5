/**
 * Parameters by name: a scope of the checkpoint from which a graph takes its layers' parameters, each with the shape it must have.
 */
import type { GraphBuilder, Value } from "../onnx/graph-builder.js";
import type { Checkpoint } from "../weights/checkpoint.js";

/** The parameters below one name of the checkpoint, as graph values. */
export class ParameterScope {
  readonly #graph: GraphBuilder;
  readonly #checkpoint: Checkpoint;
  readonly #prefix: string;

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
   * One parameter as float32, whatever it is stored in: ONNX Runtime does the conversion when it loads the graph.
   *
   * @throws {@link CheckpointError} where it is missing or has another shape.
   */
  get(name: string, shape: readonly number[]): Value {
    return this.#stored(name, shape).value;
  }

  /** Rows of the embedding table `name`, `[rows, size]`, at `indices [..] -> [.., size]`; only the rows are converted to float32. */
  embed(name: string, indices: Value, rows: number, size: number): Value {
    const full = this.#prefix + name;
    const reference = this.#checkpoint.tensor(full, [rows, size]);
    const found = this.#graph.gather(this.#graph.weight(full, reference), indices);
    return reference.dtype === "F32" ? found : this.#graph.cast(found, "float32");
  }

  /** `x [M, inputs] -> [M, outputs]` by the linear layer `name`, with its bias. */
  linear(name: string, x: Value, inputs: number, outputs: number): Value {
    const layer = this.in(name);
    return this.#graph.linear(x, layer.get("weight", [outputs, inputs]), layer.get("bias", [outputs]));
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

  #stored(name: string, shape: readonly number[]): { value: Value; transposed: boolean } {
    const full = this.#prefix + name;
    const reference = this.#checkpoint.tensor(full, shape);
    const value = this.#graph.weight(full, reference);
    return { value: reference.dtype === "F32" ? value : this.#graph.cast(value, "float32"), transposed: reference.transposed };
  }
}
