/**
 * Tip-Adapter-F (Zhang et al., 2022, section 3.2): Tip-Adapter whose keys are learned by AdamW with a cosine schedule, on cross-entropy. It departs from the
 * authors' code in two ways: features are cached, so that images are not augmented from epoch to epoch, and an image's own key is left out of its logits
 * while it is learned from, since without augmentation its affinity is 1 and it would teach nothing.
 */
import type { TipAdapter } from "@chinese-clip/pipeline/classifier";
import { dotAt } from "@chinese-clip/pipeline/vectors";
import type { FewShotExamples } from "./examples.js";
import { type AdapterSettings, checkAdapter } from "./tip-adapter.js";

/** How keys are learned. */
export interface TipAdapterFOptions extends AdapterSettings {
  /** `[classes, dim]`: embeddings of the classes' texts, rows of length 1. */
  readonly texts: Float32Array;
  /** exp of the model's `logit_scale`. */
  readonly scale: number;
  /** Highest learning rate; the authors' is 1e-3. */
  readonly learningRate: number;
  /** How often all examples are gone through; the authors' is 20. */
  readonly epochs: number;
  /** The epoch after which learning ends, in the schedule of `epochs`; 0: the keys stay the examples. Default `epochs`. */
  readonly stopAfter?: number | undefined;
}

/** Examples of a step, as the authors'. */
const BATCH = 256;
/** AdamW's numbers: the authors' epsilon, else those of `torch.optim.AdamW`. */
const [BETA1, BETA2, EPSILON, DECAY] = [0.9, 0.999, 1e-4, 0.01];
/** A row's part of a gradient that is nothing beside epsilon: most rows of most keys. */
const NEGLIGIBLE = 1e-10;

/**
 * Learns keys, epoch by epoch.
 *
 * @returns the adapter after each epoch; its keys are overwritten by the next.
 * @throws RangeError - examples that no classifier can be made of, texts of another size.
 */
export function* learnKeys(examples: FewShotExamples, options: TipAdapterFOptions): Generator<TipAdapter, void, undefined> {
  const { texts, scale, alpha, beta, learningRate, epochs, stopAfter = epochs } = options;
  checkAdapter("fitTipAdapterF", examples, texts);
  const { features, dim, labels, classes } = examples;
  const keys = Float32Array.from(features);
  const adapter: TipAdapter = { method: "tip-adapter-f", classes, dim, texts, keys, labels, scale, alpha, beta };
  const [gradient, first, second] = [0, 1, 2].map(() => new Float64Array(keys.length)) as [Float64Array, Float64Array, Float64Array];
  const N = labels.length;
  const steps = epochs * Math.ceil(N / BATCH);
  let step = 0;
  for (let epoch = 0; epoch < stopAfter; epoch++) {
    // Examples lie class by class: each batch takes every n-th, beginning with another in each epoch.
    const batches = Math.ceil(N / BATCH);
    for (let batch = 0; batch < batches; batch++) {
      const rows: number[] = [];
      for (let row = (batch + epoch) % batches; row < N; row += batches) rows.push(row);
      keyGradient(adapter, examples, rows, gradient);
      step++;
      const rate = (learningRate * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2;
      const [correction1, correction2] = [1 - BETA1 ** step, 1 - BETA2 ** step];
      for (let i = 0; i < keys.length; i++) {
        first[i] = BETA1 * first[i]! + (1 - BETA1) * gradient[i]!;
        second[i] = BETA2 * second[i]! + (1 - BETA2) * gradient[i]! ** 2;
        const size = first[i]! / correction1 / (Math.sqrt(second[i]! / correction2) + EPSILON);
        keys[i] = keys[i]! * (1 - rate * DECAY) - rate * size;
      }
    }
    yield adapter;
  }
}

/**
 * Learns keys.
 *
 * @throws RangeError - examples that no classifier can be made of, texts of another size.
 */
export function fitTipAdapterF(examples: FewShotExamples, options: TipAdapterFOptions): TipAdapter {
  const { texts, scale, alpha, beta } = options;
  checkAdapter("fitTipAdapterF", examples, texts);
  const { features, dim, labels, classes } = examples;
  let learned: TipAdapter = { method: "tip-adapter-f", classes, dim, texts, keys: features, labels, scale, alpha, beta };
  for (const adapter of learnKeys(examples, options)) learned = adapter;
  return learned;
}

/** The gradient of the mean cross-entropy of some rows with respect to the keys. */
export function keyGradient(adapter: TipAdapter, examples: FewShotExamples, rows: readonly number[], gradient: Float64Array): void {
  const { texts, keys, scale, alpha, beta } = adapter;
  const { features, dim, labels, classes } = examples;
  const says = new Float64Array(labels.length);
  gradient.fill(0);
  for (const row of rows) {
    const start = row * dim;
    const logits = Float64Array.from(classes, (_, c) => scale * dotAt(features, start, texts, c * dim, dim));
    for (let key = 0; key < labels.length; key++) {
      says[key] = key === row ? 0 : alpha * Math.exp(-beta * (1 - dotAt(features, start, keys, key * dim, dim)));
      logits[labels[key]!]! += says[key]!;
    }
    const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    const slopes = logits.map((logit, c) => (Math.exp(logit - most) / total - (c === labels[row] ? 1 : 0)) / rows.length);
    for (let key = 0; key < labels.length; key++) {
      const slope = slopes[labels[key]!]! * beta * says[key]!;
      if (Math.abs(slope) < NEGLIGIBLE) continue;
      for (let e = 0; e < dim; e++) gradient[key * dim + e]! += slope * features[start + e]!;
    }
  }
}
