/** What a run is told, and what it tells. */
import type { ModelSource, PretrainedOptions } from "@chinese-clip/pipeline";
import type { PairList, SkippedPair } from "../data/pairs.js";
import type { LoraOptions } from "../graphs/adapters.js";
import type { AveragingOptions } from "./averaging.js";
import type { StepRecord, ValidationRecord } from "./progress-log.js";
import type { TrainingPlatform } from "./training-platform.js";

/** How to train. Defaults are those of cn_clip's fine-tuning scripts, where they have one. */
export interface TrainOptions {
  /** The machine: `trainingPlatform` of `@chinese-clip/node`. */
  readonly platform: TrainingPlatform;
  /** The initial model, as `fromPretrained` takes it. */
  readonly model: ModelSource;
  /** Pairs to learn from: `listedPairs`, `captionedImages` or `cnClipPairs`. */
  readonly data: PairList;
  /** Pairs to measure retrieval on, which are not learnt from. */
  readonly validation?: PairList | undefined;
  /**
   * The run's folder: the model as Hugging Face writes it, which can be loaded at any time, `state.safetensors` and `progress.jsonl`. A run that was
   * interrupted goes on from its last save when it is started again with the same options.
   */
  readonly output: string;
  /** The tower that stays as it is. Its features are computed once, which makes a step several times as fast. Default: none. */
  readonly freeze?: "vision" | "text" | undefined;
  /** Pairs of a batch, from 2. All texts of a batch are each other's wrong answers. Default 128, at most the number of pairs. */
  readonly batchSize?: number | undefined;
  /** Pairs that are computed at once; a divisor of the batch. Fewer take less memory and more time. Default: as many as `memory` allows. */
  readonly chunkSize?: number | undefined;
  /**
   * Whether the towers are computed block by block, with one block's activations in memory, and once more on the way back: less memory, a quarter more
   * time. Default: where `memory` asks for it. A ResNet is one block.
   */
  readonly blocks?: boolean | undefined;
  /** Bytes that the process may take. Default: most of what is free. A run that cannot fit is rejected before its first step. */
  readonly memory?: number | undefined;
  /** How often all pairs are gone through. Default 3. */
  readonly epochs?: number | undefined;
  /** Steps in all, in the place of `epochs`. */
  readonly steps?: number | undefined;
  /** The highest learning rate. Default 5e-5. */
  readonly learningRate?: number | undefined;
  /** Steps until the rate is reached. Default 100, at most a tenth of all steps. */
  readonly warmup?: number | undefined;
  /** Decoupled weight decay. Default 0.001. */
  readonly weightDecay?: number | undefined;
  /** Maximum norm of the gradient; a larger one is scaled down to it. Default: no limit. */
  readonly maxGradientNorm?: number | undefined;
  /**
   * Share of what BERT drops in training, of states and of the attention's probabilities, 0 to 1. Default 0.1, as cn_clip; 0 is off. It has no effect
   * where the text tower is frozen.
   */
  readonly dropout?: number | undefined;
  /** FLIP: share of an image's patches that a vision transformer does not see in training, 0 to 1. A step is as much faster. Default 0. */
  readonly maskRatio?: number | undefined;
  /** Trains adapters beside linear layers, with the weights as they are: a few thousandths of the memory for gradients and moments. Default: none. */
  readonly lora?: LoraOptions | undefined;
  /**
   * What of a moving average of the weights stays in a step, such as 0.999; the average is what is validated and saved. With `averaging` each run has a
   * moving average of its own. Default: none.
   */
  readonly emaDecay?: number | undefined;
  /** Draws the images' features to those of a teacher, as cn_clip's `--distillation`. */
  readonly distillation?: DistillationOptions | undefined;
  /**
   * Cuts a random part of 90% to 100% of each image's area, and mirrors every second image. A mirrored image makes a text such as 左边的猫 (the cat on
   * the left) wrong, and writing unreadable. Default: not.
   */
  readonly augment?: boolean | undefined;
  /** Averages the weights with those of other runs, on other machines, through a folder or a bucket. Approximate. Default: not. */
  readonly averaging?: AveragingOptions | undefined;
  /** Tokens of a text; a longer text is cut. Default: those of the longest text, at most 52. */
  readonly contextLength?: number | undefined;
  /** What the order of the pairs follows from, an integer. Default 123. */
  readonly seed?: number | undefined;
  /** Steps from one save to the next. Default: those of an epoch. The end is always saved. */
  readonly saveEvery?: number | undefined;
  /** Steps from one validation to the next. Default: those of an epoch. The initial model and the end are always validated. */
  readonly validateEvery?: number | undefined;
  /** Threads of an operator. Another number gives other last bits. */
  readonly numThreads?: number | undefined;
  /** Saves what is done and ends the run; the iterable throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How the model is found: `revision`, `cacheDir`, `token` and so on. */
  readonly source?: PretrainedOptions | undefined;
}

/** A teacher of the image tower. */
export interface DistillationOptions {
  /** A model, as `fromPretrained` takes it. */
  readonly teacher: ModelSource;
  /** What its loss, 1 - the mean cosine, is multiplied by. Default 0.5, as cn_clip. */
  readonly weight?: number | undefined;
}

/** What happens in a run, in order. */
export type TrainingEvent =
  | {
      /** The run begins, or goes on. */
      readonly type: "started";
      /** Steps that are done already. */
      readonly step: number;
      /** Steps in all. */
      readonly steps: number;
      readonly stepsPerEpoch: number;
      readonly pairs: number;
      readonly images: number;
      readonly batchSize: number;
      /** Pairs that are computed at once. */
      readonly chunkSize: number;
      /** Whether block by block. */
      readonly blocks: boolean;
      /** Estimate of what the process takes at its peak, in bytes. */
      readonly memory: number;
      readonly contextLength: number;
      /** Texts of more tokens than that, which are cut. */
      readonly truncated: number;
      /** Pairs that were left out. */
      readonly skipped: readonly SkippedPair[];
    }
  | {
      /** Features of the frozen tower are being computed. */
      readonly type: "features";
      readonly done: number;
      readonly total: number;
    }
  | ({
      /** A step is done. */
      readonly type: "step";
    } & StepRecord)
  | ({
      /** Retrieval on the validation pairs, first of the initial model. */
      readonly type: "validation";
    } & ValidationRecord)
  | {
      /** The weights were averaged. */
      readonly type: "averaged";
      readonly step: number;
      /** Whose weights are in the average. */
      readonly workers: readonly string[];
    }
  | {
      /** Model and state are on the disk. */
      readonly type: "saved";
      readonly step: number;
      readonly folder: string;
    };
