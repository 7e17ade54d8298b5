/** Loads all that a run needs: the model of its folder, the pairs as ids and pixels, the engine with the parameters where they were. */
import { join } from "node:path";
import { buildTextGraph, buildVisionGraph, type Checkpoint, ChineseCLIPConfig, type Graph } from "@chinese-clip/model";
import { loadFrom, loadProcessorParts } from "@chinese-clip/pipeline";
import { countedRandom } from "../data/counted-random.js";
import { TrainingEngine } from "../engine/training-engine.js";
import { type Adapter, isAdapter } from "../graphs/adapters.js";
import { LOGIT_SCALE } from "../graphs/step-graphs.js";
import type { Parameter } from "../graphs/training-graph.js";
import { adamWDefaults } from "../optimizer/adamw.js";
import { type GivenPlan, type MemoryPlan, planMemory } from "./memory-plan.js";
import { PreparedPairs } from "./prepared-pairs.js";
import { recipeGraphs } from "./recipe.js";
import { checkSameSettings, type RunSettings, settleSettings } from "./run-settings.js";
import type { SavedRun } from "./run-state.js";
import { openTeacher, type Teacher } from "./teacher.js";
import { type ComputeFeatures, featuresOf } from "./tower-features.js";
import type { TrainOptions } from "./train-options.js";

/** A run that is ready to go on. */
export interface OpenRun {
  readonly settings: RunSettings;
  readonly memoryPlan: MemoryPlan;
  readonly data: PreparedPairs;
  readonly validation: PreparedPairs | undefined;
  readonly engine: TrainingEngine;
  /** The graphs of the trained towers, in steps. */
  readonly towers: Partial<Record<"text" | "vision", Graph>>;
  readonly adapters: readonly Adapter[];
  readonly teacher: Teacher | undefined;
  /** Values of a feature. */
  readonly dim: number;
  /** The frozen tower's features of these pairs: of each image, or of each pair's text. Undefined where no tower is frozen. */
  readonly frozen: ComputeFeatures | undefined;
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
    let teacher: Teacher | undefined;
    const dispose = async (): Promise<void> => {
      await Promise.all([runtime.dispose(), preprocessor.dispose(), teacher?.dispose()]);
    };
    try {
      const prepared = new PreparedPairs(data, tokenizer, preprocessor, platform);
      const initial = settleSettings(options, prepared);
      teacher = await openTeacher(options);
      const { projectionDim: dim } = config;
      const graphs = {
        text: await buildTextGraph(config.textConfig, checkpoint, { kind: "features" }, dim),
        vision: await buildVisionGraph(config.visionConfig, checkpoint, { kind: "features" }, dim),
      };
      const towers: Partial<Record<"text" | "vision", Graph>> = { ...graphs };
      if (freeze !== undefined) delete towers[freeze];
      const recipe = recipeGraphs(towers, initial.recipe);
      const adapted = new Set(recipe.adapters.map(({ weight }) => weight));
      const computation = {
        towers: recipe.towers,
        trains: recipe.trains,
        batchStatistics: recipe.trains === undefined && freeze !== "vision" && config.visionConfig.kind === "modifiedResNet",
        distillation: teacher && { weight: initial.recipe.distillationWeight ?? 0, dim: teacher.dim },
        batch: initial.plan.batch,
        sequence: initial.contextLength,
        projection: dim,
      };
      const imageBytes = config.visionConfig.numChannels * config.visionConfig.imageSize ** 2 * Float32Array.BYTES_PER_ELEMENT;
      const memoryPlan = planMemory(computation, givenPlan(options, saved), (batch) => ({
        inputs: freeze === "vision" ? 0 : batch * imageBytes,
        frozen: freeze === undefined ? 0 : parameterBytes(checkpoint, graphs[freeze]),
        isAveraged: initial.recipe.emaDecay !== undefined,
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
          evaluation: recipe.evaluation,
          averageDecay: settings.recipe.emaDecay,
          optimizer: { ...adamWDefaults(config.visionConfig.kind), weightDecay: settings.weightDecay },
          maxGradientNorm: settings.maxGradientNorm,
        },
        async (parameter) => {
          const { name, dims } = parameter;
          const values = await saved?.read(parameter, adapted.has(name) ? "base" : "parameter");
          if (values !== undefined) return values;
          if (isAdapter(name)) return initialAdapter(parameter, settings.plan.seed);
          return name === LOGIT_SCALE ? Float32Array.of(await checkpoint.scalar(name)) : checkpoint.values(name, dims);
        },
      );
      await restoreMoments(engine, saved);
      const made = [config.toJSON(), imageProcessor.toJSON()];
      const { contextLength } = settings;
      const folder = join(output, "features");
      const frozen = freeze && featuresOf({ platform, kind: freeze, graph: graphs[freeze], files: reader.files, checkpoint, made, dim, contextLength, folder, numThreads, signal }); // prettier-ignore
      return { settings, memoryPlan, data: prepared, validation: validation && new PreparedPairs(validation, tokenizer, preprocessor, platform), engine, towers: recipe.towers, adapters: recipe.adapters, teacher, dim, frozen, dispose }; // prettier-ignore
    } catch (error) {
      await dispose();
      throw error;
    }
  });
}

/** As PEFT begins: the first matrix uniform by its width, the second one 0, so that the adapter adds nothing yet. */
function initialAdapter({ name, dims }: Parameter, seed: number): Float32Array {
  const [rows = 0, columns = 0] = dims;
  const values = new Float32Array(rows * columns);
  if (name.endsWith(".lora_B.weight")) return values;
  const letters = Array.from(name, (letter) => letter.codePointAt(0) ?? 0);
  return values.map((_, i) => (2 * countedRandom(seed, ...letters, i) - 1) / Math.sqrt(columns));
}

async function restoreMoments({ memory }: TrainingEngine, saved: SavedRun | undefined): Promise<void> {
  if (saved === undefined) return;
  for (const name of memory.trained) {
    for (const part of ["first", "second", ...(memory.isAveraged ? (["average"] as const) : [])] as const) {
      const values = await saved.read({ name, dims: memory.tensor(name).dims }, part);
      if (values !== undefined) await memory.write(name, values, part);
    }
  }
}

/** What of the plan is given, by the options or by the run that is resumed. */
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
