/// <reference lib="esnext.disposable" preserve="true" />
import type { VisionConfig } from "../config/parse-vision-config.js";
import type { ModelParts } from "./model-parts.js";
import type { VisionGraphs } from "./tower-graphs.js";
import { type ImageInputs, VisionTower } from "./vision-tower.js";
import { type StateOptions, type TowerStates, towerStates } from "./tower-states.js";

/** The image tower as a backbone: every patch's state, without the projection. */
export class ChineseCLIPVisionModel {
  /** The image tower's configuration. */
  readonly config: VisionConfig;
  readonly #tower: VisionTower;

  /** @throws {@link CheckpointError} naming a tensor that is missing or has another shape than the configuration says. */
  constructor({ config, graphs, createSession }: ModelParts<VisionConfig, VisionGraphs>) {
    this.config = config;
    this.#tower = new VisionTower("ChineseCLIPVisionModel", config, graphs, createSession);
    this.#tower.check({ kind: "states", hiddenStates: false, attentions: false });
  }

  /**
   * One forward pass.
   *
   * @throws TypeError, RangeError - an input of another type or shape.
   */
  async forward(inputs: ImageInputs & StateOptions): Promise<TowerStates> {
    return towerStates(await this.#tower.states("ChineseCLIPVisionModel.forward", inputs, inputs), inputs);
  }

  /** Releases memory and threads; idempotent. Calls after it reject. */
  dispose(): Promise<void> {
    return this.#tower.dispose();
  }

  /** The same as {@link ChineseCLIPVisionModel.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
