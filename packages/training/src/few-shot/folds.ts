/**
 * Parts of the examples that are held out by turns, to choose settings: each example is held out once, but for those that are the only one of their
 * class. Nothing is random: the i-th example of a class is in part `i mod folds`, so that the same images in the same order give the same parts.
 */
import { type FewShotExamples, takeExamples } from "./examples.js";

/** Parts at most. */
const MAX_FOLDS = 4;

/** One turn. */
export interface Fold {
  readonly fitted: FewShotExamples;
  readonly heldOut: FewShotExamples;
}

/** The turns; none where every class has a single example. */
export function foldsOf(examples: FewShotExamples): Fold[] {
  const { labels, classes } = examples;
  const counts = classes.map(() => 0);
  const place = labels.map((label) => counts[label]!++);
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  if (most < 2) return [];
  const folds = Math.min(MAX_FOLDS, most);
  const rows = [...labels.keys()];
  return Array.from({ length: folds }, (_, fold) => {
    const isHeldOut = (row: number): boolean => counts[labels[row]!]! > 1 && place[row]! % folds === fold;
    return {
      fitted: takeExamples(
        examples,
        rows.filter((row) => !isHeldOut(row)),
      ),
      heldOut: takeExamples(examples, rows.filter(isHeldOut)),
    };
  });
}
