import { ACTIVATIONS, type Activation } from "./activation.js";
import { ConfigReader, type JsonObject, towerPart } from "./config-reader.js";

/** The image tower's configuration: a vision transformer. Missing keys take the defaults of transformers' `ChineseCLIPVisionConfig`. */
export class ChineseCLIPVisionConfig {
  /** Tells this tower from a ResNet. */
  readonly kind = "visionTransformer";
  /** Width D of the residual stream. */
  readonly hiddenSize: number;
  /** Number of encoder layers. */
  readonly numHiddenLayers: number;
  /** Attention heads; divides `hiddenSize`. */
  readonly numAttentionHeads: number;
  /** Width of the feed-forward layer. */
  readonly intermediateSize: number;
  /** Activation of the feed-forward layer. */
  readonly hiddenAct: Activation;
  /** Colour channels C of the input. */
  readonly numChannels: number;
  /** Height and width of the input that the position embedding was trained for, pixels. */
  readonly imageSize: number;
  /** Height and width P of a patch, pixels. */
  readonly patchSize: number;
  /** Epsilon of every LayerNorm. */
  readonly layerNormEps: number;
  readonly #source: JsonObject;

  private constructor(source: JsonObject) {
    const read = new ConfigReader(source, "vision_config");
    this.hiddenSize = read.integer("hidden_size", 768, 1, 1 << 16);
    this.numHiddenLayers = read.integer("num_hidden_layers", 12, 1, 1024);
    this.numAttentionHeads = read.divisor("num_attention_heads", 12, this.hiddenSize);
    this.intermediateSize = read.integer("intermediate_size", 3072, 1, 1 << 18);
    this.hiddenAct = read.meaning("hidden_act", "quick_gelu", ACTIVATIONS);
    this.numChannels = read.integer("num_channels", 3, 1, 64);
    this.imageSize = read.integer("image_size", 224, 1, 1 << 14);
    this.patchSize = read.integer("patch_size", 32, 1, this.imageSize);
    this.layerNormEps = read.number("layer_norm_eps", 1e-5, 0, 1);
    this.#source = source;
  }

  /** Patches along one side at `imageSize`; the position embedding has this many rows squared, and one for the class token. */
  get gridSize(): number {
    return Math.floor(this.imageSize / this.patchSize);
  }

  /**
   * Reads a parsed `config.json`: of a whole Chinese-CLIP (its `vision_config`), or of an image tower alone.
   *
   * @throws {@link CheckpointError} `invalid-config`, naming the key.
   */
  static fromJSON(json: unknown): ChineseCLIPVisionConfig {
    return new ChineseCLIPVisionConfig(towerPart(json, "vision_config"));
  }

  /** The configuration in the file's names; keys that nothing here uses are kept as they came. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.#source,
      hidden_size: this.hiddenSize,
      num_hidden_layers: this.numHiddenLayers,
      num_attention_heads: this.numAttentionHeads,
      intermediate_size: this.intermediateSize,
      hidden_act: this.#source["hidden_act"] ?? this.hiddenAct, // of several names the one that it came with
      num_channels: this.numChannels,
      image_size: this.imageSize,
      patch_size: this.patchSize,
      layer_norm_eps: this.layerNormEps,
    };
  }
}
