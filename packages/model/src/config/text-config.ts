import { ACTIVATIONS, type Activation } from "./activation.js";
import { ConfigReader, type JsonObject, towerPart } from "./config-reader.js";

/** The text tower's configuration: a BERT encoder. Missing keys take the defaults of transformers' `ChineseCLIPTextConfig`. */
export class ChineseCLIPTextConfig {
  /** Rows of the word embedding. */
  readonly vocabSize: number;
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
  /** Longest sequence, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Rows of the token type embedding. */
  readonly typeVocabSize: number;
  /** Epsilon of every LayerNorm. */
  readonly layerNormEps: number;
  readonly #source: JsonObject;

  private constructor(source: JsonObject) {
    const read = new ConfigReader(source, "text_config");
    this.vocabSize = read.integer("vocab_size", 30522, 1, 1 << 24);
    this.hiddenSize = read.integer("hidden_size", 768, 1, 1 << 16);
    this.numHiddenLayers = read.integer("num_hidden_layers", 12, 1, 1024);
    this.numAttentionHeads = read.divisor("num_attention_heads", 12, this.hiddenSize);
    this.intermediateSize = read.integer("intermediate_size", 3072, 1, 1 << 18);
    this.hiddenAct = read.meaning("hidden_act", "gelu", ACTIVATIONS);
    this.maxPositionEmbeddings = read.integer("max_position_embeddings", 512, 1, 1 << 20);
    this.typeVocabSize = read.integer("type_vocab_size", 2, 1, 1 << 16);
    this.layerNormEps = read.number("layer_norm_eps", 1e-12, 0, 1);
    read.choice("position_embedding_type", "absolute", ["absolute"]);
    this.#source = source;
  }

  /**
   * Reads a parsed `config.json`: of a whole Chinese-CLIP (its `text_config`), or of a text tower alone.
   *
   * @throws {@link CheckpointError} `invalid-config`, naming the key.
   */
  static fromJSON(json: unknown): ChineseCLIPTextConfig {
    return new ChineseCLIPTextConfig(towerPart(json, "text_config"));
  }

  /** The configuration in the file's names; keys that nothing here uses are kept as they came. */
  toJSON(): Record<string, unknown> {
    return {
      ...this.#source,
      vocab_size: this.vocabSize,
      hidden_size: this.hiddenSize,
      num_hidden_layers: this.numHiddenLayers,
      num_attention_heads: this.numAttentionHeads,
      intermediate_size: this.intermediateSize,
      hidden_act: this.#source["hidden_act"] ?? this.hiddenAct, // of several names the one that it came with
      max_position_embeddings: this.maxPositionEmbeddings,
      type_vocab_size: this.typeVocabSize,
      layer_norm_eps: this.layerNormEps,
    };
  }
}
