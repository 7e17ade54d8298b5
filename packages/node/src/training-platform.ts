/** This machine as `@chinese-clip/training/node` takes it. */
import type { RawImage } from "@chinese-clip/image-processor";
import type { TrainingRuntime } from "@chinese-clip/model";
import type { ModelSource, Platform, PretrainedOptions } from "@chinese-clip/pipeline";
import { convert } from "./export/convert.js";
import type { ImageInput } from "./image/image-source.js";
import { loadImage } from "./image/load-image.js";
import { nodePlatform } from "./node-platform.js";
import { createTrainingRuntime, type TrainingRuntimeOptions } from "./session/training-runtime.js";

/** A machine to train on: models and images of this machine, ONNX Runtime on its processor. */
export interface NodeTrainingPlatform extends Pick<
  Platform<ImageInput>,
  "openModel" | "checkDevice" | "createSession" | "createImagePreprocessor"
> {
  /** Decodes an image. */
  loadImage(image: ImageInput): Promise<RawImage>;
  /** Writes a model as a Hugging Face folder. @returns paths of the files. */
  convert(source: ModelSource, folder: string, options: PretrainedOptions): Promise<readonly string[]>;
  /** Makes a thread to compute in. */
  createTrainingRuntime(options: TrainingRuntimeOptions): TrainingRuntime;
}

/** This machine, for `train` of `@chinese-clip/training/node`. */
export const trainingPlatform: NodeTrainingPlatform = {
  ...nodePlatform,
  loadImage: (image) => loadImage(image),
  convert,
  createTrainingRuntime,
};
