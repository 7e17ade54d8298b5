/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Both towers and the logit scale that joins them: `ChineseCLIPModel` of transformers' `modeling_chinese_clip.py`. A tower is
 * loaded when it is first asked for something; the other one's weights are then never opened.
 */
import { Tensor } from "onnxruntime-common";
import type { ChineseCLIPConfig } from "../config/config.js";
import type { ModelParts } from "./model-parts.js";
import { type TextInputs, TextTower } from "./text-tower.js";
import type { TowerGraphs } from "./tower-graphs.js";
import { outputTensor, type StateOptions, type TowerStates, towerStates } from "./tower-states.js";
import { type ImageInputs, VisionTower } from "./vision-tower.js";

/** What {@link ChineseCLIPModel.forward} takes: texts and images, and what to return of them. */
export interface ModelInputs extends TextInputs, ImageInputs, StateOptions {
  /** Also the contrastive loss; the i-th text must belong to the i-th image. Default false. */
  readonly returnLoss?: boolean;
}

/** What {@link ChineseCLIPModel.forward} returns, for I images and T texts in a space of E dimensions. All float32. */
export interface ModelOutput {
  /** `[I, T]`: logit scale times cosine. */
  readonly logitsPerImage: Tensor;
  /** `[T, I]`: the transpose. */
  readonly logitsPerText: Tensor;
  /** `[T, E]`, rows of L2 norm 1. */
  readonly textEmbeds: Tensor;
  /** `[I, E]`, rows of L2 norm 1. */
  readonly imageEmbeds: Tensor;
  /** `[]`: the contrastive loss, with `returnLoss`. */
  readonly loss?: Tensor;
  /** The text tower's states. */
  readonly textModelOutput: TowerStates;
  /** The image tower's states. */
  readonly visionModelOutput: TowerStates;
}

/** Chinese-CLIP: texts and images to features in one space. */
export class ChineseCLIPModel {
  /** The configuration of both towers. */
  readonly config: ChineseCLIPConfig;
  /** The trained factor between cosine and logit: e to the checkpoint's `logit_scale`, about 100 in the published models. */
  readonly logitScale: number;
  readonly #text: TextTower;
  readonly #vision: VisionTower;

  /**
   * @param parts - configuration, graphs, session maker, and the checkpoint's `logit_scale` (a logarithm).
   * @throws {@link CheckpointError} naming a tensor that is missing or has another shape than the configuration says.
   */
  constructor({ config, graphs, createSession, logitScale }: ModelParts<ChineseCLIPConfig, TowerGraphs> & { readonly logitScale: number }) {
    this.config = config;
    this.logitScale = Math.exp(logitScale);
    this.#text = new TextTower("ChineseCLIPModel", config.textConfig, graphs, createSession);
    this.#vision = new VisionTower("ChineseCLIPModel", config.visionConfig, graphs, createSession);
    this.#text.check({ kind: "features" });
    this.#vision.check({ kind: "features" });
  }

  /**
   * Features of texts: float32 `[B, E]`, not normalised.
   *
   * @throws TypeError, RangeError - an input of another type or shape, or an id out of range.
   */
  async getTextFeatures(inputs: TextInputs): Promise<Tensor> {
    return outputTensor(await this.#text.features("getTextFeatures", inputs), "text_features");
  }

  /**
   * Features of images: float32 `[B, E]`, not normalised.
   *
   * @throws TypeError, RangeError - an input of another type or shape.
   */
  async getImageFeatures(inputs: ImageInputs): Promise<Tensor> {
    return outputTensor(await this.#vision.features("getImageFeatures", inputs), "image_features");
  }

  /**
   * Both towers, and how well each image fits each text.
   *
   * @throws TypeError, RangeError - an input of another type or shape, an id out of range, or `returnLoss` with unequal counts.
   */
  async forward(inputs: ModelInputs): Promise<ModelOutput> {
    const [images, texts] = [inputs.pixelValues.dims[0], inputs.inputIds.dims[0]];
    if (inputs.returnLoss === true && images !== texts) {
      throw new RangeError(`forward: expected as many images as texts for returnLoss, got ${images} and ${texts}`);
    }
    const [text, vision, { contrastiveLoss, normalizeRows, scaledProducts, transposed }] = await Promise.all([
      this.#text.states("forward", inputs, inputs),
      this.#vision.states("forward", inputs, inputs),
      import("./similarity.js"), // features need none of it
    ]);
    const textEmbeds = normalizeRows(outputTensor(text, "text_features"));
    const imageEmbeds = normalizeRows(outputTensor(vision, "image_features"));
    const logitsPerText = scaledProducts(textEmbeds, imageEmbeds, this.logitScale);
    return {
      logitsPerImage: transposed(logitsPerText),
      logitsPerText,
      textEmbeds,
      imageEmbeds,
      ...(inputs.returnLoss === true ? { loss: new Tensor("float32", Float32Array.of(contrastiveLoss(logitsPerText)), []) } : {}),
      textModelOutput: towerStates(text, inputs),
      visionModelOutput: towerStates(vision, inputs),
    };
  }

  /** Releases both towers' memory and threads; idempotent. Calls after it reject. */
  async dispose(): Promise<void> {
    await Promise.all([this.#text.dispose(), this.#vision.dispose()]);
  }

  /** The same as {@link ChineseCLIPModel.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
