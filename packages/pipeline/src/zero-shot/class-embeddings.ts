/**
 * Zero-shot classifiers: one vector for each label, from one template or the mean over several, as cn_clip's `zeroshot_classifier` makes
 * them (`eval/zeroshot_evaluation.py`): normalise each, average, normalise.
 */
import type { Embeddings } from "../embedding/embeddings.js";
import { showValue } from "../show-value.js";
import { meanDirection } from "../vectors/normalize.js";

/** The bare label. */
export const DEFAULT_TEMPLATE = "{}";

/** Texts that are embedded together, at most, unless one label has more templates. */
const TEXTS_PER_CALL = 512;

/** Options of {@link embedClasses}. */
export interface EmbedClassesOptions {
  /** Prepares each filled template, as an evaluation does. Default: as it is. */
  readonly prepare?: ((text: string) => string) | undefined;
  /** Called after each group of labels with the number of labels done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Texts to rows with L2 norm 1, float32 `[texts.length, dim]`. */
export type EmbedTexts = (texts: readonly string[]) => Promise<Pick<Embeddings, "data" | "dim">>;

/**
 * The class vectors: each label in each template, embedded, averaged, normalised.
 *
 * @param templates - sentences with `{}` where the label goes.
 * @returns one row with L2 norm 1 for each label.
 * @throws TypeError - labels or templates that are no list of strings; RangeError - none, or a template without `{}`.
 */
export async function embedClasses(
  labels: readonly string[],
  templates: readonly string[],
  embedTexts: EmbedTexts,
  { prepare = (text) => text, onProgress }: EmbedClassesOptions = {},
): Promise<Embeddings> {
  checkLabels(labels, templates);
  const group = Math.max(1, Math.floor(TEXTS_PER_CALL / templates.length));
  let [classes, dim] = [new Float32Array(0), 0];
  for (let start = 0; start < labels.length; start += group) {
    const part = labels.slice(start, start + group);
    const texts = part.flatMap((label) => templates.map((template) => prepare(template.replaceAll("{}", () => label))));
    const rows = await embedTexts(texts);
    if (start === 0) [classes, dim] = [new Float32Array(labels.length * rows.dim), rows.dim];
    for (const i of part.keys()) {
      const own = templates.map((_, t) => rows.data.subarray((i * templates.length + t) * dim, (i * templates.length + t + 1) * dim));
      classes.set(meanDirection(own), (start + i) * dim);
    }
    onProgress?.(Math.min(start + group, labels.length));
  }
  return { data: classes, count: labels.length, dim };
}

/** @throws TypeError, RangeError - as {@link embedClasses}. */
export function checkLabels(labels: unknown, templates: unknown): void {
  checkStrings(labels, "labels", "label");
  checkStrings(templates, "templates", "template");
  const unmarked = templates.find((template) => !template.includes("{}"));
  if (unmarked !== undefined)
    throw new RangeError(`classify: expected {} in every template, to mark the label, got ${showValue(unmarked)}`);
}

function checkStrings(values: unknown, name: string, one: string): asserts values is readonly string[] {
  if (!Array.isArray(values)) throw new TypeError(`classify: expected ${name} to be an array of strings, got ${showValue(values)}`);
  const other: unknown = values.find((value) => typeof value !== "string");
  if (other !== undefined || values.includes(undefined))
    throw new TypeError(`classify: expected ${name} to be an array of strings, got ${showValue(other)} among them`);
  if (values.length === 0) throw new RangeError(`classify: expected at least one ${one}, got none`);
}
