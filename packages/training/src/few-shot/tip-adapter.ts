/**
 * Tip-Adapter without training (Zhang et al., 2022): zero-shot logits, and to them what the most similar examples say. With one example a class it
 * already helps, where a linear probe has too little to go by.
 */
import type { TipAdapter } from "@chinese-clip/pipeline/classifier";
import { dotAt } from "@chinese-clip/pipeline/vectors";
import { bestOf, checkExamples, type FewShotExamples, Tally } from "./examples.js";

/** How an adapter is made. */
export interface TipAdapterOptions {
  /** `[classes, dim]`: embeddings of the classes' texts, rows of length 1. */
  readonly texts: Float32Array;
  /** exp of the model's `logit_scale`. */
  readonly scale: number;
  /** Examples that choose `alpha` and `beta`. Default: none, and 1 and 5.5 are taken, as the paper begins. */
  readonly validation?: FewShotExamples | undefined;
}

/** An adapter's two numbers. */
export type AdapterSettings = Pick<TipAdapter, "alpha" | "beta">;

const ALPHAS: readonly number[] = [0.1, 0.3, 1, 3, 10, 30, 100, 300];
const BETAS: readonly number[] = [1, 2, 5.5, 10, 20, 50, 100];

/** What validation chooses from. */
export const ADAPTER_SETTINGS: readonly AdapterSettings[] = BETAS.flatMap((beta) => ALPHAS.map((alpha) => ({ alpha, beta })));

/**
 * Makes an adapter; nothing is trained.
 *
 * @throws RangeError - examples that no classifier can be made of, texts of another size.
 */
export function fitTipAdapter(examples: FewShotExamples, { texts, scale, validation }: TipAdapterOptions): TipAdapter {
  checkAdapter("fitTipAdapter", examples, texts);
  const { classes, dim, labels, features } = examples;
  const base: TipAdapter = { method: "tip-adapter", classes, dim, texts, keys: features, labels, scale, alpha: 1, beta: 5.5 };
  if (validation === undefined) return base;
  checkExamples("fitTipAdapter", validation);
  const tallies = adapterTallies(classes.length);
  tallyAdapters(base, validation, tallies);
  return { ...base, ...ADAPTER_SETTINGS[bestOf(tallies)] };
}

/** @throws RangeError - as {@link fitTipAdapter}. */
export function checkAdapter(where: string, examples: FewShotExamples, texts: Float32Array): void {
  checkExamples(where, examples);
  const { classes, dim } = examples;
  if (texts.length !== classes.length * dim)
    throw new RangeError(`${where}: expected ${classes.length} texts of ${dim} values, got ${texts.length} values`);
}

/** A tally for each of {@link ADAPTER_SETTINGS}. */
export function adapterTallies(classes: number): Tally[] {
  return ADAPTER_SETTINGS.map(() => new Tally(classes));
}

/** Adds how an adapter with each of {@link ADAPTER_SETTINGS} does on examples; its own settings do not matter. */
export function tallyAdapters(adapter: TipAdapter, heldOut: FewShotExamples, tallies: readonly Tally[]): void {
  const { classes, texts, keys, labels, dim, scale } = adapter;
  for (const [row, label] of heldOut.labels.entries()) {
    const zeroShot = Float64Array.from(classes, (_, c) => scale * dotAt(heldOut.features, row * dim, texts, c * dim, dim));
    const affinities = Float64Array.from(labels, (_, key) => dotAt(heldOut.features, row * dim, keys, key * dim, dim));
    for (const [b, beta] of BETAS.entries()) {
      const says = new Float64Array(classes.length);
      for (const [key, c] of labels.entries()) says[c]! += Math.exp(-beta * (1 - affinities[key]!));
      for (const [a, alpha] of ALPHAS.entries())
        tallies[b * ALPHAS.length + a]!.add(
          zeroShot.map((logit, c) => logit + alpha * says[c]!),
          label,
        );
    }
  }
}
