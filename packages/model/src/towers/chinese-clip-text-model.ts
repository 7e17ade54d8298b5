/// <reference lib="esnext.disposable" preserve="true" />
import type { ChineseCLIPTextConfig } from "../config/text-config.js";
import type { ModelParts } from "./model-parts.js";
import type { TextGraphs } from "./tower-graphs.js";
import { type TextInputs, TextTower } from "./text-tower.js";
import { type StateOptions, type TowerStates, towerStates } from "./tower-states.js";

/** The text tower as a backbone: every token's state, without the projection. */
export class ChineseCLIPTextModel {
  /** The text tower's configuration. */
  readonly config: ChineseCLIPTextConfig;
  readonly #tower: TextTower;

  /** @throws {@link CheckpointError} naming a tensor that is missing or has another shape than the configuration says. */
  constructor({ config, graphs, createSession }: ModelParts<ChineseCLIPTextConfig, TextGraphs>) {
    this.config = config;
    this.#tower = new TextTower("ChineseCLIPTextModel", config, graphs, createSession);
    this.#tower.check({ kind: "states", hiddenStates: false, attentions: false });
  }

  /**
   * One forward pass.
   *
   * @throws TypeError, RangeError - an input of another type or shape, or an id out of range.
   */
  async forward(inputs: TextInputs & StateOptions): Promise<TowerStates> {
    return towerStates(await this.#tower.states("ChineseCLIPTextModel.forward", inputs, inputs), inputs);
  }

  /** Releases memory and threads; idempotent. Calls after it reject. */
  dispose(): Promise<void> {
    return this.#tower.dispose();
  }

  /** The same as {@link ChineseCLIPTextModel.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
