/**
 * From a model's files to the parts of a model. Configuration and headers are read and checked here; no weight is.
 */
import {
  Checkpoint,
  checkpointGraphs,
  checkpointTextGraphs,
  checkpointVisionGraphs,
  ChineseCLIPConfig,
  ChineseCLIPTextConfig,
  type CreateSession,
  type ModelParts,
  parseVisionConfig,
  quantizedDtype,
  type TextGraphs,
  type TowerGraphs,
  type VisionConfig,
  type VisionGraphs,
} from "@chinese-clip/model";
import type { OpenedExport } from "./open-combined-onnx.js";
import type { ConvertedTowers } from "./converted-towers.js";
import { checkOptions } from "../check-options.js";
import { showValue } from "../show-value.js";
import type { Dtype, ModelFiles, Platform, PretrainedOptions } from "../platform.js";
import { errorMessage, isError } from "../error-message.js";
import { ModelReader } from "./model-reader.js";

const DTYPES: readonly Dtype[] = ["fp32", "fp16", "q8", "q4"];

/** What a `ChineseCLIPModel` is made of. */
export type ChineseCLIPModelParts = ModelParts<ChineseCLIPConfig, TowerGraphs> & {
  readonly logitScale: number;
  /** Which weights these are, in which dtype; computed at each call. */
  readonly fingerprint: () => Promise<string>;
};

/** The part of a platform that loads graphs, and converts their weights. */
export type SessionMaker = Pick<Platform<never>, "createSession" | "cacheTower" | "weightIntegers">;

/** The part of a platform that finds models, whose files may be more than any platform's. */
export interface ModelOpener<Files extends ModelFiles, Source = string | URL> {
  /** Finds a model's files. */
  openModel(source: Source, options: PretrainedOptions): Promise<Files>;
  /** Rejects an unknown device, as {@link Platform.checkDevice}. */
  checkDevice(device: string | undefined): Promise<void>;
}

/**
 * Checks the options, finds a model's files and makes something of them; every error on the way names the model. With several
 * sources, the first that works is taken, whatever was wrong with those before it.
 *
 * @param make - gets the reader of the model's files.
 * @throws RangeError - an option that is not known: loading something else than was asked for would go unnoticed.
 * @throws AggregateError - none of several sources works; `errors` has what was wrong with each, in order.
 */
export async function loadFrom<Files extends ModelFiles, Made, Source = string | URL>(
  platform: ModelOpener<Files, Source>,
  source: Source | readonly Source[],
  options: PretrainedOptions,
  make: (model: ModelReader<Files>) => Promise<Made>,
): Promise<Made> {
  checkOptions("fromPretrained", options);
  const { dtype = "fp32", device, numThreads, signal } = options;
  if (!DTYPES.includes(dtype))
    throw new RangeError(`fromPretrained: expected dtype to be one of ${DTYPES.join(", ")}, got ${showValue(dtype)}`);
  checkNames(options);
  await platform.checkDevice(device);
  if (numThreads !== undefined && !(Number.isInteger(numThreads) && numThreads >= 1)) {
    throw new RangeError(`fromPretrained: expected numThreads to be an integer of at least 1, got ${String(numThreads)}`);
  }
  signal?.throwIfAborted();
  if (!isList(source)) return loadOne(platform, source, options, make);
  if (source.length === 0) throw new RangeError("fromPretrained: expected at least one source, got none");
  const errors: unknown[] = [];
  for (const one of source) {
    try {
      // In order, and no further than needed: each may be a download.
      return await loadOne(platform, one, options, make);
    } catch (error) {
      // The caller's own mistakes are not mended by another source.
      if (signal?.aborted === true || error instanceof TypeError || error instanceof RangeError) throw error;
      errors.push(error);
    }
  }
  const reasons = errors.map((error, i) => `${String(source[i])}: ${errorMessage(error)}`);
  throw new AggregateError(errors, `fromPretrained: expected one of ${errors.length} sources to work, got\n${reasons.join("\n")}`);
}

/** A variant is part of a file's name, a subfolder the way to a folder inside of the source. */
function checkNames({ variant, subfolder }: PretrainedOptions): void {
  if (variant !== undefined && !/^[\w-]{1,64}$/u.test(variant))
    throw new RangeError(`fromPretrained: expected variant to be a word such as "fp16", got ${showValue(variant)}`);
  const isInside = (part: string): boolean => part !== "" && part !== "." && part !== ".." && !/[:\p{Cc}]/u.test(part);
  if (subfolder !== undefined && !String(subfolder).split(/[/\\]/u).every(isInside))
    throw new RangeError(`fromPretrained: expected subfolder to be a folder inside of the model's, got ${showValue(subfolder)}`);
}

function isList<Source>(source: Source | readonly Source[]): source is readonly Source[] {
  return Array.isArray(source);
}

