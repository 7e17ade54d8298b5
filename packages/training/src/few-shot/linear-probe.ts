/**
 * A linear probe: L2-regularised logistic regression on frozen features (Radford et al., 2021, section 3.2), fitted by L-BFGS.
 */
import { accuracyOf, argMax, checkExamples, type FewShotExamples } from "./examples.js";
import { minimize } from "./lbfgs.js";

/** A fitted probe. */
export interface LinearProbe {
  /** What tells it from other classifiers. */
  readonly kind: "linear";
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Values of a feature. */
  readonly dim: number;
  /** `[classes, dim]`, by rows. */
  readonly weights: Float32Array;
  /** `[classes]` */
  readonly bias: Float32Array;
  /** The regularisation that it was fitted with. */
  readonly regularization: number;
}

/** How a probe is fitted. */
export interface LinearProbeOptions {
  /** What half the squared weights are multiplied by, beside the mean cross-entropy; above 0. Default: chosen by `validation`, else 0.01. */
  readonly regularization?: number | undefined;
  /** Examples that choose the regularisation, and are not fitted. */
  readonly validation?: FewShotExamples | undefined;
}

/** What validation chooses from: a tenth to the next, from strong to weak; of equal results the strongest is taken. */
const CANDIDATES: readonly number[] = [1, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6];

/**
 * Fits a probe. The result is the same in every run: the function has one minimum.
 *
 * @throws RangeError - examples that no classifier can be made of.
 */
export function fitLinearProbe(examples: FewShotExamples, { regularization, validation }: LinearProbeOptions = {}): LinearProbe {
  checkExamples("fitLinearProbe", examples);
  if (regularization !== undefined && !(regularization > 0 && Number.isFinite(regularization)))
    throw new RangeError(`fitLinearProbe: expected a regularization above 0, got ${regularization}`);
  if (regularization !== undefined || validation === undefined) return fit(examples, regularization ?? 0.01);
  checkExamples("fitLinearProbe", validation);
  const fitted = CANDIDATES.map((candidate) => fit(examples, candidate));
  const accuracies = fitted.map((probe) => accuracyOf((feature) => probeScores(probe, feature), validation));
  return fitted[argMax(accuracies)] ?? fit(examples, 0.01);
}

/** Each class's score of a feature: a logit. */
export function probeScores({ weights, bias, dim }: LinearProbe, feature: Float32Array): Float64Array {
  return Float64Array.from(bias, (offset, label) => {
    let sum = offset;
    for (let e = 0; e < dim; e++) sum += weights[label * dim + e]! * feature[e]!;
    return sum;
  });
}

function fit({ features, dim, labels, classes }: FewShotExamples, regularization: number): LinearProbe {
  const C = classes.length;
  const N = labels.length;
  const point = new Float64Array(C * (dim + 1)); // weights by rows, then the biases
  const logits = new Float64Array(C);
  minimize((at, gradient) => {
    let loss = 0;
    gradient.fill(0);
    for (const [row, label] of labels.entries()) {
      const start = row * dim;
      for (let c = 0; c < C; c++) {
        let sum = at[C * dim + c]!;
        for (let e = 0; e < dim; e++) sum += at[c * dim + e]! * features[start + e]!;
        logits[c] = sum;
      }
      const most = logits.reduce((a, b) => Math.max(a, b));
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
      loss += (most + Math.log(total) - logits[label]!) / N;
      for (let c = 0; c < C; c++) {
        const slope = (Math.exp(logits[c]! - most) / total - (c === label ? 1 : 0)) / N;
        for (let e = 0; e < dim; e++) gradient[c * dim + e]! += slope * features[start + e]!;
        gradient[C * dim + c]! += slope;
      }
    }
    for (let i = 0; i < C * dim; i++) {
      loss += (regularization * at[i]! ** 2) / 2;
      gradient[i]! += regularization * at[i]!;
    }
    return loss;
  }, point);
  const [weights, bias] = [Float32Array.from(point.subarray(0, C * dim)), Float32Array.from(point.subarray(C * dim))];
  return { kind: "linear", classes, dim, weights, bias, regularization };
}
