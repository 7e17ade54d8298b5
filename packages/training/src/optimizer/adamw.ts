/**
 * AdamW (Loshchilov and Hutter, 2019) as `torch.optim.AdamW` computes it in float32, over the memory that the graph reads, by a WebAssembly kernel
 * (wasm/adamw.wat).
 */
import type { KernelCalls, TrainingRuntime } from "@chinese-clip/model";
import { ADAMW_KERNEL_BYTES } from "./adamw-kernel-bytes.js";
import type { ParameterMemory } from "./parameter-memory.js";

/** AdamW's numbers. */
export interface AdamWSettings {
  /** Decay rates of the first and the second moment. cn_clip's are 0.9 and 0.98, for a vision transformer, 0.9 and 0.999 for a ResNet. */
  readonly betas: readonly [number, number];
  /** What is added to the denominator: 1e-6, or 1e-8 for a ResNet. */
  readonly epsilon: number;
  /** Decoupled weight decay of the parameters that {@link decays} names; cn_clip's is 0.001. */
  readonly weightDecay: number;
}

/** cn_clip's settings for an image tower. */
export function adamWDefaults(visionKind: "visionTransformer" | "modifiedResNet"): AdamWSettings {
  const isResNet = visionKind === "modifiedResNet";
  return { betas: [0.9, isResNet ? 0.999 : 0.98], epsilon: isResNet ? 1e-8 : 1e-6, weightDecay: 0.001 };
}

/**
 * Whether a parameter decays, by cn_clip's rule: none with `bn`, `ln`, `bias` or `logit_scale` in the name that cn_clip has for it. So the image
 * tower's LayerNorms do not decay, while BERT's, whose names have no `ln`, do, but for their bias.
 */
export function decays(name: string): boolean {
  return !/bias|logit_scale|^vision_model\..*(?:layer_?norm|layrnorm)|^visual\..*bn\d/u.test(name);
}

/** Steps of AdamW over parameters in a runtime's memory. */
export class AdamW {
  readonly #runtime: TrainingRuntime;
  readonly #memory: ParameterMemory;
  readonly #settings: AdamWSettings;

  constructor(runtime: TrainingRuntime, memory: ParameterMemory, settings: AdamWSettings) {
    this.#runtime = runtime;
    this.#memory = memory;
    this.#settings = settings;
  }

  /** The length of the gradient of all parameters as one vector; not finite where one of its values is not. */
  async gradientNorm(): Promise<number> {
    const squares = await this.#call("squares", (name) => {
      const { memory, start, end } = this.#memory.range(name, "gradient");
      return { memory, arguments: [start, end] };
    });
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  }

  /** Multiplies every gradient. */
  async scaleGradients(factor: number): Promise<void> {
    await this.#call("scale", (name) => {
      const { memory, start, end } = this.#memory.range(name, "gradient");
      return { memory, arguments: [start, end, factor] };
    });
  }

  /**
   * One step with the gradients that are there.
   *
   * @param step - counted from 1.
   */
  async step(step: number, learningRate: number): Promise<void> {
    const { betas, epsilon, weightDecay } = this.#settings;
    const [beta1, beta2] = betas;
    const inverse = 1 / Math.sqrt(1 - beta2 ** step);
    const size = learningRate / (1 - beta1 ** step);
    await this.#call("adamw", (name) => {
      const { memory, start, end } = this.#memory.range(name, "parameter");
      const [gradient, first, second] = (["gradient", "first", "second"] as const).map((part) => this.#memory.range(name, part).start);
      const keep = 1 - (decays(name) ? learningRate * weightDecay : 0);
      const places = [start, end, gradient ?? 0, first ?? 0, second ?? 0];
      return { memory, arguments: [...places, keep, 1 - beta1, beta2, 1 - beta2, inverse, epsilon, size] };
    });
  }

  /** Moves the moving averages towards the parameters. @param decay - what of an average stays, 0 to 1. */
  async average(decay: number): Promise<void> {
    await this.#call("blend", (name) => {
      const { memory, start, end } = this.#memory.range(name, "average");
      return { memory, arguments: [start, end, this.#memory.range(name, "parameter").start, decay, 1 - decay] };
    });
  }

  /** Keeps a parameter's values in `[low, high]`. */
  async clamp(name: string, low: number, high: number): Promise<void> {
    const { memory, start, end } = this.#memory.range(name, "parameter");
    await this.#runtime.call({ module: kernelBytes(), name: "clamp", calls: [{ memory, arguments: [start, end, low, high] }] });
  }

  #call(name: string, callOf: (parameter: string) => KernelCalls["calls"][number]): Promise<readonly number[]> {
    return this.#runtime.call({ module: kernelBytes(), name, calls: this.#memory.trained.map(callOf) });
  }
}

function kernelBytes(): Uint8Array {
  return Uint8Array.from(atob(ADAMW_KERNEL_BYTES), (character) => character.charCodeAt(0));
}
