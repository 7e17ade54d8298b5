export { DIFFERENTIABLE, gradients, type Seed } from "./gradient/gradients.js";
export { inlineGraph, type InlineOptions } from "./gradient/inline-graph.js";
export { type ContrastiveLoss, contrastiveLoss } from "./loss/contrastive.js";
export { earlierName, type EncodedTraining, gradientName, type Parameter, TrainingGraph, updatedName } from "./graphs/training-graph.js";
export {
  type Distillation,
  FEATURES,
  featureGraph,
  lossGraph,
  LOGIT_SCALE,
  stepGraph,
  type StepExtents,
  TEACHER_FEATURES,
} from "./graphs/step-graphs.js";
export { cutTower, type TowerSegment } from "./segments/cut-tower.js";
export { segmentBackward, segmentForward, type SegmentTraining, type TowerExtents } from "./segments/segment-graphs.js";
export { AdamW, adamWDefaults, type AdamWSettings, decays } from "./optimizer/adamw.js";
export { ParameterMemory, type Part, residentBytes } from "./optimizer/parameter-memory.js";
export { learningRateAt, type Schedule } from "./optimizer/schedule.js";
export type { ComputationSettings } from "./engine/computation.js";
export type { BatchResult, TrainingBatch } from "./data/rows.js";
export { type EngineSettings, TrainingEngine } from "./engine/training-engine.js";
export { type PairList, type SkippedPair, type SkipReason, type TrainingImage, type TrainingPair, usablePairs } from "./data/pairs.js";
export { type Adapter, adapterScale, isAdapter, LORA_TARGETS, type LoraOptions, mergedWeight, withAdapters } from "./graphs/adapters.js";
export { isDropoutMask, withDropout } from "./graphs/dropout.js";
export { SEEN_TOKENS, withPatchMask } from "./graphs/patch-mask.js";
export { augmented, type Crop, cutOut, type Pixels, randomCrop } from "./data/augmentation.js";
export { chooseSome, countedRandom, fillMask } from "./data/counted-random.js";
export { distillationLoss } from "./loss/distillation.js";
export { TRAINING_MESSAGES, type TrainingErrorDetails } from "./training-error.js";
export * from "./few-shot/index.js";
