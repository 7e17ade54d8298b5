/** Loads all that a run needs: the model of its folder, the pairs as ids and pixels, the engine with the parameters where they were. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { buildTextGraph, buildVisionGraph, type Checkpoint, ChineseCLIPConfig, type Graph, type GraphSession } from "@chinese-clip/model";
import { isTowerTensor } from "@chinese-clip/model/quantize";
import { loadFrom, loadProcessorParts } from "@chinese-clip/pipeline";
import type { TrainingBatch } from "../engine/rows.js";
import { TrainingEngine } from "../engine/training-engine.js";
import { FEATURES, LOGIT_SCALE } from "../graphs/step-graphs.js";
import { adamWDefaults } from "../optimizer/adamw.js";
import { frozenFeatures } from "./frozen-features.js";
import { type GivenPlan, type MemoryPlan, planMemory } from "./memory-plan.js";
import { PreparedPairs } from "./prepared-pairs.js";
import { checkSameSettings, type RunSettings, settleSettings } from "./run-settings.js";
import type { SavedRun } from "./run-state.js";
import type { TrainOptions } from "./train-options.js";

/** Items of one run of a frozen tower. */
const FROZEN_BATCH = 32;

/** A run that is ready to go on. */
export interface OpenRun {
  readonly settings: RunSettings;
  readonly memoryPlan: MemoryPlan;
  readonly data: PreparedPairs;
  readonly validation: PreparedPairs | undefined;
  readonly engine: TrainingEngine;
  /** Values of a feature. */
  readonly dim: number;
  /** The frozen tower's features of these pairs: of each image, or of each pair's text. Undefined where no tower is frozen. */
  readonly frozen: ((pairs: PreparedPairs, onProgress: (done: number, total: number) => void) => Promise<Float32Array>) | undefined;
  dispose(): Promise<void>;
}

