/** A few images of each class, as features. */

/** Labelled features. */
export interface FewShotExamples {
  /** Rows of length 1, `[N, dim]`: embeddings of images. */
  readonly features: Float32Array;
  /** Values of a row. */
  readonly dim: number;
  /** For each row the number of its class. */
  readonly labels: readonly number[];
  /** Names of the classes. */
  readonly classes: readonly string[];
}

/**
 * Rejects examples that no classifier can be made of.
 *
 * @throws RangeError - fewer than two classes, a class without an example, a label that names no class, features of another size.
 */
export function checkExamples(where: string, { features, dim, labels, classes }: FewShotExamples): void {
  if (classes.length < 2) throw new RangeError(`${where}: expected at least 2 classes, got ${classes.length}`);
  if (features.length !== labels.length * dim)
    throw new RangeError(`${where}: expected ${labels.length} rows of ${dim} values, got ${features.length} values`);
  const other = labels.find((label) => !(Number.isInteger(label) && label >= 0 && label < classes.length));
  if (other !== undefined) throw new RangeError(`${where}: expected labels from 0 to ${classes.length - 1}, got ${other}`);
  const empty = classes.find((_, label) => !labels.includes(label));
  if (empty !== undefined) throw new RangeError(`${where}: expected an example of each class, got none of ${JSON.stringify(empty)}`);
}

/** Share of the rows whose highest score is their own class's, 0 to 1. */
export function accuracyOf(scores: (feature: Float32Array) => Float64Array, { features, dim, labels }: FewShotExamples): number {
  const hits = labels.filter((label, row) => argMax(scores(features.subarray(row * dim, (row + 1) * dim))) === label).length;
  return hits / labels.length;
}

/** The index of the highest value, of equal ones the first. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
