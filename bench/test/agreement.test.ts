/** The short run of the benchmarks: agreement of the results, and no clock. */
import { expect, test } from "vitest";
import { agreement, normalized } from "../src/agreement.js";
import { checkAgreement } from "../src/check.js";

test("texts and pictures agree with the reference, the combined export, and themselves in other batches", async () => {
  const report = await checkAgreement();
  expect(report).toHaveLength(8);
});

test("differences and cosines are those of the worst row", () => {
  const rows = Float32Array.of(1, 0, 0, 2);
  expect(agreement(rows, rows, 2)).toEqual({ difference: 0, cosine: 1 });
  expect(agreement(rows, Float32Array.of(1, 0, 2, 0), 2)).toEqual({ difference: 2, cosine: 0 });
});

test("results that are missing or not numbers never agree", () => {
  expect(agreement(Float32Array.of(1, 2), Float32Array.of(1), 1).difference).toBeNaN();
  expect(agreement(Float32Array.of(Number.NaN), Float32Array.of(1), 1).difference).toBeNaN();
});

test("normalised rows have length 1", () => {
  expect([...normalized(Float32Array.of(3, 4, 0, 2), 2)]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 1]);
});
