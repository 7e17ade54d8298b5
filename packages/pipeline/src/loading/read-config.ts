/**
 * A model's configuration as Hugging Face's `config.json` and `preprocessor_config.json` have it, also where a cn_clip release has neither.
 */
import { type Checkpoint, CheckpointError, ChineseCLIPConfig, inferConfig, parseCnClipConfig } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";
import { showValue } from "../show-value.js";
import { CN_CLIP_CONFIG_FILES, CONFIG_FILE, PREPROCESSOR_CONFIG_FILE, PROCESSOR_CONFIG_FILE } from "./model-file-names.js";
import { readJson } from "./read-json.js";

/** See `ModelReader.config`. @param checkpoint - reads the headers of the weights. */
export async function readConfig(files: ModelFiles, checkpoint: () => Promise<Checkpoint>): Promise<unknown> {
  const json = await readJson(files, CONFIG_FILE);
  if (json !== undefined) return json;
  const [text, vision] = await Promise.all(CN_CLIP_CONFIG_FILES.map((name) => readJson(files, name)));
  const hasBoth = text !== undefined && vision !== undefined;
  const config = await (hasBoth ? parseCnClipConfig(text, vision) : inferConfig(await checkpoint()));
  return config.toJSON();
}

/**
 * The image processor's configuration that a model comes with: as transformers 5 looks for it, `image_processor` in `processor_config.json`, else
 * `preprocessor_config.json`.
 *
 * @returns undefined where there is neither.
 * @throws CheckpointError - `malformed`, a file that is not JSON, or whose `image_processor` is not an object.
 */
export async function findPreprocessorConfig(files: ModelFiles): Promise<unknown> {
  const processor = await readJson(files, PROCESSOR_CONFIG_FILE);
  if (processor !== undefined) {
    if (typeof processor !== "object" || processor === null || Array.isArray(processor)) throw notAnObject("an object", processor);
    const config: unknown = "image_processor" in processor ? processor.image_processor : null;
    if (typeof config !== "object" || Array.isArray(config)) throw notAnObject("image_processor to be an object", config);
    if (config !== null) return config;
  }
  return readJson(files, PREPROCESSOR_CONFIG_FILE);
}

function notAnObject(expected: string, actual: unknown): CheckpointError {
  const file = PROCESSOR_CONFIG_FILE;
  return new CheckpointError("malformed", `${file}: expected ${expected}, got ${showValue(actual)}`, { file });
}

/** See `ModelReader.preprocessorConfig`. @param config - reads the model's configuration. */
export async function readPreprocessorConfig(files: ModelFiles, config: () => Promise<unknown>): Promise<unknown> {
  const json = await findPreprocessorConfig(files);
  if (json !== undefined) return json;
  if ((await files.readText(CONFIG_FILE)) !== undefined) {
    const file = PREPROCESSOR_CONFIG_FILE;
    const message = `expected a file ${file}, or ${PROCESSOR_CONFIG_FILE} with an image_processor, got neither`;
    throw new CheckpointError("missing-file", message, { file, source: files.source });
  }
  const { imageSize } = ChineseCLIPConfig.fromJSON(await config()).visionConfig;
  return { size: { height: imageSize, width: imageSize }, do_center_crop: false };
}
