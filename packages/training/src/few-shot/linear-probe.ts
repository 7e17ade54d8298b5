/**
 * A linear probe: L2-regularised logistic regression on frozen features (Radford et al., 2021, section 3.2), fitted by L-BFGS.
 */
import type { LinearProbe } from "@chinese-clip/pipeline/classifier";
import { dotAt } from "@chinese-clip/pipeline/vectors";
import { bestOf, checkExamples, evaluateHead, type FewShotExamples } from "./examples.js";
import { minimize, type MinimizeOptions } from "./lbfgs.js";

/** How a probe is fitted. */
export interface LinearProbeOptions {
  /** What half the squared weights are multiplied by, beside the mean cross-entropy; above 0. Default: chosen by `validation`, else 0.01. */
  readonly regularization?: number | undefined;
  /** Examples that choose the regularisation, and are not fitted. */
  readonly validation?: FewShotExamples | undefined;
}

/** What validation chooses from: a tenth to the next, from strong to weak; of equal results the strongest is taken. */
export const REGULARIZATIONS: readonly number[] = [1, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6];

/** Near enough to compare regularisations: their accuracies do not change any more. */
const ROUGH: MinimizeOptions = { maxSteps: 100, tolerance: 1e-4 };

/**
 * Fits a probe. The result is the same in every run: the function has one minimum.
 *
 * @throws RangeError - examples that no classifier can be made of.
 */
export function fitLinearProbe(examples: FewShotExamples, { regularization, validation }: LinearProbeOptions = {}): LinearProbe {
  checkExamples("fitLinearProbe", examples);
  if (regularization !== undefined && !(regularization > 0 && Number.isFinite(regularization)))
    throw new RangeError(`fitLinearProbe: expected a regularization above 0, got ${regularization}`);
  if (regularization !== undefined || validation === undefined) return fit(examples, regularization ?? 0.01, pointOf(examples));
  checkExamples("fitLinearProbe", validation);
  const fitted = [...probePath(examples)];
  const chosen = bestOf(fitted.map((probe) => evaluateHead(probe, validation)));
  return fit(examples, REGULARIZATIONS[chosen] as number, pointOf(examples));
}

/** A rough probe for each of {@link REGULARIZATIONS}, each beginning where the one before ended. */
export function* probePath(examples: FewShotExamples): Generator<LinearProbe, void, undefined> {
  const point = pointOf(examples);
  for (const regularization of REGULARIZATIONS) yield fit(examples, regularization, point, ROUGH);
}

/** Where a fit begins: weights by rows, then the biases. */
function pointOf({ dim, classes }: FewShotExamples): Float64Array {
  return new Float64Array(classes.length * (dim + 1));
}

/** Moves `point` to the minimum. */
function fit(
  { features, dim, labels, classes }: FewShotExamples,
  regularization: number,
  point: Float64Array,
  options?: MinimizeOptions,
): LinearProbe {
  const C = classes.length;
  const N = labels.length;
  const logits = new Float64Array(C);
  minimize(
    (at, gradient) => {
      let loss = 0;
      gradient.fill(0);
      for (let row = 0; row < N; row++) {
        const start = row * dim;
        const label = labels[row]!;
        for (let c = 0; c < C; c++) logits[c] = at[C * dim + c]! + dotAt(features, start, at, c * dim, dim);
        let most = -Infinity;
        for (let c = 0; c < C; c++) most = Math.max(most, logits[c]!);
        let total = 0;
        for (let c = 0; c < C; c++) total += Math.exp(logits[c]! - most);
        loss += (most + Math.log(total) - logits[label]!) / N;
        for (let c = 0; c < C; c++) {
          const slope = (Math.exp(logits[c]! - most) / total - (c === label ? 1 : 0)) / N;
          const target = c * dim;
          for (let e = 0; e < dim; e++) gradient[target + e]! += slope * features[start + e]!;
          gradient[C * dim + c]! += slope;
        }
      }
      for (let i = 0; i < C * dim; i++) {
        loss += (regularization * at[i]! ** 2) / 2;
        gradient[i]! += regularization * at[i]!;
      }
      return loss;
    },
    point,
    options,
  );
  const [weights, bias] = [Float32Array.from(point.subarray(0, C * dim)), Float32Array.from(point.subarray(C * dim))];
  return { method: "linear", classes, dim, weights, bias, regularization };
}
