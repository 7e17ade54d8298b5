/** Pairs as a run takes them: distinct images, token ids, and features of a frozen tower. */
import { createHash } from "node:crypto";
import type { ImagePreprocessor } from "@chinese-clip/pipeline";
import { type BertTokenizer, preprocessEvalText } from "@chinese-clip/tokenizer";
import { Tensor } from "onnxruntime-common";
import { augmented, type Pixels } from "../data/augmentation.js";
import type { PairList, TrainingImage } from "../data/pairs.js";
import type { TrainingBatch } from "../data/rows.js";
import { TrainingError } from "../training-error.js";
import type { TrainingPlatform } from "./training-platform.js";

/** cn_clip's context length. */
const MAX_CONTEXT = 52;

/** A list's pairs, prepared. */
export class PreparedPairs {
  /** Distinct images. */
  readonly images: readonly TrainingImage[];
  /** For each pair the number of its image. */
  readonly imageOf: readonly number[];
  /** For each pair its text, lower-cased and with straight quotes, as cn_clip trains. */
  readonly texts: readonly string[];
  readonly #lengths: readonly number[];
  readonly #tokenizer: BertTokenizer;
  readonly #preprocessor: ImagePreprocessor<string | Uint8Array | Pixels>;
  readonly #platform: Pick<TrainingPlatform, "loadImage">;

  /** @param platform - decodes images, for {@link PreparedPairs.augmentedInputs}. */
  constructor(
    { pairs }: PairList,
    tokenizer: BertTokenizer,
    preprocessor: ImagePreprocessor<string | Uint8Array | Pixels>,
    platform: Pick<TrainingPlatform, "loadImage">,
  ) {
    const numbers = new Map<TrainingImage, number>();
    for (const { image } of pairs) if (!numbers.has(image)) numbers.set(image, numbers.size);
    this.images = [...numbers.keys()];
    this.imageOf = pairs.map(({ image }) => numbers.get(image) ?? 0);
    this.texts = pairs.map(({ text }) => preprocessEvalText(text));
    this.#lengths = this.texts.map((text) => tokenizer.encode(text, { truncation: false }).ids.length);
    this.#tokenizer = tokenizer;
    this.#preprocessor = preprocessor;
    this.#platform = platform;
  }

  /** Tokens of the longest text, at most 52. */
  get longest(): number {
    return this.#lengths.reduce((longest, length) => Math.max(longest, Math.min(length, MAX_CONTEXT)), 0);
  }

  /** Texts of more tokens, which are cut. */
  countLonger(contextLength: number): number {
    return this.#lengths.filter((length) => length > contextLength).length;
  }

  /** What tells these pairs from any others. */
  get digest(): string {
    const hash = createHash("sha256");
    for (const [i, text] of this.texts.entries()) hash.update(JSON.stringify([this.images[this.imageOf[i] ?? 0]?.name, text]));
    return hash.digest("hex").slice(0, 16);
  }

  /** A pair in a message. */
  nameOf(pair: number): string {
    return `${this.images[this.imageOf[pair] ?? 0]?.name ?? ""} ${JSON.stringify(this.texts[pair] ?? "")}`;
  }

  /** A tower's inputs: images by their numbers, texts by their pairs'. @throws TrainingError - `unreadable-image`. */
  async inputs(kind: "text" | "vision", items: readonly number[], contextLength: number, signal?: AbortSignal): Promise<TrainingBatch> {
    return kind === "vision" ? this.imageInputs(items, signal) : this.textInputs(items, contextLength);
  }

  /** Inputs of the text tower for these pairs. */
  textInputs(pairs: readonly number[], contextLength: number): TrainingBatch {
    const texts = pairs.map((pair) => this.texts[pair] ?? "");
    const encoded = this.#tokenizer.encodeBatch(texts, { padding: "max_length", truncation: true, maxLength: contextLength });
    return { input_ids: encoded.inputIds, attention_mask: encoded.attentionMask, token_type_ids: encoded.tokenTypeIds };
  }

  /**
   * Inputs of the image tower for these images.
   *
   * @throws TrainingError - `unreadable-image`.
   */
  imageInputs(images: readonly number[], signal?: AbortSignal): Promise<TrainingBatch> {
    return this.#imageInputs(images, signal, (_, source) => source);
  }

  /** The same, each image augmented. @param integers - for each, what its augmentation follows from. */
  augmentedInputs(
    images: readonly number[],
    signal: AbortSignal | undefined,
    integers: readonly (readonly number[])[],
  ): Promise<TrainingBatch> {
    return this.#imageInputs(images, signal, async (i, source) =>
      augmented(await this.#platform.loadImage(source), ...(integers[i] ?? [])),
    );
  }

  async #imageInputs(
    images: readonly number[],
    signal: AbortSignal | undefined,
    change: (index: number, source: string | Uint8Array) => string | Uint8Array | Promise<Pixels>,
  ): Promise<TrainingBatch> {
    signal?.throwIfAborted(); // a batch of images takes a moment; a listener for each would be hundreds
    const decoded = await Promise.all(images.map((image, i) => this.#pixels(image, (source) => change(i, source))));
    const [channels = 3, height = 0, width = 0] = decoded[0]?.dims ?? [];
    const size = channels * height * width;
    const values = new Float32Array(images.length * size);
    for (const [i, image] of decoded.entries()) {
      values.set(image.pixelValues, i * size);
      this.#preprocessor.recycle?.(image);
    }
    return { pixel_values: new Tensor("float32", values, [images.length, channels, height, width]) };
  }

  async #pixels(
    image: number,
    change: (source: string | Uint8Array) => string | Uint8Array | Promise<Pixels>,
  ): ReturnType<ImagePreprocessor<string>["preprocess"]> {
    const source = this.images[image];
    try {
      return await this.#preprocessor.preprocess(await change((await source?.read()) ?? new Uint8Array()));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TrainingError("unreadable-image", { reason, file: source?.name }, { cause });
    }
  }
}

/**
 * Rejects pairs that nothing can be learnt from.
 *
 * @throws TrainingError - `too-few-pairs`, `no-images-found`, `one-text`.
 */
export function checkPairs({ name, pairs, skipped }: PairList): void {
  const [missing] = skipped;
  if (pairs.length === 0 && missing !== undefined && skipped.every(({ reason }) => reason === "missing-image"))
    throw new TrainingError("no-images-found", { count: skipped.length, name: missing.name, file: name });
  if (pairs.length < 2) throw new TrainingError("too-few-pairs", { count: pairs.length, skipped: skipped.length, file: name });
  const [first] = pairs;
  if (first !== undefined && pairs.every(({ text }) => text === first.text)) {
    const text = first.text.length > 40 ? `${first.text.slice(0, 39)}…` : first.text;
    throw new TrainingError("one-text", { text: JSON.stringify(text), file: name });
  }
}
