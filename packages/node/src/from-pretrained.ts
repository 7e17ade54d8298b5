/**
 * The classes as Node's users meet them: each is the platform-free class with a `fromPretrained` that finds its parts on this machine.
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
  type ModelSource,
  type PretrainedOptions,
} from "@chinese-clip/pipeline";
import type { ImageInput } from "./image/image-source.js";
import { nodePlatform } from "./node-platform.js";
import { prepareSession } from "./session/node-session.js";

/** Both towers: features of texts and images, logits, hidden states. */
export class ChineseCLIPModel extends Model {
  /**
   * Loads a model; no weight is read before a tower is first used.
   *
   * @param source - a folder of this machine (a path or a `file:` URL), a path to one weights file, a Hugging Face id such as
   *   `OFA-Sys/chinese-clip-vit-base-patch16`, `modelscope:owner/name`, or several of these, tried in order.
   * @throws CheckpointError - a file that is missing or malformed, a tensor that does not fit the configuration.
   * @throws HubError - the model could not be fetched.
   * @throws AggregateError - none of several sources works; `errors` has one error for each.
   */
  static fromPretrained(source: ModelSource, options: PretrainedOptions = {}): Promise<ChineseCLIPModel> {
    prepareSession();
    return loadFrom(
      nodePlatform,
      source,
      options,
      async (model) => new ChineseCLIPModel(await loadModelParts(nodePlatform, model, options)),
    );
  }
}

/** The text tower as a backbone. */
export class ChineseCLIPTextModel extends TextModel {
  /**
   * Loads the text tower of a whole model, or a text tower saved alone. Arguments and errors as {@link ChineseCLIPModel.fromPretrained}.
   */
  static fromPretrained(source: ModelSource, options: PretrainedOptions = {}): Promise<ChineseCLIPTextModel> {
    prepareSession();
    return loadFrom(
      nodePlatform,
      source,
      options,
      async (model) => new ChineseCLIPTextModel(await loadTextModelParts(nodePlatform, model, options)),
    );
  }
}

/** The image tower as a backbone. */
export class ChineseCLIPVisionModel extends VisionModel {
  /**
   * Loads the image tower of a whole model, or an image tower saved alone. Arguments and errors as {@link ChineseCLIPModel.fromPretrained}.
   */
  static fromPretrained(source: ModelSource, options: PretrainedOptions = {}): Promise<ChineseCLIPVisionModel> {
    prepareSession();
    return loadFrom(
      nodePlatform,
      source,
      options,
      async (model) => new ChineseCLIPVisionModel(await loadVisionModelParts(nodePlatform, model, options)),
    );
  }
}

/** Tokenizer and image processor of one model. */
export class ChineseCLIPProcessor extends Processor {
  /**
   * Loads `tokenizer.json` or `vocab.txt`, and `preprocessor_config.json`, of a model.
   *
   * @throws CheckpointError - a file that is missing; TokenizerError, ImageError - one that is not what it should be.
   */
  static fromPretrained(source: ModelSource, options: PretrainedOptions = {}): Promise<ChineseCLIPProcessor> {
    return loadFrom(nodePlatform, source, options, async (model) => new ChineseCLIPProcessor(await loadProcessorParts(model, options)));
  }
}

/** The short way: embeds texts and images, classifies images. Images are whatever {@link loadImage} takes. */
export class ChineseCLIP extends Clip<ImageInput> {
  /**
   * Loads everything that a model's folder has: configuration, tokenizer, image processor, and, when first used, each tower.
   * Arguments and errors as {@link ChineseCLIPModel.fromPretrained} and {@link ChineseCLIPProcessor.fromPretrained}.
   */
  static fromPretrained(source: ModelSource, options: PretrainedOptions = {}): Promise<ChineseCLIP> {
    prepareSession();
    return loadFrom(
      nodePlatform,
      source,
      options,
      async (model) => new ChineseCLIP(await loadChineseCLIPParts(nodePlatform, model, options)),
    );
  }
}