async function loadOne<Files extends ModelFiles, Made, Source>(
  platform: ModelOpener<Files, Source>,
  source: Source,
  options: PretrainedOptions,
  make: (model: ModelReader<Files>) => Promise<Made>,
): Promise<Made> {
  let files = await platform.openModel(source, options);
  let made: Made;
  try {
    made = await make(new ModelReader(files, options)).catch(async (error: unknown) => {
      if (!isBadData(error) || (await files.discardDamaged?.()) !== true) throw error;
      files = await platform.openModel(source, options);
      return make(new ModelReader(files, options));
    });
  } catch (error) {
    // The readers know files, not models; a program with several models needs to know which one failed. What is written names its own place.
    if (
      isError(error) &&
      error.name !== "OutputError" &&
      "code" in error &&
      typeof error.code === "string" &&
      !error.message.startsWith(files.source)
    )
      error.message = `${files.source}: ${error.message}`;
    throw error;
  }
  options.onProgress?.({ status: "ready", name: files.source });
  return made;
}

/** Whether an error is of what the files hold, and not of a hub, a place that is written to, or the caller. */
function isBadData(error: unknown): boolean {
  return isError(error) && ["CheckpointError", "TokenizerError", "ImageError"].includes(error.name);
}

/**
 * The parts of a whole model.
 *
 * @throws CheckpointError - a file that is missing or malformed, an impossible configuration.
 */
export async function loadModelParts(
  platform: SessionMaker,
  model: ModelReader,
  options: PretrainedOptions,
): Promise<ChineseCLIPModelParts> {
  const { config, weights, towers, createSession } = await loadParts(platform, model, options, (json) => ChineseCLIPConfig.fromJSON(json));
  const { dtype = "fp32" } = options;
  if (!(weights instanceof Checkpoint)) {
    return {
      config,
      ...weights,
      createSession,
      fingerprint: async () => (await import("./fingerprint.js")).fingerprintExport(weights, dtype),
    };
  }
  const graphsOf = await checkpointGraphs(config);
  const graphs: TowerGraphs =
    towers === undefined
      ? graphsOf(weights)
      : {
          text: (outputs) => towers.graph("text", (checkpoint) => graphsOf(checkpoint).text(outputs)),
          vision: (outputs, interpolate) => towers.graph("vision", (checkpoint) => graphsOf(checkpoint).vision(outputs, interpolate)),
        };
  const logitScale = await weights.scalar("logit_scale");
  // Loaded on demand: features need no fingerprint.
  const fingerprint = async (): Promise<string> => (await import("./fingerprint.js")).fingerprintCheckpoint(weights, logitScale, dtype);
  return { config, graphs, createSession, logitScale, fingerprint };
}

/** The parts of a text tower: of a whole model's files, or of a text tower's own. */
export async function loadTextModelParts(
  platform: SessionMaker,
  model: ModelReader,
  options: PretrainedOptions,
): Promise<ModelParts<ChineseCLIPTextConfig, TextGraphs>> {
  const { config, weights, towers, createSession } = await loadParts(platform, model, options, (json) =>
    ChineseCLIPTextConfig.fromJSON(json),
  );
  if (!(weights instanceof Checkpoint)) return { config, graphs: weights.graphs, createSession };
  const graphsOf = await checkpointTextGraphs(config);
  const converted: TextGraphs | undefined = towers && {
    text: (outputs) => towers.graph("text", (checkpoint) => graphsOf(checkpoint).text(outputs)),
  };
  return { config, graphs: converted ?? graphsOf(weights), createSession };
}

/** The parts of an image tower: of a whole model's files, or of an image tower's own. */
export async function loadVisionModelParts(
  platform: SessionMaker,
  model: ModelReader,
  options: PretrainedOptions,
): Promise<ModelParts<VisionConfig, VisionGraphs>> {
  const { config, weights, towers, createSession } = await loadParts(platform, model, options, parseVisionConfig);
  if (!(weights instanceof Checkpoint)) return { config, graphs: weights.graphs, createSession };
  const graphsOf = await checkpointVisionGraphs(config);
  const converted: VisionGraphs | undefined = towers && {
    vision: (outputs, interpolate) => towers.graph("vision", (checkpoint) => graphsOf(checkpoint).vision(outputs, interpolate)),
  };
  return { config, graphs: converted ?? graphsOf(weights), createSession };
}

async function loadParts<Config>(
  platform: SessionMaker,
  model: ModelReader,
  options: PretrainedOptions,
  parseConfig: (json: unknown) => Config,
): Promise<{
  config: Config;
  weights: Checkpoint | OpenedExport;
  /** Set where the weights are converted to another dtype. */
  towers: ConvertedTowers | undefined;
  createSession: CreateSession;
}> {
  const { files } = model;
  const config = parseConfig(await model.config());
  const weights = await model.weights();
  options.signal?.throwIfAborted();
  const stored = (weights instanceof Checkpoint ? quantizedDtype(weights) : undefined) ?? "fp32";
  const { dtype = "fp32" } = options;
  // Most pages load what is in the wanted format already.
  const towers =
    stored === dtype
      ? undefined
      : await (await import("./converted-towers.js")).convertedTowers(platform, files, options, weights, stored, dtype);
  return { config, weights, towers, createSession: towers?.createSession ?? ((graph) => platform.createSession(graph, files, options)) };
}
