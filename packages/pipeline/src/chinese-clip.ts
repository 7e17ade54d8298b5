/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The short way from texts and pictures to embeddings and labels: tokenizer, image processor and both towers as one object.
 */
import { CheckpointError, ChineseCLIPModel } from "@chinese-clip/model";
import { averageTemplates, DEFAULT_TEMPLATE, fillTemplates } from "./class-embeddings.js";
import { embedImages, type EmbedImagesOptions, type ImageEmbeddingResult } from "./embed-images.js";
import { dot, type Embeddings, type TextEmbeddings, writeNormalizedRows } from "./embeddings.js";
import { type ChineseCLIPModelParts, loadModelParts } from "./loading/load-model.js";
import type { ModelReader } from "./loading/model-reader.js";
import type { ImagePreprocessor, Platform, PretrainedOptions } from "./platform.js";
import { ChineseCLIPProcessor, loadProcessorParts } from "./processor.js";
import { batchByLength, textInputs, tokenizeTexts } from "./text-batches.js";

/** Options of a classification. */
export interface ClassifyOptions {
  /**
   * A sentence in which `{}` marks the label, such as `一张{}的照片`, or several, whose embeddings are averaged. Default `{}`, the
   * bare label.
   */
  readonly template?: string | readonly string[] | undefined;
  /** Gives up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How well one label fits. */
export interface Classification {
  /** The label, as it was given. */
  readonly label: string;
  /** Probability among the given labels: softmax over logit scale times similarity. Of a single label it is always 1. */
  readonly score: number;
  /** Cosine between picture and label, in [-1, 1]: comparable between calls, and the one to set a threshold on. */
  readonly similarity: number;
}

/** What a {@link ChineseCLIP} is made of. */
export interface ChineseCLIPParts<ImageInput> {
  /** Both towers and what they were built from. */
  readonly model: ChineseCLIPModelParts;
  /** Tokenizer and image processor. */
  readonly processor: ChineseCLIPProcessor;
  /** The platform's way from a picture to pixel values, off the main thread where there is one. */
  readonly preprocessor: ImagePreprocessor<ImageInput>;
}

/** Chinese-CLIP ready to use: embeds texts and pictures, and classifies pictures by labels that it was never trained on. */
export class ChineseCLIP<ImageInput> {
  /** The model, for features, logits and hidden states. */
  readonly model: ChineseCLIPModel;
  /** Tokenizer and image processor. */
  readonly processor: ChineseCLIPProcessor;
  readonly #preprocessor: ImagePreprocessor<ImageInput>;
  #lastClassifier: { readonly key: string; readonly embeddings: Promise<Embeddings> } | undefined;

  /** @throws CheckpointError - `vocabulary-mismatch`: the tokenizer knows ids that the text tower has no embedding for. */
  constructor({ model, processor, preprocessor }: ChineseCLIPParts<ImageInput>) {
    const [entries, rows] = [processor.tokenizer.vocabSize, model.config.textConfig.vocabSize];
    if (entries > rows) {
      throw new CheckpointError(
        "vocabulary-mismatch",
        `vocabulary: expected at most ${rows} entries, one for each row of the word embedding, got ${entries}`,
        {
          expected: rows,
          actual: entries,
        },
      );
    }
    this.model = new ChineseCLIPModel(model);
    this.processor = processor;
    this.#preprocessor = preprocessor;
  }

  /**
   * Embeds one text or several. Texts of like length go through the model together, so the order in which they are given costs nothing.
   *
   * @returns rows in the order of the texts; for no texts, no rows.
   * @throws TypeError - a text that is no string.
   */
  async embedText(text: string | readonly string[], options: { readonly signal?: AbortSignal | undefined } = {}): Promise<TextEmbeddings> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { tokenizer } = this.processor;
    const tokenized = await tokenizeTexts(tokenizer, typeof text === "string" ? [text] : text, signal);
    const dim = this.model.config.projectionDim;
    const data = new Float32Array(tokenized.length * dim);
    for (const rows of batchByLength(tokenized.map(({ ids }) => ids.length))) {
      const inputs = textInputs(
        rows.map((row) => tokenized[row]!),
        tokenizer.padTokenId,
      );
      const features = await this.model.getTextFeatures(inputs);
      signal?.throwIfAborted();
      writeNormalizedRows(features.data as Float32Array, data, rows);
    }
    return { data, count: tokenized.length, dim, truncated: tokenized.map(({ truncated }) => truncated) };
  }