/** Loads a run from its folder. @param saved - its state, if it was interrupted. */
export async function openRun(options: TrainOptions, saved: SavedRun | undefined): Promise<OpenRun> {
  const { platform, output, data, validation, freeze, numThreads, signal } = options;
  return loadFrom(platform, output, {}, async (reader) => {
    const config = ChineseCLIPConfig.fromJSON(await reader.config());
    const checkpoint = await reader.checkpoint();
    const { tokenizer, imageProcessor } = await loadProcessorParts(reader, {});
    const preprocessor = platform.createImagePreprocessor(imageProcessor, {});
    const runtime = platform.createTrainingRuntime({ numThreads });
    const dispose = async (): Promise<void> => {
      await Promise.all([runtime.dispose(), preprocessor.dispose()]);
    };
    try {
      const prepared = new PreparedPairs(data, tokenizer, preprocessor);
      const initial = settleSettings(options, prepared);
      const { projectionDim: dim } = config;
      const graphs = {
        text: await buildTextGraph(config.textConfig, checkpoint, { kind: "features" }, dim),
        vision: await buildVisionGraph(config.visionConfig, checkpoint, { kind: "features" }, dim),
      };
      const towers: Partial<Record<"text" | "vision", Graph>> = { ...graphs };
      if (freeze !== undefined) delete towers[freeze];
      const computation = { towers, batch: initial.plan.batch, sequence: initial.contextLength, projection: dim };
      const imageBytes = config.visionConfig.numChannels * config.visionConfig.imageSize ** 2 * Float32Array.BYTES_PER_ELEMENT;
      const memoryPlan = planMemory(computation, givenPlan(options, saved), (batch) => ({
        inputs: freeze === "vision" ? 0 : batch * imageBytes,
        frozen: freeze === undefined ? 0 : parameterBytes(checkpoint, graphs[freeze]),
      }));
      const settings = {
        ...initial,
        record: { ...initial.record, chunkSize: String(memoryPlan.chunk), blocks: String(memoryPlan.blocks) },
      };
      checkSameSettings(settings, saved, output);
      const engine = await TrainingEngine.create(
        runtime,
        {
          ...computation,
          chunk: memoryPlan.chunk,
          blocks: memoryPlan.blocks,
          optimizer: { ...adamWDefaults(config.visionConfig.kind), weightDecay: settings.weightDecay },
          maxGradientNorm: settings.maxGradientNorm,
        },
        async (parameter) => {
          const { name, dims } = parameter;
          const values = await saved?.read(parameter, "parameter");
          return values ?? (name === LOGIT_SCALE ? Float32Array.of(await checkpoint.scalar(name)) : checkpoint.values(name, dims));
        },
      );
      await restoreMoments(engine, saved);
      const frozen =
        freeze &&
        (async (pairs: PreparedPairs, onProgress: (done: number, total: number) => void): Promise<Float32Array> => {
          const rows = freeze === "vision" ? pairs.images.length : pairs.texts.length;
          let session: GraphSession | undefined;
          const compute = async (start: number, end: number): Promise<Float32Array> => {
            session ??= await platform.createSession(graphs[freeze], reader.files, numThreads === undefined ? {} : { numThreads });
            const values = new Float32Array((end - start) * dim);
            const take = (at: number): Promise<TrainingBatch> => {
              const items = Array.from({ length: Math.min(FROZEN_BATCH, end - at) }, (_, i) => at + i);
              const inputs = inputsOf(freeze, pairs, items, settings.contextLength, signal);
              inputs.catch(() => undefined); // it is thrown where it is awaited
              return inputs;
            };
            let ahead = take(start);
            for (let at = start; at < end; at += FROZEN_BATCH) {
              signal?.throwIfAborted();
              const inputs = await ahead;
              const next = Math.min(at + FROZEN_BATCH, end);
              if (next < end) ahead = take(next); // decoded while this one is computed
              const results = await session.run(inputs);
              values.set(results[FEATURES[freeze]]?.data as Float32Array, (at - start) * dim);
              onProgress(next, rows);
            }
            return values;
          };
          const made = [freeze, config.toJSON(), imageProcessor.toJSON(), settings.contextLength, pairs.digest];
          const key = JSON.stringify([...made, await towerDigest(checkpoint, freeze)]);
          try {
            return await frozenFeatures({ folder: join(output, "features"), key, rows, dim, compute, signal });
          } finally {
            await session?.dispose();
          }
        });
      return { settings, memoryPlan, data: prepared, validation: validation && new PreparedPairs(validation, tokenizer, preprocessor), engine, dim, frozen, dispose }; // prettier-ignore
    } catch (error) {
      await dispose();
      throw error;
    }
  });
}

/** A tower's inputs: images by their numbers, texts by their pairs'. */
export async function inputsOf(
  kind: "text" | "vision",
  pairs: PreparedPairs,
  items: readonly number[],
  contextLength: number,
  signal: AbortSignal | undefined,
): Promise<TrainingBatch> {
  return kind === "vision" ? pairs.imageInputs(items, signal) : pairs.textInputs(items, contextLength);
}

async function restoreMoments({ memory }: TrainingEngine, saved: SavedRun | undefined): Promise<void> {
  if (saved === undefined) return;
  for (const name of memory.trained) {
    for (const part of ["first", "second"] as const) {
      const values = await saved.read({ name, dims: memory.tensor(name).dims }, part);
      if (values !== undefined) await memory.write(name, values, part);
    }
  }
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

/** What of the plan is given, by the options or by the run that is gone on with. */
function givenPlan({ chunkSize, blocks, memory }: TrainOptions, saved: SavedRun | undefined): GivenPlan {
  const { chunkSize: savedChunk, blocks: savedBlocks } = saved?.settings ?? {};
  return {
    chunk: chunkSize ?? (savedChunk === undefined ? undefined : Number(savedChunk)),
    blocks: blocks ?? (savedBlocks === undefined ? undefined : savedBlocks === "true"),
    memory,
  };
}

/** Bytes of a tower's parameters in float32. */
function parameterBytes({ tensors }: Checkpoint, { parameters }: Graph): number {
  const sizes = [...parameters.keys()].map((name) => (tensors.get(name)?.shape ?? []).reduce((size, extent) => size * extent, 4));
  return sizes.reduce((total, size) => total + size, 0);
}
