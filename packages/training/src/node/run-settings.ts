/** A run's settings with their defaults filled in, and what of them a resumed run must have the same. */
import { basename } from "node:path";
import { batchesPerEpoch, type BatchPlan } from "../data/batches.js";
import type { Schedule } from "../optimizer/schedule.js";
import { TrainingError } from "../training-error.js";
import { atLeast, integer, positive } from "./option-ranges.js";
import type { PreparedPairs } from "./prepared-pairs.js";
import { type Recipe, recipeRecord, settleRecipe } from "./recipe.js";
import type { SavedRun } from "./run-state.js";
import type { TrainOptions } from "./train-options.js";

/** Settings of a run. */
export interface RunSettings {
  readonly plan: BatchPlan;
  readonly stepsPerEpoch: number;
  readonly schedule: Schedule;
  /** Pairs that are computed at once, where that is given. */
  readonly chunkSize: number | undefined;
  readonly contextLength: number;
  readonly weightDecay: number;
  readonly maxGradientNorm: number | undefined;
  readonly saveEvery: number;
  readonly validateEvery: number;
  readonly recipe: Recipe;
  /** What the run's steps follow from, as text by the option's name. */
  readonly record: Readonly<Record<string, string>>;
}

/**
 * Fills in the defaults.
 *
 * @throws RangeError - an option out of its range.
 */
export function settleSettings(options: TrainOptions, data: PreparedPairs): RunSettings {
  const pairs = data.texts.length;
  const { freeze, epochs = 3, learningRate = 5e-5, weightDecay = 0.001, maxGradientNorm, seed = 123 } = options;
  if (freeze !== undefined && freeze !== "vision" && freeze !== "text")
    throw new RangeError(`freeze: expected "vision" or "text", got ${JSON.stringify(freeze)}`);
  const batch = Math.min(integer("batchSize", options.batchSize ?? 128, 2), pairs);
  const chunkSize = options.chunkSize === undefined ? undefined : integer("chunkSize", options.chunkSize, 1);
  if (chunkSize !== undefined && batch % chunkSize !== 0)
    throw new RangeError(`chunkSize: expected a divisor of the batch of ${batch}, got ${chunkSize}`);
  const plan = { pairs, batch, seed: integer("seed", seed, 0) };
  const stepsPerEpoch = batchesPerEpoch(plan);
  const steps = integer("steps", options.steps ?? Math.ceil(positive("epochs", epochs) * stepsPerEpoch), 1);
  const warmup = integer("warmup", options.warmup ?? Math.min(100, Math.floor(steps / 10)), 0);
  const contextLength = integer("contextLength", options.contextLength ?? data.longest, 3);
  const schedule = { learningRate: positive("learningRate", learningRate), warmup, steps };
  const recipe = settleRecipe(options);
  const record = { ...recipeRecord(options, recipe), model: modelName(options.model), pairs: `${pairs} (${data.digest})`, freeze: freeze ?? "nothing", batchSize: batch, contextLength, weightDecay, ...schedule, seed, maxGradientNorm: maxGradientNorm ?? "any" }; // prettier-ignore
  return {
    plan,
    stepsPerEpoch,
    schedule,
    chunkSize,
    contextLength,
    weightDecay: atLeast("weightDecay", weightDecay, 0),
    maxGradientNorm: maxGradientNorm === undefined ? undefined : positive("maxGradientNorm", maxGradientNorm),
    recipe,
    saveEvery: integer("saveEvery", options.saveEvery ?? stepsPerEpoch, 1),
    validateEvery: integer("validateEvery", options.validateEvery ?? stepsPerEpoch, 1),
    record: Object.fromEntries(Object.entries(record).map(([name, value]) => [name, String(value)])),
  };
}

/** What a model is called wherever it lies, so that a folder may be mounted elsewhere. */
function modelName(model: TrainOptions["model"]): string {
  return typeof model === "string" || model instanceof URL ? basename(String(model)) : "files";
}

/**
 * Rejects options under which a saved run would not go on as it began.
 *
 * @throws TrainingError - `other-settings`.
 */
export function checkSameSettings({ record }: RunSettings, saved: SavedRun | undefined, output: string): void {
  for (const [option, recorded] of Object.entries(saved?.settings ?? {})) {
    const current = record[option] ?? "nothing";
    if (current !== recorded) throw new TrainingError("other-settings", { option, recorded, current, file: output });
  }
}
