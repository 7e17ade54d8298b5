/**
 * A model's configuration as Hugging Face's `config.json` and `preprocessor_config.json` have it, also where a cn_clip release has neither.
 */
import { ChineseCLIPConfig, inferConfig, parseCnClipConfig } from "@chinese-clip/model";
import { openCheckpoint } from "./open-checkpoint.js";
import type { ModelFiles } from "../platform.js";
import { missing, readJson } from "./read-json.js";

/** The file that configures a model. */
const CONFIG = "config.json";
/** The file that configures the image processor. */
const PREPROCESSOR_CONFIG = "preprocessor_config.json";
/** cn_clip's two. */
const CN_CLIP_CONFIGS = ["text_model_config.json", "vision_model_config.json"] as const;

/**
 * The parsed `config.json`; without one, what cn_clip's two files say; without those, what the shapes in the weights' headers say.
 *
 * @throws CheckpointError - `malformed`, a file that is no JSON; `missing-tensor` or `invalid-config`, shapes that make no model.
 */
export async function readConfig(files: ModelFiles): Promise<unknown> {
  const json = await readJson(files, CONFIG);
  if (json !== undefined) return json;
  const [text, vision] = await Promise.all(CN_CLIP_CONFIGS.map((name) => readJson(files, name)));
  const config =
    text !== undefined && vision !== undefined ? await parseCnClipConfig(text, vision) : await inferConfig(await openCheckpoint(files));
  return config.toJSON();
}

/**
 * The parsed `preprocessor_config.json`. A cn_clip release has none, and squashes pictures to the square that its image tower takes.
 *
 * @throws CheckpointError - `missing-file`, a Hugging Face model without one: its values can't be guessed; `malformed`.
 */
export async function readPreprocessorConfig(files: ModelFiles): Promise<unknown> {
  const json = await readJson(files, PREPROCESSOR_CONFIG);
  if (json !== undefined) return json;
  if ((await files.readText(CONFIG)) !== undefined) throw missing(files, PREPROCESSOR_CONFIG);
  const { imageSize } = ChineseCLIPConfig.fromJSON(await readConfig(files)).visionConfig;
  return { size: { height: imageSize, width: imageSize }, do_center_crop: false };
}
