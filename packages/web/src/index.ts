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
  Embedder,
  Embeddings,
  EmbedImagesOptions,
  EmbedImagesProgress,
  ImageEmbeddingResult,
  Limits,
  LoadProgress,
  PretrainedOptions,
  ProcessorInputs,
  TextEmbeddings,
} from "@chinese-clip/pipeline";
export { HubError, type HubErrorCode, InferenceError, type InferenceErrorCode, WorkerError } from "@chinese-clip/pipeline";
export { cosine, type FoundRow, softmax, topK } from "@chinese-clip/search";
export { type BatchEncoding, BertTokenizer, TokenizerError, type TokenizerErrorCode } from "@chinese-clip/tokenizer";
export { Tensor } from "onnxruntime-common";
export { clearCache, type WebModelSource } from "./sources/open-model.js";
export type { OpenOptions } from "./sources/web-files.js";
export { PickedFiles } from "./sources/picked-files.js";
export { ChineseCLIP, ChineseCLIPModel, ChineseCLIPProcessor, ChineseCLIPTextModel, ChineseCLIPVisionModel } from "./from-pretrained.js";
export type { ImageInput } from "./image/image-input.js";
export type { WebLimits } from "./image/image-limits.js";
export { loadImage, type LoadImageOptions } from "./image/load-image.js";
export type { WasmPaths } from "./session/ort-session.js";
export type { BackendReport } from "./session/create-session.js";
export type { WebPretrainedOptions } from "./web-platform.js";
