export { type AnnotatedText, invertAnnotation, parseAnnotation } from "./cn-clip/annotation.js";
export { type Direction, DIRECTIONS } from "./cn-clip/direction.js";
export { countParameters, type ParameterCount, publishedName } from "./cn-clip/parameter-count.js";
export { type FailurePlace, formatJudgement, JUDGED, type Judgement, judgePredictions, type Recall } from "./cn-clip/recall.js";
export { adviceFor, type Annotation, evaluateDirection, referenceOf, type RetrievalResult } from "./cn-clip/retrieval.js";
export { formatPrediction, type Found, searchTopK } from "./cn-clip/top-k.js";
export { type ElevaterHead, formatElevater } from "./elevater/prediction-file.js";
export { type ClassVectors, logitsOf, softmax, type ZeroShotScores, ZeroShotTally } from "./elevater/zero-shot.js";
export { EVALUATION_MESSAGES, EvaluationError, type EvaluationErrorCode, type EvaluationErrorDetails } from "./evaluation-error.js";
