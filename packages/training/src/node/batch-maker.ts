/** The batches of a run, the next one being prepared ahead. All that is random in a batch follows from the seed, the step and the pair. */
import type { Graph } from "@chinese-clip/model";
import { Tensor } from "onnxruntime-common";
import { batchOf, epochOrder } from "../data/batches.js";
import { chooseSome, fillMask } from "../data/counted-random.js";
import type { TrainingBatch } from "../data/rows.js";
import { knownExtents } from "../gradient/inline-graph.js";
import { isDropoutMask } from "../graphs/dropout.js";
import { SEEN_TOKENS, seenTokens } from "../graphs/patch-mask.js";
import { FEATURES, TEACHER_FEATURES } from "../graphs/step-graphs.js";
import type { OpenRun } from "./open-run.js";

/** What tells one use of the generator from another. */
const [PATCHES, CROPS, MASKS] = [1, 2, 3];

/** Features that do not change: of a frozen tower, of a teacher. */
export interface FixedFeatures {
  readonly frozen?: Float32Array | undefined;
  readonly teacher?: Float32Array | undefined;
}

/** The batches of a run. */
export class BatchMaker {
  readonly #run: OpenRun;
  readonly #fixed: FixedFeatures;
  readonly #signal: AbortSignal | undefined;
  #ahead: { readonly step: number; readonly batch: Promise<TrainingBatch> } | undefined;
  #order: { readonly epoch: number; readonly order: Uint32Array } | undefined;

  constructor(run: OpenRun, fixed: FixedFeatures, signal: AbortSignal | undefined) {
    this.#run = run;
    this.#fixed = fixed;
    this.#signal = signal;
  }

  /** Begins a step's batch. */
  prepare(step: number): void {
    const batch = this.#make(step);
    batch.catch(() => undefined); // whoever takes it is told
    this.#ahead = { step, batch };
  }

  /** A step's batch. */
  async take(step: number): Promise<TrainingBatch> {
    if (this.#ahead?.step !== step) this.prepare(step);
    return (await this.#ahead?.batch) ?? {};
  }

  /** A step's pairs, for a message. */
  describe(step: number): string {
    const { data } = this.#run;
    const names = this.#pairsOf(step).map((pair) => data.nameOf(pair));
    return [...names.slice(0, 3), ...(names.length > 3 ? ["…"] : [])].join("; ");
  }

  #pairsOf(step: number): number[] {
    const { plan, stepsPerEpoch } = this.#run.settings;
    const epoch = Math.floor(step / stepsPerEpoch);
    if (this.#order?.epoch !== epoch) this.#order = { epoch, order: epochOrder(plan, epoch) };
    return batchOf(plan, step, this.#order.order);
  }

  async #make(step: number): Promise<TrainingBatch> {
    const { data, dim, towers, teacher } = this.#run;
    const pairs = this.#pairsOf(step);
    const images = pairs.map((pair) => data.imageOf[pair] ?? 0);
    const parts = (["vision", "text"] as const).map(async (kind): Promise<TrainingBatch> => {
      const graph = towers[kind];
      if (graph !== undefined) return { ...(await this.#inputs(kind, step, pairs, images)), ...this.#masks(graph, step, pairs) };
      return { [FEATURES[kind]]: rowsAt(this.#fixed.frozen, kind === "vision" ? images : pairs, dim) };
    });
    const taught = teacher === undefined ? {} : { [TEACHER_FEATURES]: rowsAt(this.#fixed.teacher, images, teacher.dim) };
    return Object.assign(taught, ...(await Promise.all(parts))) as TrainingBatch;
  }

  #inputs(kind: "text" | "vision", step: number, pairs: readonly number[], images: readonly number[]): Promise<TrainingBatch> {
    const { data, settings } = this.#run;
    const { contextLength, recipe, plan } = settings;
    if (kind === "vision" && recipe.augment)
      return data.augmentedInputs(images, this.#signal, pairs.map((pair) => [plan.seed, step, CROPS, pair])); // prettier-ignore
    return data.inputs(kind, kind === "vision" ? images : pairs, contextLength, this.#signal);
  }

  /** Dropout's masks, and the patches that are seen. */
  #masks(graph: Graph, step: number, pairs: readonly number[]): TrainingBatch {
    const { contextLength: sequence, recipe, plan } = this.#run.settings;
    const masks: Record<string, Tensor> = {};
    for (const [number, name] of graph.inputs.entries()) {
      if (!isDropoutMask(name)) continue;
      const dims = knownExtents(graph.values.get(name)?.dims ?? [], { batch: pairs.length, sequence });
      const mask = new Uint8Array(dims.reduce((product, extent) => product * extent, 1));
      const size = mask.length / pairs.length;
      for (const [i, pair] of pairs.entries())
        fillMask(mask.subarray(i * size, (i + 1) * size), recipe.dropout, plan.seed, step, MASKS, number, pair);
      masks[name] = new Tensor("uint8", mask, dims);
    }
    const tokens = seenTokens(graph);
    if (tokens !== undefined) {
      const { seen, all } = tokens;
      const chosen = pairs.flatMap((pair) => [
        0,
        ...chooseSome(seen - 1, all - 1, plan.seed, step, PATCHES, pair).map((patch) => patch + 1),
      ]);
      masks[SEEN_TOKENS] = new Tensor("int64", BigInt64Array.from(chosen, BigInt), [pairs.length, seen, 1]);
    }
    return masks;
  }
}

function rowsAt(features: Float32Array | undefined, rows: readonly number[], dim: number): Tensor {
  const values = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) values.set(features?.subarray(row * dim, (row + 1) * dim) ?? [], i * dim);
  return new Tensor("float32", values, [rows.length, dim]);
}
