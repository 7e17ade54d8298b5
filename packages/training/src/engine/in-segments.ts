/**
 * A step in segments and chunks: features of all chunks, the loss of the whole batch, then each chunk's way back (Gao et al., 2021, "GradCache";
 * cn_clip's `--accum-freq`), so that the loss sees the whole batch whatever the chunk.
 */
import type { ResidentSession } from "@chinese-clip/model";
import { Tensor } from "onnxruntime-common";
import { FEATURES, lossGraph, TEACHER_FEATURES } from "../graphs/step-graphs.js";
import { type EncodedTraining, gradientName } from "../graphs/training-graph.js";
import { parametersOf, planChain } from "../segments/chain-plan.js";
import { stateBytes, TowerChain } from "../segments/tower-chain.js";
import { type ComputationSettings, loadGraph, type PlannedComputation, type StepComputation, type Tower, TOWERS } from "./computation.js";
import { type BatchResult, resultOf, rowsOf, type TrainingBatch } from "../data/rows.js";

/** Plans a step in segments and chunks. */
export function planInSegments(settings: ComputationSettings): PlannedComputation {
  const { batch, chunk = batch, sequence, blocks = false } = settings;
  const chains = TOWERS.flatMap((kind) => {
    const graph = settings.towers[kind];
    return graph === undefined ? [] : [{ kind, plan: planChain(graph, blocks, batch, { batch: chunk, sequence }, settings) }];
  });
  const kinds = chains.map(({ kind }) => kind);
  const loss = lossGraph(kinds, settings);
  const towers = chains.map(({ plan }) => parametersOf(plan));
  const plans = chains.map(({ plan }) => plan);
  const every = plans.flatMap(({ segments }) => segments.flatMap(({ forward, first, others = first }) => [forward, first, others]));
  const graphs = distinct([...every, loss]);
  const { states, gradient } = stateBytes(plans);
  return {
    memory: {
      states: states + 2 * gradient,
      live: graphs.reduce((most, graph) => Math.max(most, graph.liveBytes()), 0),
      graphs: graphs.length,
      isKept: false,
    },
    parameters: [...towers.flatMap(({ parameters }) => parameters), ...loss.parameters],
    trained: [...towers.flatMap(({ trained }) => trained), ...loss.trained.map(({ name }) => name)],
    async load(runtime, memory) {
      const loaded = await TowerChain.createAll(runtime, memory, plans);
      const byKind = new Map(loaded.map((chain, i) => [kinds[i] ?? "text", chain]));
      return new InSegments(settings, byKind, await loadGraph(runtime, memory, loss));
    },
  };
}

class InSegments implements StepComputation {
  readonly #settings: ComputationSettings;
  readonly #chains: ReadonlyMap<Tower, TowerChain>;
  readonly #loss: ResidentSession;

  constructor(settings: ComputationSettings, chains: ReadonlyMap<Tower, TowerChain>, loss: ResidentSession) {
    this.#settings = settings;
    this.#chains = chains;
    this.#loss = loss;
  }

  async gradients(batch: TrainingBatch): Promise<BatchResult> {
    const { projection, batch: B, chunk = B } = this.#settings;
    const chunks = Array.from({ length: B / chunk }, (_, i) => i);
    const feeds: Record<string, Tensor> = {};
    for (const [kind, chain] of this.#chains) {
      const all = new Float32Array(B * projection);
      for (const i of chunks) all.set(await chain.forward(this.#chunkOf(batch, kind, i), i), i * chunk * projection);
      feeds[FEATURES[kind]] = new Tensor("float32", all, [B, projection]);
    }
    for (const name of [...Object.values(FEATURES), TEACHER_FEATURES]) if (batch[name] !== undefined) feeds[name] = batch[name];
    const results = await this.#loss.run(feeds);
    for (const [kind, chain] of this.#chains) {
      const gradient = results[gradientName(FEATURES[kind])];
      for (const i of chunks) await chain.backward(this.#chunkOf(batch, kind, i), i, rowsOf(gradient, B, i * chunk, chunk));
    }
    return resultOf(results);
  }

  async features(kind: Tower, inputs: TrainingBatch): Promise<Float32Array> {
    const chain = this.#chains.get(kind);
    if (chain === undefined) throw new TypeError(`features: expected a trained tower, got ${kind}`);
    return chain.forward(inputs, 0);
  }

  #chunkOf(batch: TrainingBatch, kind: Tower, index: number): TrainingBatch {
    const { towers, batch: B, chunk = B } = this.#settings;
    const inputs = towers[kind]?.inputs ?? [];
    return Object.fromEntries(inputs.map((name) => [name, rowsOf(batch[name], B, index * chunk, chunk)]));
  }
}

/** One of those that are equal: they have one length, and a segment of another kind has another. */
function distinct(graphs: readonly EncodedTraining[]): readonly EncodedTraining[] {
  return [...new Map(graphs.map((graph) => [graph.model.length, graph])).values()];
}
