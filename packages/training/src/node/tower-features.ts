/** Features of a tower that is not trained: the frozen one's, or a teacher's. They are computed once and cached beside the run. */
import { createHash } from "node:crypto";
import type { Checkpoint, Graph, GraphSession } from "@chinese-clip/model";
import { isTowerTensor } from "@chinese-clip/model/quantize";
import type { ModelFiles } from "@chinese-clip/pipeline";
import type { TrainingBatch } from "../data/rows.js";
import { FEATURES } from "../graphs/step-graphs.js";
import { frozenFeatures } from "./frozen-features.js";
import type { PreparedPairs } from "./prepared-pairs.js";
import type { TrainingPlatform } from "./training-platform.js";

/** Items of one run of the tower. */
const ITEMS = 32;

/** Computes the features of pairs: of each image, or of each pair's text. */
export type ComputeFeatures = (pairs: PreparedPairs, onProgress: (done: number, total: number) => void) => Promise<Float32Array>;

/** A tower, and where its features are cached. */
export interface FixedTower {
  readonly platform: Pick<TrainingPlatform, "createSession">;
  readonly kind: "text" | "vision";
  readonly graph: Graph;
  readonly files: ModelFiles;
  readonly checkpoint: Checkpoint;
  /** What its features follow from, beside its weights and the pairs. */
  readonly made: readonly unknown[];
  readonly dim: number;
  readonly contextLength: number;
  readonly folder: string;
  readonly numThreads: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The features of a tower. */
export function featuresOf(tower: FixedTower): ComputeFeatures {
  const { platform, kind, graph, files, checkpoint, made, dim, contextLength, folder, numThreads, signal } = tower;
  return async (pairs, onProgress) => {
    const rows = kind === "vision" ? pairs.images.length : pairs.texts.length;
    let session: GraphSession | undefined;
    const compute = async (start: number, end: number): Promise<Float32Array> => {
      session ??= await platform.createSession(graph, files, numThreads === undefined ? {} : { numThreads });
      const values = new Float32Array((end - start) * dim);
      const take = (at: number): Promise<TrainingBatch> => {
        const items = Array.from({ length: Math.min(ITEMS, end - at) }, (_, i) => at + i);
        const inputs = pairs.inputs(kind, items, contextLength, signal);
        inputs.catch(() => undefined); // it is thrown where it is awaited
        return inputs;
      };
      let ahead = take(start);
      for (let at = start; at < end; at += ITEMS) {
        signal?.throwIfAborted();
        const inputs = await ahead;
        const next = Math.min(at + ITEMS, end);
        if (next < end) ahead = take(next); // decoded while this one is computed
        const results = await session.run(inputs);
        values.set(results[FEATURES[kind]]?.data as Float32Array, (at - start) * dim);
        onProgress(next, rows);
      }
      return values;
    };
    const key = JSON.stringify([kind, ...made, contextLength, pairs.digest, await towerDigest(checkpoint, kind)]);
    try {
      return await frozenFeatures({ folder, key, rows, dim, compute, signal });
    } finally {
      await session?.dispose();
    }
  };
}

/** What tells a tower's weights from any others: the first bytes of each tensor. */
async function towerDigest(checkpoint: Checkpoint, kind: "text" | "vision"): Promise<string> {
  const hash = createHash("sha256");
  for (const name of [...checkpoint.tensors.keys()].filter((one) => isTowerTensor(kind, one)).toSorted()) {
    hash.update(name);
    hash.update(await checkpoint.readStart(name, 256));
  }
  return hash.digest("hex");
}
