/**
 * A training run from files to files: cn_clip's `training/main.py` for one machine, as an async iterable of what happens. Everything that a step follows
 * from is in the options and in the state, so that an interrupted run ends with the same bits as one that was not.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { lockOutput } from "@chinese-clip/dataset";
import { stageFolder } from "@chinese-clip/pipeline/node";
import type { TrainingBatch } from "../data/rows.js";
import { learningRateAt } from "../optimizer/schedule.js";
import { TrainingError } from "../training-error.js";
import { averageRound } from "./averaging.js";
import { BatchMaker } from "./batch-maker.js";
import { openRun, type OpenRun } from "./open-run.js";
import { checkPairs, type PreparedPairs } from "./prepared-pairs.js";
import { hasProgress, ProgressLog, type RunHeader, type StepRecord } from "./progress-log.js";
import { recall } from "./recall.js";
import { readRunState } from "./run-state.js";
import { saveRun } from "./save-run.js";
import type { ComputeFeatures } from "./tower-features.js";
import type { TrainingEvent, TrainOptions } from "./train-options.js";

/** Validation items of one run of a trained tower's inputs. */
const VALIDATION_BATCH = 128;

/**
 * Trains a model.
 *
 * @throws TrainingError - pairs that nothing can be learnt from, an image that cannot be read, a loss or gradient that is not finite (what was reached
 * before is saved), a folder of another run; RangeError - an option out of its range; errors of `fromPretrained` for the model, OutputError for the
 * folder; the signal's reason, after a save.
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void, undefined> {
  const { output, data, signal } = options;
  signal?.throwIfAborted();
  checkPairs(data);
  await mkdir(output, { recursive: true });
  const unlock = await lockOutput(join(output, "training"));
  try {
    await stageFolder(output, async () => undefined); // finishes a save that was killed between its renames
    const saved = await readRunState(output);
    if (saved === undefined) await beginFolder(options);
    const run = await openRun(options, saved);
    try {
      yield* runSteps(options, run, saved?.step ?? 0);
    } finally {
      await run.dispose();
    }
  } finally {
    await unlock();
  }
}

/** Makes the run's folder, with the model that it begins with. */
async function beginFolder({ output, platform, model, source = {}, signal }: TrainOptions): Promise<void> {
  if (existsSync(join(output, "model.safetensors")) && !(await hasProgress(output)))
    throw new TrainingError("foreign-output", { file: output });
  await ProgressLog.open(output, 0, { settings: {}, source: {} });
  await platform.convert(model, output, { ...source, signal });
}

