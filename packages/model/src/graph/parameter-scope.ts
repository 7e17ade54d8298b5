/**
 * Parameters by name: a scope of the checkpoint from which a graph takes its layers' parameters, each with the shape it must have.
 */
import { CheckpointError } from "../checkpoint-error.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { Value } from "./ir/graph.js";
import type { GraphBuilder } from "./ir/graph-builder.js";
import { storedParameter } from "./stored-parameter.js";

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
   * The layers `name.0` to `name.(count - 1)`.
   *
   * @throws {@link CheckpointError} `invalid-config`, where the checkpoint has more layers than the configuration: without them the features would be
   * other ones, and transformers only warns.
   */
  layers(name: string, count: number): (index: number) => ParameterScope {
    const start = `${this.#prefix}${name}.`;
    let last = -1;
    for (const full of this.#checkpoint.tensors.keys()) {
      if (full.startsWith(start)) last = Math.max(last, Number.parseInt(full.slice(start.length), 10) || 0);
    }
    if (last >= count) {
      const key = "num_hidden_layers";
      throw new CheckpointError(
        "invalid-config",
        `${key}: expected ${last + 1}, as many layers as ${this.#prefix}${name} has in the weights, got ${count}`,
        {
          key,
          expected: last + 1,
          actual: count,
        },
      );
    }
    return (index) => this.in(`${name}.${index}`);
  }

  /**
   * One parameter, float32 whatever it is stored in.
   *
   * @throws {@link CheckpointError} where it is missing or has another shape.
   */
  get(name: string, shape: readonly number[]): Value {
    const full = this.#prefix + name;
    return this.#graph.parameter(full, shape, storedParameter(this.#checkpoint, full, shape));
  }

  /** Rows of the embedding table `name`, `[rows, size]`, at `indices [..] -> [.., size]`. */
  embed(name: string, indices: Value, rows: number, size: number): Value {
    return this.#graph.embedding(this.get(name, [rows, size]), indices);
  }

  /** `x [M, inputs] -> [M, outputs]` by the linear layer `name`, with its bias. */
  linear(name: string, x: Value, outputs: number): Value {
    const layer = this.in(name);
    const weight = layer.get("weight", [outputs, lastExtent(name, x)]); // before the bias: where both are missing, that says more
    return this.#graph.linear(x, weight, layer.get("bias", [outputs]));
  }

  /** `x [M, inputs] -> [M, outputs]` by the projection `name`, which has no bias. */
  projection(name: string, x: Value, outputs: number): Value {
    return this.#graph.linear(x, this.in(name).get("weight", [outputs, lastExtent(name, x)]));
  }

  /** LayerNorm `name` over the last axis. */
  layerNorm(name: string, x: Value, epsilon: number): Value {
    const layer = this.in(name);
    const size = [lastExtent(name, x)];
    return this.#graph.layerNorm(x, layer.get("weight", size), layer.get("bias", size), epsilon);
  }
}

function lastExtent(name: string, { dims }: Value): number {
  const size = dims.at(-1);
  if (typeof size === "number") return size;
  throw new TypeError(`${name}: expected an input whose last axis has a known extent, got [${dims.join(", ")}]`);
}
