/**
 * What a few-shot classifier computes on an image's embedding: a linear probe, or Tip-Adapter's texts and examples (Zhang et al., 2022).
 */
import { dotAt } from "../vectors/products.js";
import { softmax } from "../vectors/softmax.js";

/** How a head was fitted: `tip-adapter-f` is Tip-Adapter with learned keys. */
export type ClassifierMethod = "linear" | "tip-adapter" | "tip-adapter-f";

/** L2-regularised logistic regression on frozen features. */
export interface LinearProbe {
  /** Tells it from other heads. */
  readonly method: "linear";
  /** Names of the classes, each once. */
  readonly classes: readonly string[];
  /** Values of an embedding. */
  readonly dim: number;
  /** `[classes, dim]`, row-major. */
  readonly weights: Float32Array;
  /** `[classes]` */
  readonly bias: Float32Array;
  /** The regularisation that it was fitted with, above 0. */
  readonly regularization: number;
}

/** The classes' texts, and beside them what the most similar examples say. */
export interface TipAdapter {
  /** Tells it from other heads. */
  readonly method: "tip-adapter" | "tip-adapter-f";
  /** Names of the classes, each once. */
  readonly classes: readonly string[];
  /** Values of an embedding. */
  readonly dim: number;
  /** `[classes, dim]`, row-major: embeddings of the classes' texts, rows of length 1. */
  readonly texts: Float32Array;
  /** `[keys, dim]`, row-major: the examples' embeddings, or what was learned from them. */
  readonly keys: Float32Array;
  /** For each key the index of its class. */
  readonly labels: readonly number[];
  /** What cosines with texts are multiplied by: exp of the model's `logit_scale`. */
  readonly scale: number;
  /** The keys' weight beside the texts'. */
  readonly alpha: number;
  /** How fast a key's say falls with its distance. */
  readonly beta: number;
}

/** What a classifier computes on an embedding. */
export type ClassifierHead = LinearProbe | TipAdapter;

/** How well one class fits an image. */
export interface ClassScore {
  /** The class. */
  readonly label: string;
  /** Probability among the classes: the softmax of the logits. */
  readonly score: number;
  /** What the head computes for the class, of any size; comparable within one classifier only. */
  readonly logit: number;
}

/** Where an exponent ends, so that keys out of a file give no infinity. */
const MAX_EXPONENT = 60;

/**
 * Each class's logit of an embedding.
 *
 * @param embedding - float32, `dim` values, with L2 norm 1.
 */
export function classLogits(head: ClassifierHead, embedding: Float32Array): Float64Array {
  return head.method === "linear" ? probeLogits(head, embedding) : adapterLogits(head, embedding);
}

/**
 * How well each class fits an image.
 *
 * @param embedding - float32, `dim` values, with L2 norm 1.
 * @returns one entry for each class, best first; equal ones in the classes' order.
 * @throws RangeError - an embedding of another length.
 */
export function classifyEmbedding(head: ClassifierHead, embedding: Float32Array): ClassScore[] {
  if (embedding.length !== head.dim)
    throw new RangeError(`classifyEmbedding: expected an embedding of ${head.dim} values, got ${embedding.length}`);
  const logits = classLogits(head, embedding);
  const scores = softmax(logits);
  return head.classes
    .map((label, i) => ({ label, score: scores[i] as number, logit: logits[i] as number }))
    .sort((a, b) => b.logit - a.logit);
}

function probeLogits({ weights, bias, dim }: LinearProbe, embedding: Float32Array): Float64Array {
  return Float64Array.from(bias, (offset, label) => offset + dotAt(embedding, 0, weights, label * dim, dim));
}

function adapterLogits({ texts, keys, labels, dim, scale, alpha, beta, classes }: TipAdapter, embedding: Float32Array): Float64Array {
  const logits = Float64Array.from(classes, (_, label) => scale * dotAt(embedding, 0, texts, label * dim, dim));
  for (const [row, label] of labels.entries()) {
    const exponent = -beta * (1 - dotAt(embedding, 0, keys, row * dim, dim));
    logits[label] = (logits[label] ?? 0) + alpha * Math.exp(Math.min(exponent, MAX_EXPONENT));
  }
  return logits;
}
