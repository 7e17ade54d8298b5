/** A few images of each class, as embeddings, and how well a classifier does on them. */
import { type ClassifierHead, classLogits } from "@chinese-clip/pipeline/classifier";
import { softmax } from "@chinese-clip/pipeline/vectors";

/** Labelled embeddings. */
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
  const present = new Set(labels);
  const empty = classes.find((_, label) => !present.has(label));
  if (empty !== undefined) throw new RangeError(`${where}: expected an example of each class, got none of ${JSON.stringify(empty)}`);
}

/** Some of the examples, by row. */
export function takeExamples({ features, dim, labels, classes }: FewShotExamples, rows: readonly number[]): FewShotExamples {
  const taken = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) taken.set(features.subarray(row * dim, (row + 1) * dim), i * dim);
  return { features: taken, dim, labels: rows.map((row) => labels[row] as number), classes };
}

/** Right and wrong answers, which add up over several parts of the examples. */
export class Tally {
  /** For each class the images of it that were taken for each class. */
  readonly confusion: readonly Uint32Array[];
  #images = 0;
  #hits = 0;
  #loss = 0;

  constructor(classes: number) {
    this.confusion = Array.from({ length: classes }, () => new Uint32Array(classes));
  }

  /** Counts one image. */
  add(logits: Float64Array, label: number): void {
    const predicted = argMax(logits);
    this.confusion[label]![predicted]!++;
    this.#images++;
    if (predicted === label) this.#hits++;
    this.#loss -= Math.log(Math.max(softmax(logits)[label] as number, Number.MIN_VALUE));
  }

  /** Share of right answers, 0 to 1; 0 of no images. */
  get accuracy(): number {
    return this.#images === 0 ? 0 : this.#hits / this.#images;
  }

  /** Mean cross-entropy, in nats. */
  get logLoss(): number {
    return this.#images === 0 ? 0 : this.#loss / this.#images;
  }
}

/** How a classifier does on examples. */
export function evaluateHead(head: ClassifierHead, { features, dim, labels, classes }: FewShotExamples, tally?: Tally): Tally {
  const counted = tally ?? new Tally(classes.length);
  for (const [row, label] of labels.entries()) counted.add(classLogits(head, features.subarray(row * dim, (row + 1) * dim)), label);
  return counted;
}

/** The place of the best of several results: most right answers, then the least cross-entropy, then the first. */
export function bestOf(results: readonly Pick<Tally, "accuracy" | "logLoss">[]): number {
  let best = 0;
  for (const [i, { accuracy, logLoss }] of results.entries()) {
    const other = results[best]!;
    if (accuracy > other.accuracy || (accuracy === other.accuracy && logLoss < other.logLoss)) best = i;
  }
  return best;
}

/** The index of the highest value, of equal ones the first. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
