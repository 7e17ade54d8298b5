export { DIFFERENTIABLE, gradients, type Seed } from "./gradient/gradients.js";
export { inlineGraph, type InlineOptions } from "./gradient/inline-graph.js";
export { type ContrastiveLoss, contrastiveLoss } from "./loss/contrastive.js";
export { earlierName, type EncodedTraining, gradientName, type Parameter, TrainingGraph } from "./graphs/training-graph.js";
export { FEATURES, featureGraph, lossGraph, LOGIT_SCALE, stepGraph, type StepExtents, towerStepGraph } from "./graphs/step-graphs.js";
export { AdamW, adamWDefaults, type AdamWSettings, decays } from "./optimizer/adamw.js";
export { ParameterMemory, type Part, residentBytes } from "./optimizer/parameter-memory.js";
export { learningRateAt, type Schedule } from "./optimizer/schedule.js";
export { type BatchResult, type EngineSettings, TrainingEngine, type TrainingBatch } from "./engine/training-engine.js";
