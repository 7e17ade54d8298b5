/**
 * The classes as a page meets them: each is the platform-free class with a `fromPretrained` that finds its parts in a browser.
 */
import { ChineseCLIPModel as Model, ChineseCLIPTextModel as TextModel, ChineseCLIPVisionModel as VisionModel } from "@chinese-clip/model";
import {
  ChineseCLIP as Clip,
  ChineseCLIPProcessor as Processor,
  loadChineseCLIPParts,
  loadFrom,
  loadModelParts,
  loadProcessorParts,
  loadTextModelParts,
  loadVisionModelParts,
  type ModelReader,
} from "@chinese-clip/pipeline";
import type { WebModelSource } from "./sources/open-model.js";
import type { WebFiles } from "./sources/web-files.js";
import type { ImageInput } from "./image/image-input.js";
import { checkOptions, imagePlatform, modelPlatform, type WebPretrainedOptions } from "./web-platform.js";

/** One source, or several, the first that works being taken. */
type Sources = WebModelSource | readonly WebModelSource[];

/** Both towers: features of texts and images, logits, hidden states. */
export class ChineseCLIPModel extends Model {
  /**
   * Loads a model; no weight is fetched before a tower is first used, and then only that tower's.
   *
   * @param source - the address of a folder (as published) or of one weights file, a
   *   Hugging Face id such as `OFA-Sys/chinese-clip-vit-base-patch16`, {@link PickedFiles}, or several of these, tried in order.
   * @throws CheckpointError - a file that is missing or malformed, a tensor that does not fit the configuration.
   * @throws HubError - the model could not be fetched, or not be cached.
   * @throws AggregateError - none of several sources works; `errors` has one error for each.
   */
  static fromPretrained(source: Sources, options: WebPretrainedOptions = {}): Promise<ChineseCLIPModel> {
    return load(source, options, async (model) => new ChineseCLIPModel(await loadModelParts(modelPlatform, model, options)));
  }
}

/** The text tower as a backbone. */
export class ChineseCLIPTextModel extends TextModel {
  /** Loads the text tower of a whole model, or a text tower saved alone. Arguments and errors as {@link ChineseCLIPModel.fromPretrained}. */
  static fromPretrained(source: Sources, options: WebPretrainedOptions = {}): Promise<ChineseCLIPTextModel> {
    return load(source, options, async (model) => new ChineseCLIPTextModel(await loadTextModelParts(modelPlatform, model, options)));
  }
}

/** The image tower as a backbone. */
export class ChineseCLIPVisionModel extends VisionModel {
  /** Loads the image tower of a whole model, or an image tower saved alone. Arguments and errors as {@link ChineseCLIPModel.fromPretrained}. */
  static fromPretrained(source: Sources, options: WebPretrainedOptions = {}): Promise<ChineseCLIPVisionModel> {
    return load(source, options, async (model) => new ChineseCLIPVisionModel(await loadVisionModelParts(modelPlatform, model, options)));
  }
}

/** Tokenizer and image processor of one model. */
export class ChineseCLIPProcessor extends Processor {
  /**
   * Loads `tokenizer.json` or `vocab.txt`, and `preprocessor_config.json`, of a model.
   *
   * @throws CheckpointError - a file that is missing; TokenizerError, ImageError - one that is not what it should be.
   */
  static fromPretrained(source: Sources, options: WebPretrainedOptions = {}): Promise<ChineseCLIPProcessor> {
    return load(source, options, async (model) => new ChineseCLIPProcessor(await loadProcessorParts(model, options)));
  }
}

/** The short way: embeds texts and images, classifies images. Images are whatever {@link loadImage} takes. */
export class ChineseCLIP extends Clip<ImageInput> {
  /**
   * Loads everything that a model has: configuration, tokenizer, image processor, and, when first used, each tower.
   * Arguments and errors as {@link ChineseCLIPModel.fromPretrained} and {@link ChineseCLIPProcessor.fromPretrained}.
   */
  static fromPretrained(source: Sources, options: WebPretrainedOptions = {}): Promise<ChineseCLIP> {
    return load(source, options, async (model) => new ChineseCLIP(await loadChineseCLIPParts(imagePlatform(), model, options)));
  }
}

async function load<Made>(
  source: Sources,
  options: WebPretrainedOptions,
  make: (model: ModelReader<WebFiles>) => Promise<Made>,
): Promise<Made> {
  checkOptions(options);
  return loadFrom(modelPlatform, source, options, async (model) => {
    const made = await make(model);
    await model.files.commit();
    return made;
  });
}
