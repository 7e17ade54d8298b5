/** What training needs of the machine: models, images, sessions. `@chinese-clip/node` has it as `trainingPlatform`. */
import type { TrainingRuntime } from "@chinese-clip/model";
import type { ModelFiles, ModelSource, Platform, PretrainedOptions } from "@chinese-clip/pipeline";
import type { Pixels } from "../data/augmentation.js";

/** A machine to train on. */
export interface TrainingPlatform extends Pick<
  Platform<string | Uint8Array | Pixels>,
  "openModel" | "checkDevice" | "createSession" | "createImagePreprocessor"
> {
  /** Finds a model's files. */
  openModel(source: string | URL, options: PretrainedOptions): Promise<ModelFiles>;
  /** Writes a model as a Hugging Face folder. @returns paths of the files. */
  convert(source: ModelSource, folder: string, options: PretrainedOptions): Promise<readonly string[]>;
  /** Decodes an image. */
  loadImage(image: string | Uint8Array): Promise<Pixels>;
  /** Makes a thread to compute in. */
  createTrainingRuntime(options: { readonly numThreads?: number | undefined }): TrainingRuntime;
}
