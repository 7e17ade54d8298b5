export { ChineseCLIP, type ChineseCLIPParts, type Classification, type ClassifyOptions, loadChineseCLIPParts } from "./chinese-clip.js";
export type { EmbedImagesOptions, EmbedImagesProgress, ImageEmbeddingResult } from "./embed-images.js";
export { HubError, type HubErrorCode } from "./hub-error.js";
export type { Embeddings, TextEmbeddings } from "./embeddings.js";
export {
  type ChineseCLIPModelParts,
  loadFrom,
  loadModelParts,
  loadTextModelParts,
  loadVisionModelParts,
  type ModelOpener,
  type SessionMaker,
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
export {
  answerRequests,
  type HostMessage,
  type RequestContext,
  type RequestHandlers,
  Transferred,
  type WorkerReply,
  type WorkerRequest,
} from "./worker/answer-requests.js";
export { limitTurns } from "./worker/limit-turns.js";
export { reviveImageError } from "./worker/revive-image-error.js";
export { type ErrorRevivers, reviveError, type RevivedFields, type SerializedError, serializeError } from "./worker/serialized-error.js";
export { WorkerError } from "./worker/worker-error.js";
