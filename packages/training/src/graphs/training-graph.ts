/**
 * A graph of training on its way to a session: parameters are inputs, because they change between runs, and gradients are outputs.
 */
import type { Dimension, ElementType, Graph, Value } from "@chinese-clip/model";
import { encodeModel, GraphBuilder } from "@chinese-clip/model/graph";
import { gradients, type Seed } from "../gradient/gradients.js";
import { inlineGraph } from "../gradient/inline-graph.js";
import { extentsOf } from "../gradient/steps.js";
import { isStatistic } from "../gradient/batch-statistics.js";
import { peakLiveBytes } from "./live-bytes.js";
import { earlyGradients } from "./early-gradients.js";

/** A parameter: a tensor of the checkpoint, in the shape that the model has it. */
export interface Parameter {
  /** Its name in the checkpoint, which is also the name of the graph's input. */
  readonly name: string;
  /** Its shape. */
  readonly dims: readonly number[];
}

/** A graph ready for a session. */
export interface EncodedTraining {
  /** ONNX protobuf. */
  readonly model: Uint8Array;
  /** What the graph reads of the checkpoint: float32 inputs. */
  readonly parameters: readonly Parameter[];
  /** Those of them that it gives gradients of, as outputs called {@link gradientName}. */
  readonly trained: readonly Parameter[];
  /** Running statistics of batch norms that it gives after the batch, as outputs called {@link updatedName}. */
  readonly updated: readonly Parameter[];
  /** Whether those gradients are added to inputs called {@link earlierName}. */
  readonly accumulates: boolean;
  /** Bytes of what is alive at a time while it runs, beside the parameters and their gradients. */
  readonly liveBytes: () => number;
}

/** What a graph's output with a parameter's gradient is called. */
export function gradientName(parameter: string): string {
  return `gradient.${parameter}`;
}

/** What the input with the gradient of earlier chunks is called, to which this one's is added. */
export function earlierName(parameter: string): string {
  return `earlier.${parameter}`;
}

/** What the output with a running statistic after the batch is called. */
export function updatedName(statistic: string): string {
  return `updated.${statistic}`;
}

/** One graph under construction. */
export class TrainingGraph {
  /** Takes operators beside the towers. */
  readonly builder: GraphBuilder;
  readonly #parameters: Map<string, Value> = new Map();
  readonly #trains: (parameter: string) => boolean;
  readonly #statistics: Map<string, Value> = new Map();
  #trained: readonly Value[] = [];
  #updated: readonly Value[] = [];
  #accumulates = false;

  /** @param trains - which of its parameters are trained; by default all. */
  constructor(name: string, trains: (parameter: string) => boolean = () => true) {
    this.builder = new GraphBuilder(name);
    this.#trains = trains;
  }

  /** An input of the graph. */
  input(name: string, type: ElementType, dims: readonly Dimension[]): Value {
    return this.builder.input(name, type, dims);
  }

  /** A parameter, which is one input however often it is taken. */
  parameter(name: string, dims: readonly number[]): Value {
    let value = this.#parameters.get(name);
    if (value === undefined) {
      value = this.builder.input(name, "float32", dims);
      this.#parameters.set(name, value);
    }
    return value;
  }

  /**
   * A tower's outputs, by name.
   *
   * @param nameOf - what a parameter is called here; by default as it is in the tower.
   * @param batchStatistics - whether its batch norms are in training; by default they are in evaluation.
   */
  tower(
    source: Graph,
    extents: Readonly<Record<string, number>>,
    inputs: Readonly<Record<string, Value>>,
    nameOf: (parameter: string) => string = (name) => name,
    batchStatistics = false,
  ): Readonly<Record<string, Value>> {
    const parameter = (name: string, dims: readonly number[]): Value => this.parameter(nameOf(name), dims);
    const statistics = (name: string, value: Value): unknown => this.#statistics.set(nameOf(name), value);
    return inlineGraph(this.builder, source, { extents, inputs, parameter, statistics: batchStatistics ? statistics : undefined });
  }

  /** Makes the running statistics after the batch outputs. */
  updateStatistics(): void {
    this.#updated = [...this.#statistics].map(([name, { type, dims }]) => ({ name, type, dims }));
    for (const [name, value] of this.#statistics) this.builder.output(updatedName(name), value);
  }

  /**
   * Makes the gradients of every trained parameter outputs, and of `others` outputs called `gradient.<name of the value>`.
   *
   * @param accumulate - whether each is added to an input with the gradient of earlier chunks.
   */
  gradients(seeds: readonly Seed[], others: readonly Value[] = [], accumulate = false): void {
    const trained = [...this.#parameters.values()].filter(({ name }) => !isStatistic(name) && this.#trains(name));
    this.#trained = trained;
    this.#accumulates = accumulate;
    const wanted = [...trained, ...others];
    for (const [i, gradient] of gradients(this.builder, seeds, wanted).entries()) {
      const { name } = wanted[i] ?? gradient;
      const isParameter = i < trained.length;
      const earlier = accumulate && isParameter ? this.builder.input(earlierName(name), "float32", gradient.dims) : undefined;
      this.builder.output(gradientName(name), earlier === undefined ? gradient : this.builder.add(earlier, gradient));
    }
  }

  /** The finished graph. */
  encode(): EncodedTraining {
    const { name, inputs, outputs, nodes: made, values, initializers } = this.builder.finish();
    const nodes = earlyGradients(made, outputs);
    const describe = (value: string): Value[] => {
      const found = values.get(value);
      return found === undefined ? [] : [found];
    };
    const used = new Set(nodes.flatMap((node) => node.inputs));
    const model = encodeModel({
      name,
      inputs: inputs.flatMap(describe),
      outputs: outputs.flatMap(describe),
      initializers: [...initializers.values()].filter((initializer) => used.has(initializer.name)), // ONNX Runtime warns of others
      nodes,
    });
    const parameter = ({ name: input, ...value }: Value): Parameter => ({ name: input, dims: extentsOf({ name: input, ...value }) });
    return {
      model,
      parameters: [...this.#parameters.values()].map(parameter),
      trained: this.#trained.map(parameter),
      updated: this.#updated.map(parameter),
      accumulates: this.#accumulates,
      liveBytes: () => {
        const elsewhere = new Set([...inputs, ...outputs, ...initializers.keys()]);
        return peakLiveBytes({ nodes, values, isElsewhere: (value) => elsewhere.has(value) });
      },
    };
  }
}
