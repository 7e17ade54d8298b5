/** What each method makes of more and more examples of each class: the rest is what it is measured on. */
import type { ClassifierMethod } from "@chinese-clip/pipeline/classifier";
import { evaluateHead, type FewShotExamples, takeExamples } from "./examples.js";
import { METHODS, type MethodScore, preferred, selectHead, zeroShotHead } from "./select-head.js";

/** Options of {@link compareShots}. */
export interface ShotsOptions {
  /** Examples of each class, such as `[1, 2, 4, 8, 16]`. The first ones of each class are taken. */
  readonly shots: readonly number[];
  /** Examples to measure on. Default: those that the largest of `shots` leaves over. */
  readonly test?: FewShotExamples | undefined;
  /** `[classes, dim]`: embeddings of the classes' texts, rows of length 1. */
  readonly texts: Float32Array;
  /** exp of the model's `logit_scale`. */
  readonly scale: number;
  /** Gives up between two steps. */
  readonly signal?: AbortSignal | undefined;
}

/** A row: accuracies on the test examples, 0 to 1. */
export interface ShotsRow {
  /** Examples of each class; of a class that has fewer, all. */
  readonly shots: number;
  /** Test examples. */
  readonly tested: number;
  /** The classes' texts alone; the same in every row. */
  readonly zeroShot: number;
  /** By method; `auto` is the one that cross-validation on the shots chose. */
  readonly accuracy: Readonly<Record<ClassifierMethod | "auto", number>>;
  /** Which one that is. */
  readonly chosen: ClassifierMethod;
}

/**
 * Compares the methods.
 *
 * @throws RangeError - no example left to measure on, and what {@link selectHead} says.
 */
export async function* compareShots(examples: FewShotExamples, options: ShotsOptions): AsyncGenerator<ShotsRow, void, undefined> {
  const { shots, texts, scale, signal } = options;
  const most = shots.reduce((a, b) => Math.max(a, b), 0);
  const seen = examples.classes.map(() => 0);
  const place = examples.labels.map((label) => seen[label]!++);
  const rows = [...place.keys()];
  const test =
    options.test ??
    takeExamples(
      examples,
      rows.filter((row) => place[row]! >= most),
    );
  if (test.labels.length === 0)
    throw new RangeError(`compareShots: expected more than ${most} examples of a class, to measure on the rest`);
  const zeroShot = evaluateHead(zeroShotHead(examples, texts, scale), test).accuracy;
  for (const count of shots) {
    const fitted = takeExamples(
      examples,
      rows.filter((row) => place[row]! < count),
    );
    const accuracy = { linear: 0, "tip-adapter": 0, "tip-adapter-f": 0 };
    const scores: MethodScore[] = [];
    for (const method of METHODS) {
      const { head, validation } = await selectHead(fitted, { method, texts, scale, signal });
      accuracy[method] = evaluateHead(head, test).accuracy;
      const score = validation.find((one) => one.method === method);
      if (score !== undefined) scores.push(score);
    }
    const chosen = METHODS[preferred(scores)] as ClassifierMethod;
    yield { shots: count, tested: test.labels.length, zeroShot, accuracy: { ...accuracy, auto: accuracy[chosen] }, chosen };
  }
}
