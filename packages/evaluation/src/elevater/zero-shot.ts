/**
 * Zero-shot classification as cn_clip's `zeroshot_evaluation.py` does it: one vector for each class, 100 times the cosine, softmax. The 100
 * is cn_clip's own, whatever the checkpoint's logit scale is.
 */
import { dotAt } from "@chinese-clip/pipeline/vectors";

/** One vector for each class, of length 1. */
export interface ClassVectors {
  /** float32 `[classes, dim]`, row by row. */
  readonly data: Float32Array;
  /** Values of a row. */
  readonly dim: number;
}

/** `100. * features @ classifier` in cn_clip. */
const SCALE = 100;

/** 100 times the cosine of an image with each class, float32. */
export function logitsOf(image: Float32Array, classes: ClassVectors): Float32Array {
  const scaled = image.map((value) => SCALE * value);
  const count = classes.data.length / classes.dim;
  return Float32Array.from({ length: count }, (_, row) => dotAt(scaled, 0, classes.data, row * classes.dim, classes.dim));
}

/** Softmax in float32. */
export function softmax(logits: Float32Array): Float32Array {
  const best = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits.map((logit) => Math.exp(Math.fround(logit - best)));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** How well images were classified. */
export interface ZeroShotScores {
  /** Share of images whose class came first, in [0, 1]. */
  readonly top1: number;
  /** Share of images whose class was among the first five, in [0, 1]. */
  readonly top5: number;
  /** Mean over the classes of each one's own share: small classes count as much as large ones. */
  readonly meanPerClass: number;
  /** For each class: images, and how many of them came out right. */
  readonly perClass: readonly { readonly images: number; readonly correct: number }[];
  /** `confusion[class][predicted]`: images of a class that were taken for another. */
  readonly confusion: readonly Uint32Array[];
}

/** Counts results image by image. */
export class ZeroShotTally {
  readonly #confusion: Uint32Array[];
  #top5 = 0;

  constructor(classes: number) {
    this.#confusion = Array.from({ length: classes }, () => new Uint32Array(classes));
  }

  /**
   * Counts one image. Among equal logits the first class wins; by logits and not by probabilities, of which many are 0 in float32.
   *
   * @returns the predicted class.
   */
  add(logits: Float32Array, target: number): number {
    let predicted = 0;
    let better = 0;
    const own = logits[target] ?? -Infinity;
    for (const [label, logit] of logits.entries()) {
      if (logit > (logits[predicted] as number)) predicted = label;
      if (logit > own || (logit === own && label < target)) better++;
    }
    if (better < 5) this.#top5++;
    const row = this.#confusion[target];
    if (row !== undefined) row[predicted] = (row[predicted] ?? 0) + 1;
    return predicted;
  }

  /** The scores so far; of no images, NaN. */
  scores(): ZeroShotScores {
    const perClass = this.#confusion.map((row, label) => ({ images: row.reduce((a, b) => a + b, 0), correct: row[label] ?? 0 }));
    const total = perClass.reduce((sum, { images }) => sum + images, 0);
    const correct = perClass.reduce((sum, one) => sum + one.correct, 0);
    const seen = perClass.filter(({ images }) => images > 0);
    return {
      top1: correct / total,
      top5: this.#top5 / total,
      meanPerClass: seen.reduce((sum, one) => sum + one.correct / one.images, 0) / seen.length,
      perClass,
      confusion: this.#confusion,
    };
  }
}
