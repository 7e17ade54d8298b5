/**
 * Zero-shot classifiers: one vector for each label, from one template or the mean over several, as cn_clip's `zeroshot_classifier` makes
 * them (`eval/zeroshot_evaluation.py`): normalise each, average, normalise.
 */
import { type Embeddings, writeNormalizedRows } from "./embeddings.js";

/** The bare label. */
export const DEFAULT_TEMPLATE = "{}";

/**
 * Every label in every template, label by label.
 *
 * @throws RangeError - no labels, no templates, or a template without `{}`.
 */
export function fillTemplates(labels: readonly string[], templates: readonly string[]): string[] {
  if (labels.length === 0) throw new RangeError("classify: expected at least one label, got none");
  if (templates.length === 0) throw new RangeError("classify: expected at least one template, got none");
  const unmarked = templates.find((template) => !template.includes("{}"));
  if (unmarked !== undefined)
    throw new RangeError(`classify: expected {} in every template, to mark the label, got ${JSON.stringify(unmarked)}`);
  return labels.flatMap((label) => templates.map((template) => template.replaceAll("{}", () => label)));
}

/** The mean over each `templateCount` consecutive rows, normalised: one row for each label. */
export function averageTemplates({ data, count, dim }: Embeddings, templateCount: number): Embeddings {
  if (templateCount === 1) return { data, count, dim };
  const labels = count / templateCount;
  const sums = new Float32Array(labels * dim);
  for (let row = 0; row < count; row++) {
    const label = Math.floor(row / templateCount);
    for (let e = 0; e < dim; e++) sums[label * dim + e]! += data[row * dim + e]!;
  }
  // Normalising takes the division by the number of templates with it.
  writeNormalizedRows(
    sums,
    sums,
    Array.from({ length: labels }, (_, label) => label),
  );
  return { data: sums, count: labels, dim };
}
