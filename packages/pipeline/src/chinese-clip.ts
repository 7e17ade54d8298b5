/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The short way from texts and images to embeddings and labels: tokenizer, image processor and both towers as one object.
 */
import { CheckpointError, ChineseCLIPModel, type TowerName } from "@chinese-clip/model";
import type { RawImage } from "@chinese-clip/image-processor";
import { Tensor } from "onnxruntime-common";
import type { ClassScore } from "./classifier/head.js";
import type { ImageClassifier } from "./classifier/image-classifier.js";
import { checkOptions } from "./check-options.js";
import { AbortScope } from "./embedding/abort-scope.js";
import type { Embedder } from "./embedding/embedder.js";
import { embedImages, type EmbedImagesOptions, type ImageEmbeddingResult } from "./embedding/embed-images.js";
import type { Embeddings, TextEmbeddings } from "./embedding/embeddings.js";
import { batchByLength, textInputs, type TokenizedText, tokenizeTexts } from "./embedding/text-batches.js";
import { TextQueue } from "./embedding/text-queue.js";
import { type ChineseCLIPModelParts, loadModelParts } from "./loading/load-model.js";
import type { ModelReader } from "./loading/model-reader.js";
import type { ImagePreprocessor, ImagePreview, Platform, PretrainedOptions, PreviewOptions } from "./platform.js";
import { ChineseCLIPProcessor, loadProcessorParts } from "./processor.js";
import { showValue } from "./show-value.js";
import { writeNormalizedRows } from "./vectors/normalize.js";
import { checkLabels, DEFAULT_TEMPLATE, embedClasses } from "./zero-shot/class-embeddings.js";
import { type Classification, scoreLabels } from "./zero-shot/label-set.js";

const TOWERS: readonly TowerName[] = ["text", "vision"];

/** 8 x 8 black pixels. */
const SOME_IMAGE: RawImage = { data: new Uint8Array(8 * 8 * 3), width: 8, height: 8, channels: 3 };

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

/** What a {@link ChineseCLIP} is made of. */
export interface ChineseCLIPParts<ImageInput> {
  /** Both towers and what they were built from. */
  readonly model: ChineseCLIPModelParts;
  /** Tokenizer and image processor. */
  readonly processor: ChineseCLIPProcessor;
  /** As {@link ChineseCLIP.fingerprint}. */
  readonly fingerprint: string;
  /** The platform's way from an image to pixel values, off the main thread where there is one. */
  readonly preprocessor: ImagePreprocessor<ImageInput>;
}

/** Chinese-CLIP ready to use: embeds texts and images, and classifies images by labels that it was never trained on. */
export class ChineseCLIP<ImageInput> implements Embedder<ImageInput> {
  /** The model, for features, logits and hidden states. */
  readonly model: ChineseCLIPModel;
  /** Tokenizer and image processor. */
  readonly processor: ChineseCLIPProcessor;
  /**
   * Which weights the embeddings are of, and in which dtype: the same for the same weights in another folder or file, different for any other
   * model, and in a browser, which takes the files' versions instead. Store it with embeddings: cosines between two models mean nothing.
   */
  readonly fingerprint: string;
  readonly #preprocessor: ImagePreprocessor<ImageInput>;
  readonly #textQueue: TextQueue = new TextQueue((texts) => this.#runTextTower(texts));
  #lastClassifier: { readonly key: string; readonly embeddings: Promise<Embeddings> } | undefined;

  /** @throws CheckpointError - `vocabulary-mismatch`: the tokenizer knows ids that the text tower has no embedding for. */
  constructor({ model, processor, fingerprint, preprocessor }: ChineseCLIPParts<ImageInput>) {
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
    this.fingerprint = fingerprint;
    this.#preprocessor = preprocessor;
  }

  /** Values of an embedding: the model's `projectionDim`. */
  get dim(): number {
    return this.model.config.projectionDim;
  }

