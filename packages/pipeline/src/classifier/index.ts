export { ClassifierError, type ClassifierErrorCode, type ClassifierErrorDetails } from "./classifier-error.js";
export { CLASSIFIER_LIMITS, type ClassifierLimits, formatClassifier, parseClassifier } from "./classifier-file.js";
export {
  type ClassifierHead,
  type ClassifierMethod,
  classifyEmbedding,
  classLogits,
  type ClassScore,
  type LinearProbe,
  type TipAdapter,
} from "./head.js";
export {
  checkClassifierModel,
  type ClassifierModel,
  describeModel,
  type ImageClassifier,
  type ProbeEmbedder,
  probeImage,
  scoreImages,
} from "./image-classifier.js";
