export { ChineseCLIP, type ChineseCLIPParts, type Classification, type ClassifyOptions, loadChineseCLIPParts } from "./chinese-clip.js";
export type { EmbedImagesOptions, EmbedImagesProgress, ImageEmbeddingResult } from "./embed-images.js";
export type { Embeddings, TextEmbeddings } from "./embeddings.js";
export {
  type ChineseCLIPModelParts,
  loadFrom,
  loadModelParts,
  loadTextModelParts,
  loadVisionModelParts,
  type ModelOpener,
} from "./load-model.js";
export type {
  Device,
  Dtype,
  ImagePreprocessor,
  LoadProgress,
  ModelFiles,
  ModelSource,
  Platform,
  PreprocessedImage,
  PretrainedOptions,
  TowerConversion,
} from "./platform.js";
export { hasCheckpoint, openCheckpoint } from "./open-checkpoint.js";
export { openCombinedOnnx } from "./open-combined-onnx.js";
export { ChineseCLIPProcessor, loadProcessorParts, type ProcessorInputs, type ProcessorParts } from "./processor.js";
export { readConfig, readPreprocessorConfig } from "./read-config.js";
