/**
 * Tip-Adapter without training (Zhang et al., 2022): zero-shot logits, and to them what the most similar examples say. With one example a class it
 * already helps, where a linear probe has too little to go by.
 */
import { accuracyOf, argMax, checkExamples, type FewShotExamples } from "./examples.js";

/** A classifier by texts and examples. */
export interface TipAdapter {
  /** What tells it from other classifiers. */
  readonly kind: "tip-adapter";
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Values of a feature. */
  readonly dim: number;
  /** `[classes, dim]`: embeddings of the classes' texts, rows of length 1. */
  readonly texts: Float32Array;
  /** `[N, dim]`: the examples' embeddings. */
  readonly examples: Float32Array;
  /** For each example its class. */
  readonly labels: readonly number[];
  /** What cosines with texts are multiplied by: exp of the model's `logit_scale`. */
  readonly scale: number;
  /** The examples' weight beside the texts'. */
  readonly alpha: number;
  /** How fast an example's say falls with its distance. */
  readonly beta: number;
}

/** How an adapter is made. */
export interface TipAdapterOptions {
  /** `[classes, dim]`: embeddings of the classes' texts, rows of length 1. */
  readonly texts: Float32Array;
  /** exp of the model's `logit_scale`. */
  readonly scale: number;
  /** Examples that choose `alpha` and `beta`. Default: none, and 1 and 5.5 are taken, as the paper begins. */
  readonly validation?: FewShotExamples | undefined;
}

const ALPHAS: readonly number[] = [0.1, 0.3, 1, 3, 10, 30];
const BETAS: readonly number[] = [1, 2, 5.5, 10, 20];

/**
 * Makes an adapter; nothing is trained.
 *
 * @throws RangeError - examples that no classifier can be made of, texts of another size.
 */
export function fitTipAdapter(examples: FewShotExamples, { texts, scale, validation }: TipAdapterOptions): TipAdapter {
  checkExamples("fitTipAdapter", examples);
  const { classes, dim, labels, features } = examples;
  if (texts.length !== classes.length * dim)
    throw new RangeError(`fitTipAdapter: expected ${classes.length} texts of ${dim} values, got ${texts.length} values`);
  const base: TipAdapter = { kind: "tip-adapter", classes, dim, texts, examples: features, labels, scale, alpha: 1, beta: 5.5 };
  if (validation === undefined) return base;
  checkExamples("fitTipAdapter", validation);
  const candidates = ALPHAS.flatMap((alpha) => BETAS.map((beta): TipAdapter => ({ ...base, alpha, beta })));
  const accuracies = candidates.map((adapter) => accuracyOf((feature) => adapterScores(adapter, feature), validation));
  return candidates[argMax(accuracies)] ?? base;
}

/** Each class's score of a feature of length 1. */
export function adapterScores(
  { texts, examples, labels, dim, scale, alpha, beta, classes }: TipAdapter,
  feature: Float32Array,
): Float64Array {
  const scores = Float64Array.from(classes, (_, label) => scale * cosine(texts, label, feature, dim));
  for (const [row, label] of labels.entries()) scores[label]! += alpha * Math.exp(-beta * (1 - cosine(examples, row, feature, dim)));
  return scores;
}

function cosine(rows: Float32Array, row: number, feature: Float32Array, dim: number): number {
  let sum = 0;
  for (let e = 0; e < dim; e++) sum += rows[row * dim + e]! * feature[e]!;
  return sum;
}
