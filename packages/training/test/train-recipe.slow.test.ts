/** Whole runs by each recipe. The gradients of each are in `recipe.slow.test.ts`, one run by two of them in `train.slow.test.ts`. */
import { expect, it } from "vitest";
import type { TrainOptions } from "../src/node/index.js";
import { TINY_MODEL } from "./drawings.js";
import { firstLoss, savesWhatWasValidated } from "./train-run.js";

it.each<[string, Partial<TrainOptions>]>([
  ["adapters", { lora: { rank: 4, alpha: 16 }, learningRate: 1e-2 }],
  ["an average", { emaDecay: 0.5 }],
])("with %s saves the model that was validated", async (_, given) => savesWhatWasValidated(given));

it("begins where the model is: with adapters that add nothing, and without dropout, the first loss is the plain one", async () => {
  const plain = await firstLoss({});
  expect(plain).toBeGreaterThan(0);
  expect(await firstLoss({ lora: { rank: 4 } })).toBe(plain);
  expect(await firstLoss({ emaDecay: 0.9 })).toBe(plain);
  for (const given of [{ dropout: 0.1 }, { maskRatio: 0.5 }, { augment: true }])
    expect(await firstLoss(given), JSON.stringify(given)).not.toBe(plain);
});

it("learns nothing new from itself as a teacher: the student's features are the teacher's", async () => {
  const plain = await firstLoss({});
  expect(plain).toBeGreaterThan(0);
  expect(await firstLoss({ distillation: { teacher: TINY_MODEL, weight: 1 } })).toBeCloseTo(plain ?? 0, 5);
});
