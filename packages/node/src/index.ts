export {
  CheckpointError,
  type CheckpointErrorCode,
  ChineseCLIPConfig,
  ChineseCLIPTextConfig,
  ChineseCLIPVisionConfig,
} from "@chinese-clip/model";
export type { ImageInputs, ModelInputs, ModelOutput, StateOptions, TextInputs, TowerStates } from "@chinese-clip/model";
export {
  ChineseCLIPImageProcessor,
  ChineseCLIPImageProcessorFast,
  ImageError,
  type ImageErrorCode,
  type RawImage,
} from "@chinese-clip/image-processor";
export type {
  Classification,
  ClassifyOptions,
  Device,
  Embedder,
  Embeddings,
  EmbedImagesOptions,
  EmbedImagesProgress,
  ImageEmbeddingResult,
  Limits,
  LoadProgress,
  ModelFiles,
  ModelSource,
  PretrainedOptions,
  ProcessorInputs,
  TextEmbeddings,
} from "@chinese-clip/pipeline";
export { cosine, type FoundRow, softmax, topK } from "@chinese-clip/search";
export { type BatchEncoding, BertTokenizer, TokenizerError, type TokenizerErrorCode } from "@chinese-clip/tokenizer";
export { Tensor } from "onnxruntime-common";
export { convert, type ConvertOptions } from "./export/convert.js";
export { convertToTorch } from "./export/convert-torch.js";
export { exportWeb, type ExportWebOptions } from "./export/export-web.js";
export { exportOnnx, type ExportOnnxOptions, type ModelFileOptions } from "./export/export-onnx.js";
export { ChineseCLIP, ChineseCLIPModel, ChineseCLIPProcessor, ChineseCLIPTextModel, ChineseCLIPVisionModel } from "./from-pretrained.js";
export type { WeightsStamp } from "./files/weights-files.js";
export { type DiskModelFiles, openModel } from "./sources/open-model.js";
export { type ImageInput, loadImage, type LoadImageOptions } from "./image/load-image.js";
export type { HubFetch } from "./hub/hub-fetch.js";
export { type HubName, type HubSettings, readHubSettings } from "./hub/hub-settings.js";
export { describeRuntime, type RuntimeDescription } from "./session/describe-runtime.js";
export { createTrainingRuntime, type TrainingRuntimeOptions } from "./session/training-runtime.js";
export { type NodeTrainingPlatform, trainingPlatform } from "./training-platform.js";
export { HubError, type HubErrorCode, InferenceError, type InferenceErrorCode, WorkerError } from "@chinese-clip/pipeline";
