/**
 * Text and images to the model's inputs: `ChineseCLIPProcessor` of transformers, with both of its parts.
 */
import {
  type ChineseCLIPImageProcessor,
  type ChineseCLIPImageProcessorFast,
  createImageProcessor,
  type ImageInputs,
  type RawImage,
} from "@chinese-clip/image-processor";
import type { BatchEncoding, BertTokenizer } from "@chinese-clip/tokenizer";
import type { PretrainedOptions } from "./platform.js";
import { loadTokenizer } from "./loading/load-tokenizer.js";
import type { ModelReader } from "./loading/model-reader.js";

/** What {@link ChineseCLIPProcessor.process} takes. */
export interface ProcessorInputs {
  /** Texts to tokenize. */
  readonly text?: string | readonly string[] | undefined;
  /** Decoded images; `loadImage` makes them. */
  readonly images?: RawImage | readonly RawImage[] | undefined;
  /** How to make rows of one length: `"longest"` or true (default), `"max_length"`, or false where they are of one length already. */
  readonly padding?: boolean | "longest" | "max_length" | undefined;
  /** Whether to cut long texts. Default: the tokenizer's. */
  readonly truncation?: boolean | undefined;
  /** Length in tokens to cut and to pad to. Default: the tokenizer's. */
  readonly maxLength?: number | undefined;
  /** Whether to put `[CLS]` before and `[SEP]` behind each text. Default true. */
  readonly addSpecialTokens?: boolean | undefined;
}

/** What a processor is made of. */
export interface ProcessorParts {
  /** Texts to token ids. */
  readonly tokenizer: BertTokenizer;
  /** Images to pixel values. */
  readonly imageProcessor: ChineseCLIPImageProcessor | ChineseCLIPImageProcessorFast;
}

/** Tokenizer and image processor of one model. */
export class ChineseCLIPProcessor {
  /** Text to ids. */
  readonly tokenizer: BertTokenizer;
  /** Pixels to pixel values; which resizer it uses is up to the model's `preprocessor_config.json`. */
  readonly imageProcessor: ChineseCLIPImageProcessor | ChineseCLIPImageProcessorFast;

  constructor({ tokenizer, imageProcessor }: ProcessorParts) {
    this.tokenizer = tokenizer;
    this.imageProcessor = imageProcessor;
  }

  /**
   * The model's inputs for texts, images or both.
   *
   * @throws TypeError, RangeError - neither text nor images, no text or image at all, or options that do not fit together.
   */
  process<Inputs extends ProcessorInputs>(
    inputs: Inputs,
  ): (Inputs extends { readonly text: string | readonly string[] } ? BatchEncoding : Partial<BatchEncoding>) &
    (Inputs extends { readonly images: RawImage | readonly RawImage[] } ? ImageInputs : Partial<ImageInputs>);
  process({
    text,
    images,
    padding = true,
    truncation,
    maxLength,
    addSpecialTokens,
  }: ProcessorInputs): Partial<BatchEncoding> & Partial<ImageInputs> {
    if (text === undefined && images === undefined) throw new TypeError("process: expected text, images or both, got neither");
    const texts = typeof text === "string" ? [text] : text;
    return {
      ...(texts === undefined ? {} : this.tokenizer.encodeBatch(texts, { padding, truncation, maxLength, addSpecialTokens })),
      ...(images === undefined ? {} : this.imageProcessor.preprocess(images)),
    };
  }

  /** One row of ids to a text, as the tokenizer's `decode`. */
  decode(...args: Parameters<BertTokenizer["decode"]>): string {
    return this.tokenizer.decode(...args);
  }

  /** Several rows of ids, or the `inputIds` of a batch, to texts, as the tokenizer's `batchDecode`. */
  batchDecode(...args: Parameters<BertTokenizer["batchDecode"]>): string[] {
    return this.tokenizer.batchDecode(...args);
  }
}

/**
 * The parts of a model's processor. The tokenizer comes from `tokenizer.json`, or from `vocab.txt` where there is none.
 *
 * @throws CheckpointError - a file that is missing or no JSON; TokenizerError, ImageError - one that is not what it should be.
 */
export async function loadProcessorParts(model: ModelReader, options: PretrainedOptions): Promise<ProcessorParts> {
  const [tokenizer, imageProcessor] = await Promise.all([loadTokenizer(model.files, options), model.preprocessorConfig()]);
  return { tokenizer, imageProcessor: createImageProcessor(imageProcessor) };
}
