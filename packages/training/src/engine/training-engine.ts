/**
 * Training steps on a runtime: forward, loss, backward, AdamW, with all weights staying in the runtime's memory. In one graph, or in chunks that see the
 * whole batch's loss.
 */
import type { Graph, ResidentSession, TrainingRuntime } from "@chinese-clip/model";
import { featureGraph, FEATURES, LOGIT_SCALE } from "../graphs/step-graphs.js";
import type { EncodedTraining, Parameter } from "../graphs/training-graph.js";
import { AdamW, type AdamWSettings } from "../optimizer/adamw.js";
import { ParameterMemory } from "../optimizer/parameter-memory.js";
import { type ComputationSettings, loadGraph, type PlannedComputation, type StepComputation, type Tower } from "./computation.js";
import { planInSegments } from "./in-segments.js";
import { planOneGraph } from "./one-graph.js";
import { type BatchResult, padRows, rowsOf, type TrainingBatch, valuesOf } from "../data/rows.js";

/** The largest logarithm of the scale: cn_clip keeps it in `[0, ln 100]`. */
const MAX_LOGIT_SCALE = 4.6052;

/** What is trained, and how. */
export interface EngineSettings extends ComputationSettings {
  /** AdamW's numbers. */
  readonly optimizer: AdamWSettings;
  /** Maximum norm of the gradient; a larger one is scaled down to it. Default: no limit, as cn_clip. */
  readonly maxGradientNorm?: number | undefined;
  /** What of a moving average of the weights stays in a step, such as 0.999; features are then those of the average. Default: no average. */
  readonly averageDecay?: number | undefined;
  /** The trained towers as they are outside training, where that is another graph: without dropout, masked patches. */
  readonly evaluation?: Partial<Record<Tower, Graph>> | undefined;
}

/**
 * Plans a step's graphs: one, or segments where it is in chunks or block by block.
 *
 * @throws RangeError - a chunk that does not divide the batch.
 */
export function planComputation(settings: ComputationSettings): PlannedComputation {
  const { batch, chunk = batch, blocks = false } = settings;
  if (!Number.isSafeInteger(chunk) || chunk < 1 || batch % chunk !== 0)
    throw new RangeError(`chunk: expected a divisor of the batch of ${batch}, got ${chunk}`);
  return chunk === batch && !blocks ? planOneGraph(settings) : planInSegments(settings);
}

/** Steps of training over one set of parameters. */
export class TrainingEngine {
  /** The parameters, with gradients and moments. */
  readonly memory: ParameterMemory;
  readonly #runtime: TrainingRuntime;
  readonly #settings: EngineSettings;
  readonly #evaluation: Partial<Record<Tower, ResidentSession>> = {};
  readonly #computation: StepComputation;
  readonly #optimizer: AdamW;

  private constructor(runtime: TrainingRuntime, settings: EngineSettings, memory: ParameterMemory, computation: StepComputation) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.memory = memory;
    this.#computation = computation;
    this.#optimizer = new AdamW(runtime, memory, settings.optimizer);
  }

  /**
   * Allocates the parameters and loads the graphs.
   *
   * @param initial - a parameter's values: the checkpoint's, or those of an interrupted run.
   * @throws RangeError - a chunk that does not divide the batch.
   */
  static async create(
    runtime: TrainingRuntime,
    settings: EngineSettings,
    initial: (parameter: Parameter) => Promise<Float32Array>,
  ): Promise<TrainingEngine> {
    const planned = planComputation(settings);
    const parameters = new Map(planned.parameters.map((parameter) => [parameter.name, parameter]));
    const isAveraged = settings.averageDecay !== undefined;
    const memory = await ParameterMemory.create(runtime, [...parameters.values()], new Set(planned.trained), isAveraged);
    for (const parameter of parameters.values()) {
      const values = await initial(parameter);
      await memory.write(parameter.name, values);
      if (isAveraged && memory.isTrained(parameter.name)) await memory.write(parameter.name, values, "average");
    }
    return new TrainingEngine(runtime, settings, memory, await planned.load(runtime, memory));
  }

  /** The loss of a batch, and its gradients in {@link TrainingEngine.memory}. */
  gradients(batch: TrainingBatch): Promise<BatchResult> {
    return this.#computation.gradients(batch);
  }

  /** The length of the gradients as one vector. */
  gradientNorm(): Promise<number> {
    return this.#optimizer.gradientNorm();
  }

  /**
   * Moves the parameters by the gradients that are there, and clamps `logit_scale` where it is trained.
   *
   * @param step - counted from 1.
   * @param norm - the gradients' length, if they are to be scaled down.
   */
  async update(step: number, learningRate: number, norm?: number): Promise<void> {
    const { maxGradientNorm = Number.POSITIVE_INFINITY } = this.#settings;
    if (norm !== undefined && norm > maxGradientNorm) await this.#optimizer.scaleGradients(maxGradientNorm / (norm + 1e-6));
    await this.#optimizer.step(step, learningRate);
    if (this.memory.isTrained(LOGIT_SCALE)) await this.#optimizer.clamp(LOGIT_SCALE, 0, MAX_LOGIT_SCALE);
    const { averageDecay } = this.#settings;
    if (averageDecay !== undefined) await this.#optimizer.average(averageDecay);
  }

  /** The logarithm of the scale. */
  async logitScale(): Promise<number> {
    return (await this.memory.read(LOGIT_SCALE))[0] ?? Number.NaN;
  }

  /**
   * A trained tower's features, `[rows, E]`, with the parameters as they are.
   *
   * @param inputs - the tower's inputs, of any number of rows.
   */
  async features(kind: Tower, inputs: TrainingBatch): Promise<Float32Array> {
    const { batch, chunk = batch, projection, towers, evaluation, averageDecay, batchStatistics = false } = this.#settings;
    const graph = evaluation?.[kind] ?? towers[kind];
    const [first] = Object.values(inputs);
    if (graph === undefined || first === undefined) throw new TypeError(`features: expected the inputs of a trained tower, got ${kind}`);
    const rows = first.dims[0] ?? 0;
    const all = new Float32Array(rows * projection);
    for (let start = 0; start < rows; start += chunk) {
      const count = Math.min(chunk, rows - start);
      const part = graph.inputs.map((name) => [name, padRows(rowsOf(inputs[name], rows, start, count), chunk)]);
      const feeds = Object.fromEntries(part) as TrainingBatch;
      const isOther = graph !== towers[kind] || averageDecay !== undefined || batchStatistics;
      const features = await (isOther ? this.#evaluate(kind, graph, feeds) : this.#computation.features(kind, feeds));
      all.set(features.subarray(0, count * projection), start * projection);
    }
    return all;
  }

  /** The features of a chunk, by a graph or weights other than those of the steps. */
  async #evaluate(kind: Tower, graph: Graph, feeds: TrainingBatch): Promise<Float32Array> {
    const { batch, chunk = batch, averageDecay } = this.#settings;
    const part = averageDecay === undefined ? "parameter" : "average";
    const encode = (): EncodedTraining => featureGraph(kind, graph, { ...this.#settings, batch: chunk });
    const session = (this.#evaluation[kind] ??= await loadGraph(this.#runtime, this.memory, encode(), part));
    return valuesOf(await session.run(feeds), FEATURES[kind]);
  }
}
