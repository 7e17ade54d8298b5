/** `@chinese-clip/training/node`: training from files to files. */
export { captionedImages } from "./sources/caption-folder.js";
export { cnClipPairs } from "./sources/cn-clip.js";
export { sourcePairs } from "./sources/shared-source.js";
export { findPairs } from "./sources/find-pairs.js";
export { listedPairs } from "./sources/pair-list.js";
export { meanRecall, readRun, type TrainingRun } from "./read-run.js";
export type { RunHeader, StepRecord, ValidationRecord } from "./progress-log.js";
export { train } from "./train.js";
export type { AveragingOptions } from "./averaging.js";
export type { DistillationOptions, TrainingEvent, TrainOptions } from "./train-options.js";
export type { Recall } from "./recall.js";
export type { TrainingPlatform } from "./training-platform.js";
