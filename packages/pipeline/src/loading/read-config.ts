/**
 * A model's configuration as Hugging Face's `config.json` and `preprocessor_config.json` have it, also where a cn_clip release has neither.
 */
import { type Checkpoint, ChineseCLIPConfig, inferConfig, parseCnClipConfig } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";
import { CN_CLIP_CONFIG_FILES, CONFIG_FILE, PREPROCESSOR_CONFIG_FILE } from "./model-file-names.js";
import { missing, readJson } from "./read-json.js";

/** See `ModelReader.config`. @param checkpoint - reads the headers of the weights. */
export async function readConfig(files: ModelFiles, checkpoint: () => Promise<Checkpoint>): Promise<unknown> {
  const json = await readJson(files, CONFIG_FILE);
  if (json !== undefined) return json;
  const [text, vision] = await Promise.all(CN_CLIP_CONFIG_FILES.map((name) => readJson(files, name)));
  const config = text !== undefined && vision !== undefined ? await parseCnClipConfig(text, vision) : await inferConfig(await checkpoint());
  return config.toJSON();
}

/** See `ModelReader.preprocessorConfig`. @param config - reads the model's configuration. */
export async function readPreprocessorConfig(files: ModelFiles, config: () => Promise<unknown>): Promise<unknown> {
  const json = await readJson(files, PREPROCESSOR_CONFIG_FILE);
  if (json !== undefined) return json;
  if ((await files.readText(CONFIG_FILE)) !== undefined) throw missing(files, PREPROCESSOR_CONFIG_FILE);
  const { imageSize } = ChineseCLIPConfig.fromJSON(await config()).visionConfig;
  return { size: { height: imageSize, width: imageSize }, do_center_crop: false };
}