  /**
   * Embeds one picture or several.
   *
   * @returns rows in the order of the pictures; for no pictures, no rows.
   * @throws ImageError - the first picture that cannot be read. To go on past such pictures, use {@link ChineseCLIP.embedImages}.
   */
  async embedImage(
    image: ImageInput | readonly ImageInput[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embeddings> {
    const images = Array.isArray(image) ? (image as readonly ImageInput[]) : [image as ImageInput];
    const dim = this.model.config.projectionDim;
    const data = new Float32Array(images.length * dim);
    for await (const result of this.embedImages(images, options)) {
      if ("error" in result) throw result.error;
      data.set(result.embedding, result.index * dim);
    }
    return { data, count: images.length, dim };
  }

  /**
   * Embeds any number of pictures as a stream, in their order, with bounded memory: while one batch is in the model, the next is
   * decoded. A picture that cannot be read is a result with its error; the stream goes on.
   */
  embedImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options: EmbedImagesOptions = {},
  ): AsyncGenerator<ImageEmbeddingResult, void, undefined> {
    return embedImages(images, this.#preprocessor, (pixelValues) => this.model.getImageFeatures({ pixelValues }), options);
  }

  /**
   * Which label fits a picture.
   *
   * @returns one entry for each label, best first.
   * @throws RangeError - no labels, or a template without `{}`; ImageError - a picture that cannot be read.
   */
  async classify(
    image: ImageInput,
    labels: readonly string[],
    { template = DEFAULT_TEMPLATE, signal }: ClassifyOptions = {},
  ): Promise<Classification[]> {
    const templates = typeof template === "string" ? [template] : template;
    const [classes, picture] = await Promise.all([this.#classifier(labels, templates), this.embedImage(image, { signal })]);
    const { dim, data } = classes;
    const similarities = labels.map((_, label) => dot(picture.data, data.subarray(label * dim, (label + 1) * dim)));
    const best = Math.max(...similarities);
    const weights = similarities.map((similarity) => Math.exp(this.model.logitScale * (similarity - best)));
    const total = weights.reduce((a, b) => a + b, 0);
    return labels
      .map((label, i) => ({ label, score: weights[i]! / total, similarity: similarities[i]! }))
      .sort((a, b) => b.similarity - a.similarity);
  }

  /** Ends the threads and frees the memory; idempotent. Calls after it reject. */
  async dispose(): Promise<void> {
    await Promise.all([this.model.dispose(), this.#preprocessor.dispose()]);
  }

  /** The same as {@link ChineseCLIP.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** The labels' vectors; those of the last call are kept, since many pictures are classified by the same labels. */
  #classifier(labels: readonly string[], templates: readonly string[]): Promise<Embeddings> {
    const texts = fillTemplates(labels, templates);
    const key = JSON.stringify(texts);
    if (this.#lastClassifier?.key !== key) {
      const embeddings = this.embedText(texts).then((rows) => averageTemplates(rows, templates.length));
      const made = { key, embeddings };
      this.#lastClassifier = made;
      embeddings.catch(() => {
        if (this.#lastClassifier === made) this.#lastClassifier = undefined;
      });
    }
    return this.#lastClassifier.embeddings;
  }
}

/**
 * The parts of a {@link ChineseCLIP} from a model's files.
 *
 * @throws CheckpointError, TokenizerError, ImageError - a file that is missing or not what it should be.
 */
export async function loadChineseCLIPParts<ImageInput>(
  platform: Pick<Platform<ImageInput>, "createSession" | "cacheTower" | "createImagePreprocessor">,
  model: ModelReader,
  options: PretrainedOptions,
): Promise<ChineseCLIPParts<ImageInput>> {
  const loading = [loadModelParts(platform, model, options), loadProcessorParts(model, options)] as const;
  await Promise.allSettled(loading); // in a folder without a model both fail, and missing weights say more than a missing vocabulary
  const [towers, parts] = [await loading[0], await loading[1]];
  const preprocessor = platform.createImagePreprocessor(parts.imageProcessor, options);
  return { model: towers, processor: new ChineseCLIPProcessor(parts), preprocessor };
}
