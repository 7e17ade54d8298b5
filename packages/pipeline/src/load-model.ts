/**
 * From a model's files to the parts of a model. Configuration and headers are read and checked here; no weight is.
 */
import {
  ChineseCLIPConfig,
  ChineseCLIPTextConfig,
  CheckpointError,
  type Checkpoint,
  type ModelParts,
  parseVisionConfig,
  readCheckpoint,
  type VisionConfig,
} from "@chinese-clip/model";
import type { ModelFiles, Platform, PretrainedOptions } from "./platform.js";

/** The one weights file that is read so far. */
const WEIGHTS = "model.safetensors";

/** What a `ChineseCLIPModel` is made of. */
export type ChineseCLIPModelParts = ModelParts<ChineseCLIPConfig> & { readonly logitScale: number };

/**
 * Checks the options, finds a model's files and makes something of them; every error on the way names the model.
 *
 * @param make - gets the files.
 * @throws RangeError - an option that is not known: loading something else than was asked for would go unnoticed.
 */
export async function loadFrom<Made>(
  platform: Platform<never>,
  source: string | URL,
  options: PretrainedOptions,
  make: (files: ModelFiles) => Promise<Made>,
): Promise<Made> {
  const { dtype = "fp32", device = "cpu", numThreads, signal } = options;
  if (dtype !== "fp32") throw new RangeError(`fromPretrained: expected dtype "fp32", got ${JSON.stringify(dtype)}`);
  if (device !== "cpu") throw new RangeError(`fromPretrained: expected device "cpu", got ${JSON.stringify(device)}`);
  if (numThreads !== undefined && !(Number.isInteger(numThreads) && numThreads >= 1)) {
    throw new RangeError(`fromPretrained: expected numThreads to be a whole number of at least 1, got ${String(numThreads)}`);
  }
  signal?.throwIfAborted();
  const files = await platform.openModel(source, options);
  try {
    return await make(files);
  } catch (error) {
    // The readers know files, not models; who has several models wants to know whose file it was.
    if (error instanceof Error && "code" in error && typeof error.code === "string" && !error.message.startsWith(files.source))
      error.message = `${files.source}: ${error.message}`;
    throw error;
  }
}

/**
 * The parts of a whole model.
 *
 * @throws CheckpointError - a file that is missing or malformed, an impossible configuration.
 */
export async function loadModelParts(
  platform: Platform<never>,
  files: ModelFiles,
  options: PretrainedOptions,
): Promise<ChineseCLIPModelParts> {
  const parts = await loadParts(platform, files, options, (json) => ChineseCLIPConfig.fromJSON(json));
  return { ...parts, logitScale: await parts.checkpoint.scalar("logit_scale") };
}

/** The parts of a text tower: of a whole model's files, or of a text tower's own. */
export function loadTextModelParts(
  platform: Platform<never>,
  files: ModelFiles,
  options: PretrainedOptions,
): Promise<ModelParts<ChineseCLIPTextConfig>> {
  return loadParts(platform, files, options, (json) => ChineseCLIPTextConfig.fromJSON(json));
}

/** The parts of an image tower: of a whole model's files, or of an image tower's own. */
export function loadVisionModelParts(
  platform: Platform<never>,
  files: ModelFiles,
  options: PretrainedOptions,
): Promise<ModelParts<VisionConfig>> {
  return loadParts(platform, files, options, parseVisionConfig);
}

async function loadParts<Config>(
  platform: Platform<never>,
  files: ModelFiles,
  options: PretrainedOptions,
  parseConfig: (json: unknown) => Config,
): Promise<ModelParts<Config>> {
  const config = parseConfig(await readJson(files, "config.json"));
  const checkpoint = await openCheckpoint(files);
  options.signal?.throwIfAborted();
  return { config, checkpoint, createSession: (graph) => platform.createSession(graph, files, options) };
}

async function openCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  const file = await files.open(WEIGHTS);
  if (file === undefined) throw missing(files, WEIGHTS);
  return readCheckpoint([file]);
}

/**
 * A JSON file of the model, parsed.
 *
 * @throws CheckpointError - `missing-file` or `malformed`, naming the file.
 */
export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const text = await files.readText(name);
  if (text === undefined) throw missing(files, name);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError("malformed", `${name}: expected JSON`, { file: name }, { cause });
  }
}

/** The error for a file that must be there. */
export function missing(files: ModelFiles, name: string): CheckpointError {
  return new CheckpointError("missing-file", `expected a file ${name}, got none`, { file: name, source: files.source });
}
