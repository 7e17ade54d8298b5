/**
 * Labels against a picture: cosine, probability, and when none of them is right.
 */
import { type ClassVectors } from "@chinese-clip/evaluation";
import { dotAt } from "@chinese-clip/search";

/** How well a label fits a picture. */
export interface LabelScore {
  readonly label: string;
  /** Softmax over labels and negative labels, in [0, 1]. */
  readonly probability: number;
  /** Cosine, in [-1, 1]. */
  readonly similarity: number;
}

/** What a picture was found to be. */
export interface PictureLabels {
  /** Positive labels at or above the threshold, best first; empty: none of these. */
  readonly best: readonly LabelScore[];
  /** Why there is none: a negative label fits better than all others, or no cosine reaches the threshold. */
  readonly none: "negative" | "threshold" | undefined;
  /** The best of all labels, negative ones and those below the threshold included. */
  readonly closest: LabelScore | undefined;
}

/** Labels with their vectors. */
export interface LabelSet {
  /** Positive labels, then negative ones. */
  readonly labels: readonly string[];
  /** How many of them are positive. */
  readonly positives: number;
  /** One row for each label. */
  readonly vectors: ClassVectors;
  /** What cosines are multiplied by before the softmax. */
  readonly logitScale: number;
}

/**
 * Labels one picture.
 *
 * @param picture - its embedding, of norm 1.
 * @param threshold - least cosine.
 * @param top - labels at most.
 */
export function labelPicture(picture: Float32Array, set: LabelSet, threshold: number | undefined, top: number): PictureLabels {
  const { labels, positives, vectors, logitScale } = set;
  const similarities = labels.map((_, row) => dotAt(picture, 0, vectors.data, row * vectors.dim, vectors.dim));
  const most = similarities.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = similarities.map((similarity) => Math.exp(logitScale * (similarity - most)));
  const total = weights.reduce((a, b) => a + b, 0);
  const scores = labels
    .map((label, i) => ({
      label,
      probability: (weights[i] ?? 0) / total,
      similarity: similarities[i] ?? 0,
      positive: i < positives,
    }))
    .sort((a, b) => b.similarity - a.similarity);
  const plain = ({ label, probability, similarity }: LabelScore): LabelScore => ({ label, probability, similarity });
  const [first] = scores;
  const closest = first === undefined ? undefined : plain(first);
  if (first?.positive === false) return { best: [], none: "negative", closest };
  const reached = scores.filter(({ positive, similarity }) => positive && similarity >= (threshold ?? -Infinity));
  return { best: reached.slice(0, top).map(plain), none: reached.length === 0 ? "threshold" : undefined, closest };
}
