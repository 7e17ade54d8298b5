/** A step as one graph: everything of the batch is alive until the way back is through. */
import type { ResidentSession, TrainingRuntime } from "@chinese-clip/model";
import { FEATURES, featureGraph, stepGraph } from "../graphs/step-graphs.js";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { type ComputationSettings, loadGraph, type PlannedComputation, type StepComputation, type Tower } from "./computation.js";
import { type BatchResult, resultOf, type TrainingBatch, valuesOf } from "../data/rows.js";

/** Plans a step as one graph. */
export function planOneGraph(settings: ComputationSettings): PlannedComputation {
  const encoded = stepGraph(settings.towers, settings);
  return {
    parameters: encoded.parameters,
    trained: encoded.trained.map(({ name }) => name),
    memory: { states: 0, graphs: 1, live: encoded.liveBytes(), isKept: true },
    load: async (runtime, memory) => new OneGraph(runtime, memory, settings, await loadGraph(runtime, memory, encoded)),
  };
}

class OneGraph implements StepComputation {
  readonly #runtime: TrainingRuntime;
  readonly #memory: ParameterMemory;
  readonly #settings: ComputationSettings;
  readonly #step: ResidentSession;
  readonly #features: Partial<Record<Tower, ResidentSession>> = {};

  constructor(runtime: TrainingRuntime, memory: ParameterMemory, settings: ComputationSettings, step: ResidentSession) {
    this.#runtime = runtime;
    this.#memory = memory;
    this.#settings = settings;
    this.#step = step;
  }

  async gradients(batch: TrainingBatch): Promise<BatchResult> {
    return resultOf(await this.#step.run(batch));
  }

  async features(kind: Tower, inputs: TrainingBatch): Promise<Float32Array> {
    const graph = this.#settings.towers[kind];
    if (graph === undefined) throw new TypeError(`features: expected a trained tower, got ${kind}`);
    const encoded = featureGraph(kind, graph, this.#settings);
    const session = (this.#features[kind] ??= await loadGraph(this.#runtime, this.#memory, encoded));
    return valuesOf(await session.run(inputs), FEATURES[kind]);
  }
}
