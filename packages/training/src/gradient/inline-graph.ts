/**
 * A tower's graph inside a training graph: every extent is a number, parameters are values of the training graph, and the operators of our own
 * (`Linear`, `Embedding`, `Attention`) become ONNX's, each of which has a rule in `rules/`.
 */
import type { Dimension, Graph, Node, Value } from "@chinese-clip/model";
import { attentionSteps, gemm, type GraphBuilder } from "@chinese-clip/model/graph";
import { trainingBatchNorm } from "./batch-statistics.js";

/** What a tower's graph is connected to. */
export interface InlineOptions {
  /** The numbers that its named extents stand for, such as `{ batch: 8, sequence: 52 }`. */
  readonly extents: Readonly<Record<string, number>>;
  /** A value for each of its inputs, by name. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** A value for one of its parameters, in the shape that the model has it, whichever way round it is stored. */
  readonly parameter: (name: string, dims: readonly number[]) => Value;
  /** Takes a batch norm's running statistics after the batch, by their parameters' names. Absent: batch norms are in evaluation. */
  readonly statistics?: ((name: string, value: Value) => unknown) | undefined;
}

/**
 * Copies a tower's graph into a training graph.
 *
 * @returns its outputs, by name.
 * @throws TypeError - an extent that `extents` does not name, or an operator on quantised weights.
 */
export function inlineGraph(target: GraphBuilder, source: Graph, options: InlineOptions): Readonly<Record<string, Value>> {
  const copy = new GraphCopy(target, source, options);
  return copy.run();
}

class GraphCopy {
  readonly #target: GraphBuilder;
  readonly #source: Graph;
  readonly #options: InlineOptions;
  readonly #values: Map<string, Value> = new Map();

  constructor(target: GraphBuilder, source: Graph, options: InlineOptions) {
    this.#target = target;
    this.#source = source;
    this.#options = options;
  }

  run(): Readonly<Record<string, Value>> {
    const { nodes, outputs } = this.#source;
    const results: Record<string, Value> = {};
    for (const node of nodes) {
      const [first = ""] = node.outputs;
      if (outputs.includes(first)) results[first] = this.#value(node.inputs[0] ?? "");
      else for (const [i, value] of this.#apply(node).entries()) this.#values.set(node.outputs[i] ?? "", value);
    }
    return results;
  }

  #apply(node: Node): readonly Value[] {
    const target = this.#target;
    const { opType, outputs, attributes, domain } = node;
    const { type, dims, content } = this.#described(outputs[0] ?? "");
    if (content !== undefined) return [target.int64(this.#extents(content))]; // a shape, which is a constant here
    const [x, y, z, mask, dropout] = node.inputs.map((name) => (name === "" ? undefined : this.#value(name)));
    const result = { type, dims: this.#extents(dims) };
    if (x !== undefined && y !== undefined) {
      if (opType === "Linear") return [gemm(target, x, y, z, false)];
      if (opType === "Embedding") return [target.gather(x, y)];
      if (opType === "Reshape") return [target.reshape(x, target.int64(result.dims))];
      if (opType === "Attention" && z !== undefined) {
        const heads = Number(attributes["num_heads"]?.value);
        const { context, probabilities } = attentionSteps(target, { query: x, key: y, value: z, heads, mask }, dropout);
        return [context, probabilities];
      }
      if (opType === "LayerNormalization") {
        const statistic = { type, dims: result.dims.map((extent, axis) => (axis === result.dims.length - 1 ? 1 : extent)) };
        return target.applyAll(opType, [x, y, z], [result, statistic, statistic], attributes); // mean and 1 / deviation, for the way back
      }
    }
    const inputs = node.inputs.map((name) => (name === "" ? undefined : this.#value(name)));
    if (opType === "BatchNormalization" && this.#options.statistics !== undefined) return [this.#batchNorm(node, inputs)];
    return [target.apply(opType, inputs, result, attributes, domain)];
  }

  #batchNorm({ inputs: names, attributes }: Node, inputs: readonly (Value | undefined)[]): Value {
    const [x, weight, bias, runningMean, runningVariance] = inputs as [Value, Value, Value, Value, Value];
    const epsilon = attributes["epsilon"]?.kind === "float" ? attributes["epsilon"].value : 1e-5;
    const trained = trainingBatchNorm(this.#target, { x, weight, bias, runningMean, runningVariance, epsilon });
    this.#options.statistics?.(names[3] ?? "", trained.runningMean);
    this.#options.statistics?.(names[4] ?? "", trained.runningVariance);
    return trained.y;
  }

  #value(name: string): Value {
    const known = this.#values.get(name) ?? this.#options.inputs[name];
    if (known !== undefined) return known;
    const value = this.#parameterOrConstant(name);
    this.#values.set(name, value);
    return value;
  }

  #parameterOrConstant(name: string): Value {
    const { dims, content } = this.#described(name);
    if (content !== undefined)
      return dims.length === 0 ? this.#target.int64(Number(content[0])) : this.#target.int64(this.#extents(content));
    const storage = this.#source.parameters.get(name);
    if (storage !== undefined) {
      if (storage.kind !== "float") throw new TypeError(`inlineGraph: expected ${name} in floating point, got ${storage.kind}`);
      return this.#options.parameter(name, this.#extents(dims));
    }
    const initializer = this.#source.initializers.get(name);
    if (initializer === undefined) throw new TypeError(`inlineGraph: expected a value for ${name}, got none`);
    return this.#target.initializer(initializer);
  }

  #described(name: string): Value {
    const value = this.#source.values.get(name);
    if (value === undefined) throw new TypeError(`inlineGraph: expected a value ${name} in the graph ${this.#source.name}, got none`);
    return value;
  }

  #extents(dims: readonly Dimension[]): number[] {
    return knownExtents(dims, this.#options.extents);
  }
}

/** The numbers that extents such as `batch*sequence` stand for. */
export function knownExtents(dims: readonly Dimension[], extents: Readonly<Record<string, number>>): number[] {
  return dims.map((dim) => extentOf(dim, extents));
}

/** `2*batch*sequence` -> its number. A sum is a factor in brackets, whose products are written with a dot. */
function extentOf(dim: Dimension, extents: Readonly<Record<string, number>>): number {
  if (typeof dim === "number") return dim;
  return dim.split("*").reduce((total, factor) => {
    if (factor.startsWith("(")) {
      const terms = factor.slice(1, -1).split("+");
      return total * terms.reduce((sum, term) => sum + extentOf(term.replaceAll("·", "*"), extents), 0);
    }
    const number = /^\d+$/u.test(factor) ? Number(factor) : extents[factor];
    if (number === undefined) throw new TypeError(`inlineGraph: expected a number for the extent ${factor}, got none`);
    return total * number;
  }, 1);
}
