/** Noisy examples around one direction for each class, and what embeds them. */
import type { FewShotExamples } from "../../src/few-shot/index.js";
import { randomNumbers } from "../random.js";

export const DIM = 8;

/** Rows of length 1. */
export function examplesOf(shots: number, seed: number, noise = 0.9): { examples: FewShotExamples; centres: Float32Array } {
  const random = randomNumbers(seed);
  const fixed = randomNumbers(1);
  const normal = (from: () => number): number => Math.sqrt(-2 * Math.log(1 - from())) * Math.cos(2 * Math.PI * from());
  const unit = (values: number[]): number[] => values.map((value) => value / Math.hypot(...values));
  const centres = Array.from({ length: 5 }, () => unit(Array.from({ length: DIM }, () => normal(fixed))));
  const rows = centres.flatMap((centre) =>
    Array.from({ length: shots }, () => unit(centre.map((value) => value + (noise * normal(random)) / Math.sqrt(DIM)))),
  );
  const labels = centres.flatMap((_, label) => Array.from({ length: shots }, () => label));
  return {
    examples: { features: Float32Array.from(rows.flat()), dim: DIM, labels, classes: ["甲", "乙", "丙", "丁", "戊"] },
    centres: Float32Array.from(centres.flat()),
  };
}

/** The classes' directions, off by some. */
export function centresAsTexts(seed: number, noise: number): Float32Array {
  return examplesOf(1, seed, noise).examples.features;
}
