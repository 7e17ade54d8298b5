import { ConfigReader, type JsonObject, towerPart } from "./config-reader.js";

/** `model_type` of this configuration: this project's own, since transformers has no such tower. */
const MODEL_TYPE = "chinese_clip_modified_resnet";
/** How much smaller than the input the last feature map is. */
const REDUCTION = 32;

/** The configuration of cn_clip's ResNet image tower, as RN50 has it. Missing keys take RN50's values. */
export class ModifiedResNetConfig {
  /** Tells this tower from a vision transformer. */
  readonly kind = "modifiedResNet";
  /** Blocks in each of the four stages; `[3, 4, 6, 3]` in RN50. */
  readonly layers: readonly number[];
  /** Channels after the stem; the last stage has 32 times as many. */
  readonly width: number;
  /** Heads of the attention pool; divides `32 * width`. */
  readonly numAttentionHeads: number;
  /** Colour channels C of the input. */
  readonly numChannels = 3;
  /** Height and width of the input, pixels; a multiple of 32. */
  readonly imageSize: number;

  readonly #source: JsonObject;

  private constructor(source: JsonObject) {
    const read = new ConfigReader(source, "vision_config");
    this.layers = read.integers("layers", [3, 4, 6, 3], 4, 1, 1024);
    this.width = read.multiple("width", 64, 2, 2, 1 << 12);
    this.numAttentionHeads = read.divisor("num_attention_heads", this.width / 2, REDUCTION * this.width);
    this.imageSize = read.multiple("image_size", 224, REDUCTION, REDUCTION, 1 << 14);
    this.#source = source;
  }

  /** Places along one side of the last feature map. */
  get gridSize(): number {
    return this.imageSize / REDUCTION;
  }

  /** Whether a parsed `config.json` has an image tower of this kind. */
  static describes(json: unknown): boolean {
    return towerPart(json, "vision_config")["model_type"] === MODEL_TYPE;
  }

  /**
   * Reads a parsed `config.json`: of a whole Chinese-CLIP (its `vision_config`), or of an image tower alone.
   *
   * @throws {@link CheckpointError} `invalid-config`, naming the key.
   */
  static fromJSON(json: unknown): ModifiedResNetConfig {
    return new ModifiedResNetConfig(towerPart(json, "vision_config"));
  }

  /** The configuration in the names of a `config.json`; keys that nothing here uses are kept as they came. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.#source,
      model_type: MODEL_TYPE,
      layers: this.layers,
      width: this.width,
      num_attention_heads: this.numAttentionHeads,
      image_size: this.imageSize,
    };
  }
}
