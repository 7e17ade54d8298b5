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

  /** One parameter. @throws {@link CheckpointError} where it is missing or has another shape. */
  get(name: string, shape: readonly number[]): Value {
    const full = this.#prefix + name;
    return this.#graph.weight(full, this.#checkpoint.tensor(full, shape));
  }

  /** `x [M, inputs] -> [M, outputs]` by the linear layer `name`, with its bias. */
  linear(name: string, x: Value, inputs: number, outputs: number): Value {
    const layer = this.in(name);
    return this.#graph.linear(x, layer.get("weight", [outputs, inputs]), layer.get("bias", [outputs]));
  }

  /** `x [M, inputs] -> [M, outputs]` by the projection `name`, which has no bias. */
  projection(name: string, x: Value, inputs: number, outputs: number): Value {
    return this.#graph.linear(x, this.in(name).get("weight", [outputs, inputs]));
  }

  /** LayerNorm `name` over the last axis, of extent `size`. */
  layerNorm(name: string, x: Value, size: number, epsilon: number): Value {
    const layer = this.in(name);
    return this.#graph.layerNorm(x, layer.get("weight", [size]), layer.get("bias", [size]), epsilon);
  }
}