async function* runSteps(options: TrainOptions, run: OpenRun, done: number): AsyncGenerator<TrainingEvent, void, undefined> {
  const { output, signal, freeze } = options;
  const { settings, data, validation, engine } = run;
  const { plan, schedule, stepsPerEpoch, contextLength, record } = settings;
  yield {
    type: "started",
    step: done,
    steps: schedule.steps,
    stepsPerEpoch,
    pairs: plan.pairs,
    images: data.images.length,
    batchSize: plan.batch,
    chunkSize: run.memoryPlan.chunk,
    blocks: run.memoryPlan.blocks,
    memory: run.memoryPlan.estimate.total,
    contextLength,
    truncated: data.countLonger(contextLength),
    skipped: options.data.skipped,
  };
  const frozen = yield* computing(run.frozen, data);
  const teacher = yield* computing(run.teacher?.features, data);
  const validationFrozen = validation && (yield* computing(run.frozen, validation));
  const log = await ProgressLog.open(output, done, { settings: record, source: sourceNames(options) });
  const batches = new BatchMaker(run, { frozen, teacher }, signal);
  let savedStep = done;
  const save = async (step: number): Promise<TrainingEvent[]> => {
    if (step === savedStep) return [];
    await saveRun(output, { step, settings: record }, engine.memory, {
      adapters: run.adapters,
      lora: settings.recipe.lora,
      source: options.model,
    });
    savedStep = step;
    return [{ type: "saved", step, folder: output }];
  };
  const judge = async function* (step: number): AsyncGenerator<TrainingEvent, void, undefined> {
    if (validation === undefined) return;
    const judged = { step, ...(await validate(run, validation, freeze, validationFrozen)) };
    await log.add({ ...judged, validation: true });
    yield { type: "validation", ...judged };
  };
  if (done === 0) yield* judge(0); // what there is to improve on
  for (let step = done; step < schedule.steps; step++) {
    const start = performance.now();
    let batch: TrainingBatch;
    try {
      batch = await batches.take(step);
      signal?.throwIfAborted();
    } catch (error) {
      yield* await save(step); // what is done is not lost
      throw error;
    }
    if (step + 1 < schedule.steps) batches.prepare(step + 1); // decoded while this one is computed
    const result = await engine.gradients(batch);
    const norm = await engine.gradientNorm();
    if (!Number.isFinite(result.loss) || !Number.isFinite(norm)) {
      yield* await save(step);
      const named = { step: step + 1, before: step, pairs: plan.batch, batch: batches.describe(step), loss: result.loss };
      throw new TrainingError(Number.isFinite(result.loss) ? "gradient-not-finite" : "loss-not-finite", named);
    }
    const learningRate = learningRateAt(schedule, step);
    await engine.update(step + 1, learningRate, norm);
    const logitScale = Math.exp(await engine.logitScale());
    const epoch = Math.floor(step / stepsPerEpoch) + 1;
    const event: StepRecord = { step: step + 1, epoch, ...result, logitScale, learningRate, seconds: (performance.now() - start) / 1000 };
    await log.add(event);
    yield { type: "step", ...event };
    const isLast = step + 1 === schedule.steps;
    if (options.averaging !== undefined && (step + 1) % options.averaging.every === 0) {
      let workers: readonly string[];
      try {
        workers = await averageRound(options.averaging, step + 1, engine.memory, signal);
      } catch (error) {
        yield* await save(step + 1);
        signal?.throwIfAborted();
        throw error;
      }
      yield { type: "averaged", step: step + 1, workers };
    }
    if (isLast || (step + 1) % settings.validateEvery === 0) yield* judge(step + 1);
    if (isLast || (step + 1) % settings.saveEvery === 0) yield* await save(step + 1);
  }
}

/** Where a run's model and pairs come from; paths are absolute, so that they can be found from anywhere. */
function sourceNames({ model, data, validation, averaging }: TrainOptions): RunHeader["source"] {
  const nameOf = (name: string): string => (existsSync(name) ? resolve(name) : name);
  return {
    model: typeof model === "string" ? nameOf(model) : model instanceof URL ? model.href : undefined,
    data: nameOf(data.name),
    validation: validation && nameOf(validation.name),
    averaging: averaging && { ...averaging, folder: nameOf(averaging.folder) },
  };
}

/** Features of a tower that is not trained, with events while they are computed. */
async function* computing(
  compute: ComputeFeatures | undefined,
  pairs: PreparedPairs,
): AsyncGenerator<TrainingEvent, Float32Array | undefined, undefined> {
  if (compute === undefined) return undefined;
  const waiting: TrainingEvent[] = [];
  let wake = (): void => undefined;
  let isDone = false;
  const features = compute(pairs, (done, total) => {
    waiting.push({ type: "features", done, total });
    wake();
  });
  const ended = features.then(
    () => undefined,
    () => undefined,
  );
  void ended.then(() => {
    isDone = true;
    wake();
  });
  for (;;) {
    const event = waiting.shift();
    if (event !== undefined) yield event;
    else if (isDone) break;
    else await new Promise<void>((done) => (wake = done));
  }
  return features;
}

/** Retrieval among the validation pairs, with the parameters as they are. */
async function validate(
  { engine, settings, dim }: OpenRun,
  pairs: PreparedPairs,
  freeze: "vision" | "text" | undefined,
  frozen: Float32Array | undefined,
): Promise<ReturnType<typeof recall>> {
  const featuresOf = async (kind: "text" | "vision", rows: number): Promise<Float32Array> => {
    if (kind === freeze && frozen !== undefined) return frozen;
    const features = new Float32Array(rows * dim);
    for (let start = 0; start < rows; start += VALIDATION_BATCH) {
      const items = Array.from({ length: Math.min(VALIDATION_BATCH, rows - start) }, (_, i) => start + i);
      const inputs = await pairs.inputs(kind, items, settings.contextLength);
      features.set(await engine.features(kind, inputs), start * dim);
    }
    return features;
  };
  const images = await featuresOf("vision", pairs.images.length);
  return recall({ images, texts: await featuresOf("text", pairs.texts.length), imageOf: pairs.imageOf, dim });
}
