/** The lines of cn_clip's files and what can be wrong with a data set, for any platform. */
export { featureBound, type FeatureId, type Features, formatFeature, parseFeature, writeFeature } from "../cn-clip/feature-lines.js";
export { formatPythonFloat, LONGEST_FLOAT, writeAscii, writePythonFloat } from "../cn-clip/python-float.js";
export {
  DATASET_MESSAGES,
  DatasetError,
  type DatasetErrorCode,
  type DatasetErrorDetails,
  type DatasetPlace,
  fillMessage,
  type MessageDetails,
  placed,
  shortList,
  shown,
  shownJson,
} from "../dataset-error.js";
