import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesPerEpoch, batchOf, epochOrder } from "../src/data/batches.js";

const plans = fc
  .tuple(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 2, max: 60 }), fc.nat(2 ** 32 - 1))
  .map(([pairs, batch, seed]) => ({ pairs, batch: Math.min(pairs, batch), seed }));

describe("an epoch", () => {
  it("has every pair, the last batch filled up from its start", () => {
    fc.assert(
      fc.property(plans, fc.nat(5), (plan, epoch) => {
        const order = epochOrder(plan, epoch);
        const steps = batchesPerEpoch(plan);
        const taken = Array.from({ length: steps }, (_, i) => batchOf(plan, epoch * steps + i, order)).flat();
        expect(taken).toHaveLength(steps * plan.batch);
        expect(taken.slice(0, plan.pairs).toSorted((a, b) => a - b)).toEqual(Array.from({ length: plan.pairs }, (_, i) => i));
        expect(taken.slice(plan.pairs)).toEqual(taken.slice(0, taken.length - plan.pairs));
      }),
    );
  });

  it("follows from the seed and its number, and differs from the next", () => {
    const plan = { pairs: 100, batch: 10, seed: 5 };
    expect(epochOrder(plan, 3)).toEqual(epochOrder(plan, 3));
    expect(epochOrder(plan, 3)).not.toEqual(epochOrder(plan, 4));
    expect(epochOrder(plan, 3)).not.toEqual(epochOrder({ ...plan, seed: 6 }, 3));
  });

  it("puts every pair at every place alike", () => {
    const places = new Float64Array(8);
    for (let epoch = 0; epoch < 4000; epoch++) places[epochOrder({ pairs: 8, batch: 2, seed: 1 }, epoch).indexOf(0)]!++;
    for (const count of places) expect(Math.abs(count - 500)).toBeLessThan(100); // 4.8 standard deviations
  });
});
