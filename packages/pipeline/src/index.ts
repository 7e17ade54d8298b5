export { ChineseCLIP, type ChineseCLIPParts, type ClassifyOptions, loadChineseCLIPParts } from "./chinese-clip.js";
export type { Embedder } from "./embedding/embedder.js";
export type { EmbedImagesOptions, EmbedImagesProgress, ImageEmbeddingResult } from "./embedding/embed-images.js";
export { errorMessage, isError } from "./error-message.js";
export { causeWithoutSecrets, shownAddress, withoutSecrets } from "./without-secrets.js";
export { HubError, type HubErrorCode } from "./hub-error.js";
export { InferenceError, type InferenceErrorCode } from "./inference-error.js";
export type { Embeddings, TextEmbeddings } from "./embedding/embeddings.js";
export {
  type ChineseCLIPModelParts,
  loadFrom,
  loadModelParts,
  loadTextModelParts,
  loadVisionModelParts,
  type ModelOpener,
  type SessionMaker,
} from "./loading/load-model.js";
export type {
  Device,
  Dtype,
  ImagePreprocessor,
  ImageProcessor,
  Limits,
  LoadProgress,
  ModelFiles,
  ModelSource,
  Platform,
  PreprocessedImage,
  ImageExif,
  ImagePreview,
  PreviewOptions,
  PretrainedOptions,
  TowerConversion,
} from "./platform.js";
export {
  CONFIG_FILE,
  EXPORT_FILES,
  isCheckpointFile,
  isGraphFile,
  isShardIndex,
  isWeightsFile,
  MANIFEST_FILE,
  parseTowerFileName,
  PREPROCESSOR_CONFIG_FILE,
  PROBED_FILES,
  PROCESSOR_CONFIG_FILE,
  TOKENIZER_FILE,
  TOKENIZER_FILES,
  towerFileName,
  VOCABULARY_FILE,
} from "./loading/model-file-names.js";
export { ModelReader } from "./loading/model-reader.js";
export type { CheckpointOptions } from "./loading/open-checkpoint.js";
export { findPreprocessorConfig } from "./loading/read-config.js";
export { ChineseCLIPProcessor, loadProcessorParts, type ProcessorInputs, type ProcessorParts } from "./processor.js";
export {
  answerRequests,
  type HostMessage,
  type RequestContext,
  type RequestHandlers,
  Transferred,
  type WorkerReply,
  type WorkerRequest,
} from "./threads/answer-requests.js";
export { buffersOf, fromPlainTensors, type PlainTensor, type PlainTensors, toPlainTensors } from "./threads/plain-tensor.js";
export { type StartThread, type ThreadEvents, ThreadHost, type ThreadPort } from "./threads/thread-host.js";
export { onAbort } from "./threads/on-abort.js";
export { limitConcurrency } from "./threads/limit-concurrency.js";
export { reviveImageError } from "./threads/revive-image-error.js";
export { reviveInferenceError } from "./threads/revive-inference-error.js";
export { checkFinite, loadFailure, runFailure } from "./threads/run-errors.js";
export { type ErrorRevivers, reviveError, type RevivedFields, type SerializedError, serializeError } from "./threads/serialized-error.js";
export { WorkerError } from "@chinese-clip/model";
export type { Classification } from "./zero-shot/label-set.js";
export type { ClassScore } from "./classifier/head.js";
export type { ImageClassifier } from "./classifier/image-classifier.js";
