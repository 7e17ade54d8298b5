/** Evaluation from files to files. */
export type { EvaluationStep, ReportProgress } from "./progress.js";
export { readIndex } from "./read-index.js";
export { readLabels } from "./read-labels.js";
export { readAnnotation, setName, writeRetrievalFiles } from "./retrieval-files.js";
export {
  type DirectionReport,
  directionsOf,
  findRetrievalFiles,
  judgePredictionFile,
  type RetrievalFiles,
  type RetrievalRequest,
  runRetrieval,
} from "./run-retrieval.js";
export { runZeroShot, type ZeroShotFiles, type ZeroShotRequest, type ZeroShotResult } from "./run-zero-shot.js";