  /**
   * Loads towers ahead of the first call that needs them, one after the other, and runs each once: then that call takes no longer than later ones.
   * A page calls it while the user still types.
   *
   * @param towers - default both, the text tower first.
   * @throws RangeError - a tower of another name; the signal's reason, and what the first call would throw.
   */
  async prepare(towers: readonly TowerName[] = TOWERS, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    checkOptions("prepare", options);
    const other: unknown = Array.isArray(towers) ? towers.find((tower) => !TOWERS.includes(tower)) : towers;
    if (other !== undefined || !Array.isArray(towers))
      throw new RangeError(`prepare: expected towers among text, vision, got ${showValue(other)}`);
    const { signal } = options;
    for (const tower of towers) {
      signal?.throwIfAborted();
      await new AbortScope(signal).wait<unknown>(tower === "text" ? this.embedText("图") : this.#runImageTower(signal));
    }
  }

  /**
   * Embeds one text or several. Texts of like length go through the model together, so the order in which they are given costs nothing; so do texts
   * of several calls that wait while the model is busy.
   *
   * @returns rows in the order of the texts; for no texts, no rows.
   * @throws TypeError - a text that is no string.
   */
  async embedText(text: string | readonly string[], options: { readonly signal?: AbortSignal | undefined } = {}): Promise<TextEmbeddings> {
    checkOptions("embedText", options);
    const { signal } = options;
    signal?.throwIfAborted();
    const { tokenizer } = this.processor;
    const { dim } = this;
    const tokenized = await tokenizeTexts(tokenizer, textsOf(text), signal);
    const data = new Float32Array(tokenized.length * dim);
    if (TextQueue.takes(tokenized)) {
      const rows = await new AbortScope(signal).wait(this.#textQueue.embed(tokenized, signal));
      for (const [i, row] of rows.entries()) data.set(row, i * dim);
    } else {
      for (const rows of batchByLength(tokenized.map(({ ids }) => ids.length))) {
        const normalized = await this.#runTextTower(rows.map((row) => tokenized[row] as TokenizedText));
        signal?.throwIfAborted();
        for (const [i, row] of rows.entries()) data.set(normalized.subarray(i * dim, (i + 1) * dim), row * dim);
      }
    }
    return { data, count: tokenized.length, dim, truncated: tokenized.map(({ truncated }) => truncated) };
  }

  /**
   * Embeds one image or several.
   *
   * @returns rows in the order of the images; for no images, no rows.
   * @throws ImageError - the first image that cannot be read. To skip such images, use `embedImages`.
   */
  async embedImage(
    image: ImageInput | readonly ImageInput[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embeddings> {
    const images = Array.isArray(image) ? (image as readonly ImageInput[]) : [image as ImageInput];
    const { dim } = this;
    const data = new Float32Array(images.length * dim);
    for await (const result of this.embedImages(images, options)) {
      if ("error" in result) throw result.error;
      data.set(result.embedding, result.index * dim);
    }
    return { data, count: images.length, dim };
  }

  /**
   * Embeds any number of images as a stream, in their order, with bounded memory: while one batch is in the model, the next is
   * decoded. An image that cannot be read is a result with its error; the stream continues.
   *
   * @param inputs - images; or anything else, where `imageOf` gives each one's image. Each comes back in its result as `input`.
   * @throws TypeError - no iterable; RangeError - a batch size below 1; the signal's reason; what `inputs` itself throws.
   */
  embedImages<Input extends ImageInput>(
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options?: EmbedImagesOptions,
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined>;
  /** The same for inputs that have an image. */
  embedImages<Input>(
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options: EmbedImagesOptions & { readonly imageOf: (input: Input) => ImageInput },
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined>;
  embedImages<Input extends ImageInput>(
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options: EmbedImagesOptions & { readonly imageOf?: (input: Input) => ImageInput } = {},
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined> {
    checkOptions("embedImages", options);
    const { imageOf = (input: Input): ImageInput => input } = options;
    const stages = {
      preprocessor: this.#preprocessor,
      imageTower: (pixelValues: Tensor) => this.model.getImageFeatures({ pixelValues }),
    };
    return embedImages(inputs, imageOf, stages, options);
  }

  /**
   * Decodes an image and makes what is asked for, without the model: its size as displayed, a thumbnail, a perceptual hash, what the camera wrote.
   *
   * @returns undefined in a browser.
   * @throws ImageError - an image that cannot be read; the signal's reason.
   */
  async previewImage(
    image: ImageInput,
    { signal, ...preview }: PreviewOptions & { readonly signal?: AbortSignal | undefined },
  ): Promise<ImagePreview | undefined> {
    const made = await this.#preprocessor.preprocess(image, { signal, preview });
    this.#preprocessor.recycle?.(made);
    return made.preview;
  }

  /**
   * Which label fits an image, or each of several images.
   *
   * @returns one entry for each label, best first; for a list of images, a list of these.
   * @throws TypeError - labels that are no list of strings; RangeError - no labels, or a template without `{}`; ImageError - an image that
   * cannot be read.
   */
  async classify(image: readonly ImageInput[], labels: readonly string[], options?: ClassifyOptions): Promise<Classification[][]>;
  /** The same for a single image. */
  async classify(image: ImageInput, labels: readonly string[], options?: ClassifyOptions): Promise<Classification[]>;
  /**
   * Which class of a few-shot classifier fits each image. The text tower is not used.
   *
   * @param classifier - as `parseClassifier` of `@chinese-clip/pipeline/classifier` reads it from its file.
   * @throws ClassifierError - `other-model`; ImageError - an image that cannot be read.
   */
  async classify(
    image: readonly ImageInput[],
    classifier: ImageClassifier,
    options?: Pick<ClassifyOptions, "signal">,
  ): Promise<ClassScore[][]>;
  /** The same for a single image. */
  async classify(image: ImageInput, classifier: ImageClassifier, options?: Pick<ClassifyOptions, "signal">): Promise<ClassScore[]>;
  async classify(
    image: ImageInput | readonly ImageInput[],
    by: readonly string[] | ImageClassifier,
    options: ClassifyOptions = {},
  ): Promise<Classification[] | Classification[][] | ClassScore[] | ClassScore[][]> {
    checkOptions("classify", options);
    const { template = DEFAULT_TEMPLATE, signal } = options;
    const scores = isClassifier(by)
      ? await (await import("./classifier/index.js")).scoreImages(this, image, by, { signal })
      : await this.#scoreLabels(image, by, typeof template === "string" ? [template] : template, signal);
    return Array.isArray(image) ? scores : (scores[0] as Classification[] | ClassScore[]);
  }

  /** Ends the threads and frees the memory; idempotent. Calls after it reject. */
  async dispose(): Promise<void> {
    await Promise.all([this.model.dispose(), this.#preprocessor.dispose()]);
  }

  /** The same as {@link ChineseCLIP.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Takes an image the whole way: on the web the image worker is a file of its own. */
  async #runImageTower(signal: AbortSignal | undefined): Promise<void> {
    const made = await this.#preprocessor.preprocess(SOME_IMAGE, { signal });
    await this.model.getImageFeatures({ pixelValues: new Tensor("float32", made.pixelValues, [1, ...made.dims]) });
    this.#preprocessor.recycle?.(made);
  }

  /** One run of the text tower: one normalised row for each text. */
  async #runTextTower(texts: readonly TokenizedText[]): Promise<Float32Array> {
    const features = await this.model.getTextFeatures(textInputs(texts, this.processor.tokenizer.padTokenId));
    const normalized = new Float32Array(features.data.length);
    writeNormalizedRows(
      features.data as Float32Array,
      normalized,
      texts.map((_, row) => row),
    );
    return normalized;
  }

  async #scoreLabels(
    image: ImageInput | readonly ImageInput[],
    labels: readonly string[],
    templates: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Classification[][]> {
    checkLabels(labels, templates);
    const [classes, { data, count, dim }] = await Promise.all([this.#classifier(labels, templates), this.embedImage(image, { signal })]);
    return Array.from({ length: count }, (_, row) =>
      scoreLabels(data.subarray(row * dim, (row + 1) * dim), labels, classes, this.model.logitScale),
    );
  }

  /** The labels' vectors; those of the last call are cached, since many images are classified by the same labels. */
  #classifier(labels: readonly string[], templates: readonly string[]): Promise<Embeddings> {
    const key = JSON.stringify([labels, templates]);
    if (this.#lastClassifier?.key !== key) {
      const embeddings = embedClasses(labels, templates, (texts) => this.embedText(texts));
      const made = { key, embeddings };
      this.#lastClassifier = made;
      embeddings.catch(() => {
        if (this.#lastClassifier === made) this.#lastClassifier = undefined;
      });
    }
    return this.#lastClassifier.embeddings;
  }
}

function isClassifier(by: readonly string[] | ImageClassifier): by is ImageClassifier {
  return typeof by === "object" && by !== null && !Array.isArray(by) && "head" in by && typeof by.head === "object";
}

/** A single text or a list of texts as a list. */
function textsOf(text: unknown): readonly string[] {
  const texts: readonly unknown[] | undefined = typeof text === "string" ? [text] : Array.isArray(text) ? text : undefined;
  const other = texts?.find((one) => typeof one !== "string");
  if (texts !== undefined && other === undefined && !texts.includes(undefined)) return texts as readonly string[];
  const got = texts === undefined ? showValue(text) : `${showValue(other)} among them`;
  throw new TypeError(`embedText: expected a string or an array of strings, got ${got}`);
}

/**
 * The parts of a {@link ChineseCLIP} from a model's files.
 *
 * @throws CheckpointError, TokenizerError, ImageError - a file that is missing or not what it should be.
 */
export async function loadChineseCLIPParts<ImageInput>(
  platform: Pick<Platform<ImageInput>, "createSession" | "cacheTower" | "weightIntegers" | "createImagePreprocessor">,
  model: ModelReader,
  options: PretrainedOptions,
): Promise<ChineseCLIPParts<ImageInput>> {
  const modelParts = loadModelParts(platform, model, options);
  const loading = [modelParts, loadProcessorParts(model, options), modelParts.then(({ fingerprint }) => fingerprint())] as const;
  await Promise.allSettled(loading); // in a folder without a model both fail, and missing weights say more than a missing vocabulary
  const [towers, parts, fingerprint] = [await loading[0], await loading[1], await loading[2]];
  const preprocessor = platform.createImagePreprocessor(parts.imageProcessor, options);
  return { model: towers, processor: new ChineseCLIPProcessor(parts), fingerprint, preprocessor };
}
