/** Classifiers of a few images of each class. */
export {
  type ClassifierHead,
  type ClassifierMethod,
  classifyEmbedding,
  classLogits,
  type ClassScore,
  formatClassifier,
  type ImageClassifier,
  type LinearProbe,
  parseClassifier,
  type TipAdapter,
} from "@chinese-clip/pipeline/classifier";
export { compareShots, type ShotsRow, type ShotsOptions } from "./compare-shots.js";
export { argMax, checkExamples, evaluateHead, type FewShotExamples, Tally, takeExamples } from "./examples.js";
export { fewShot, type FewShotClass, type FewShotOptions, type FewShotResult, type SkippedExample } from "./few-shot.js";
export { fitLinearProbe, type LinearProbeOptions } from "./linear-probe.js";
export { type MethodScore, type SelectedHead, selectHead, type SelectHeadOptions, zeroShotHead } from "./select-head.js";
export { type AdapterSettings, fitTipAdapter, type TipAdapterOptions } from "./tip-adapter.js";
export { fitTipAdapterF, type TipAdapterFOptions } from "./tip-adapter-f.js";
export { TrainingError, type TrainingErrorCode } from "../training-error.js";
