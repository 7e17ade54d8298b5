import { CheckpointError } from "../checkpoint-error.js";
import { asJsonObject, ConfigReader, type JsonObject } from "./config-reader.js";
import { ChineseCLIPTextConfig } from "./text-config.js";
import { parseVisionConfig, type VisionConfig } from "./parse-vision-config.js";

/** The whole model's configuration. Missing keys take the defaults of transformers' `ChineseCLIPConfig`. */
export class ChineseCLIPConfig {
  /** The text tower. */
  readonly textConfig: ChineseCLIPTextConfig;
  /** The image tower: a vision transformer or a ResNet, by its `kind`. */
  readonly visionConfig: VisionConfig;
  /** Width E of the space that both towers project into. */
  readonly projectionDim: number;
  /** What training started the logit scale from (a logarithm). The trained value is in the checkpoint, not here. */
  readonly logitScaleInitValue: number;
  readonly #source: JsonObject;

  private constructor(source: JsonObject) {
    const read = new ConfigReader(source, "config.json");
    read.choice("model_type", "chinese_clip", ["chinese_clip"]);
    this.textConfig = ChineseCLIPTextConfig.fromJSON(source);
    this.visionConfig = parseVisionConfig(source);
    this.projectionDim = read.integer("projection_dim", 512, 1, 1 << 16);
    this.logitScaleInitValue = read.number("logit_scale_init_value", 2.6592, -100, 100);
    this.#source = source;
  }

  /**
   * Reads a parsed `config.json` of a Chinese-CLIP model.
   *
   * @throws {@link CheckpointError} `invalid-config`, naming the key: another `model_type`, an impossible value.
   */
  static fromJSON(json: unknown): ChineseCLIPConfig {
    const source = asJsonObject(json, "config.json");
    if (source["model_type"] === undefined && !("text_config" in source && "vision_config" in source)) {
      throw new CheckpointError(
        "invalid-config",
        'config.json: expected "model_type": "chinese_clip" or both text_config and vision_config, got neither',
        { key: "config.json.model_type", expected: "chinese_clip" },
      );
    }
    // With the type spelt out, each tower's reader knows that it was handed the whole and takes its own part.
    return new ChineseCLIPConfig({ model_type: "chinese_clip", ...source });
  }

  /** The configuration in the file's names; keys that nothing here uses are kept as they came. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.#source,
      model_type: "chinese_clip",
      text_config: this.textConfig.toJSON(),
      vision_config: this.visionConfig.toJSON(),
      projection_dim: this.projectionDim,
      logit_scale_init_value: this.logitScaleInitValue,
    };
  }
}
