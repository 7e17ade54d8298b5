import { describe, expect, it } from "vitest";
import { accuracyOf, adapterScores, argMax, type FewShotExamples, fitLinearProbe, fitTipAdapter, probeScores } from "../src/index.js";
import { minimize } from "../src/few-shot/lbfgs.js";
import { randomNumbers } from "./random.js";

const DIM = 8;

/** Noisy examples around one direction for each class, rows of length 1. */
function examplesOf(shots: number, seed: number, noise = 0.9): { examples: FewShotExamples; centres: Float32Array } {
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

const { examples, centres } = examplesOf(8, 2);
const { examples: test } = examplesOf(60, 3);

describe("minimize", () => {
  it("finds the minimum of a stretched bowl and of Rosenbrock's valley", () => {
    const bowl = Float64Array.of(3, -2, 5);
    expect(
      minimize((x, g) => x.reduce((sum, value, i) => ((g[i] = 2 * 100 ** i * (value - i)), sum + 100 ** i * (value - i) ** 2), 0), bowl),
    ).toBeLessThan(1e-6);
    for (const [i, value] of bowl.entries()) expect(value).toBeCloseTo(i, 7);
    const valley = Float64Array.of(-1.2, 1);
    minimize(([x = 0, y = 0], g) => {
      g[0] = -400 * x * (y - x * x) - 2 * (1 - x);
      g[1] = 200 * (y - x * x);
      return 100 * (y - x * x) ** 2 + (1 - x) ** 2;
    }, valley);
    expect(valley[0]).toBeCloseTo(1, 5);
    expect(valley[1]).toBeCloseTo(1, 5);
  });
});

describe("fitLinearProbe", () => {
  it("is where the derivative of the regularised loss is 0", () => {
    const probe = fitLinearProbe(examples, { regularization: 0.05 });
    const { features, labels } = examples;
    const slope = new Float64Array(probe.weights.length);
    for (const [row, label] of labels.entries()) {
      const scores = probeScores(probe, features.subarray(row * DIM, (row + 1) * DIM));
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      for (const [c, score] of scores.entries()) {
        for (let e = 0; e < DIM; e++)
          slope[c * DIM + e]! += ((Math.exp(score) / total - (c === label ? 1 : 0)) * features[row * DIM + e]!) / labels.length;
      }
    }
    for (const [i, value] of slope.entries()) expect(Math.abs(value + 0.05 * probe.weights[i]!)).toBeLessThan(2e-6);
    expect(probe.bias.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
  });

  it("tells classes apart, and takes the regularisation that validation likes best", () => {
    const chosen = fitLinearProbe(examples, { validation: test });
    const accuracy = (probe: typeof chosen): number => accuracyOf((feature) => probeScores(probe, feature), test);
    expect(accuracy(chosen)).toBeGreaterThan(0.6);
    for (const regularization of [1, 0.01, 1e-4, 1e-6])
      expect(accuracy(chosen)).toBeGreaterThanOrEqual(accuracy(fitLinearProbe(examples, { regularization })));
  });

  it.each<[string, FewShotExamples, string]>([
    ["one class", { ...examples, classes: ["甲"], labels: examples.labels.map(() => 0) }, "expected at least 2 classes, got 1"],
    ["an empty class", { ...examples, classes: [...examples.classes, "己"] }, 'got none of "己"'],
    ["another label", { ...examples, labels: examples.labels.map((label) => label + 1) }, "expected labels from 0 to 4, got 5"],
    ["other rows", { ...examples, dim: 7 }, "expected 40 rows of 7 values"],
  ])("rejects %s", (_, given, message) => {
    expect(() => fitLinearProbe(given)).toThrow(message);
    expect(() => fitTipAdapter(given, { texts: centres, scale: 10 })).toThrow(message);
  });

  it("rejects a regularisation of 0", () => {
    expect(() => fitLinearProbe(examples, { regularization: 0 })).toThrow("expected a regularization above 0, got 0");
  });
});

describe("fitTipAdapter", () => {
  // Texts that are off by some: as zero-shot is.
  const texts = examplesOf(1, 9, 1.2).examples.features;

  it("adds to the texts' scores what each example says by its nearness", () => {
    const adapter = fitTipAdapter(examples, { texts, scale: 10 });
    const feature = test.features.subarray(0, DIM);
    const cosine = (rows: Float32Array, row: number): number => feature.reduce((sum, value, e) => sum + value * rows[row * DIM + e]!, 0);
    const expected = examples.classes.map((_, label) =>
      examples.labels.reduce(
        (sum, own, row) => (own === label ? sum + Math.exp(-5.5 * (1 - cosine(examples.features, row))) : sum),
        10 * cosine(texts, label),
      ),
    );
    for (const [label, score] of adapterScores(adapter, feature).entries()) expect(score).toBeCloseTo(expected[label]!, 6);
  });

  it("is better than the texts alone", () => {
    const adapter = fitTipAdapter(examples, { texts, scale: 10, validation: examplesOf(10, 4).examples });
    const zeroShot = accuracyOf((feature) => adapterScores({ ...adapter, alpha: 0 }, feature), test);
    expect(accuracyOf((feature) => adapterScores(adapter, feature), test)).toBeGreaterThan(zeroShot + 0.05);
  });

  it("rejects texts of another size", () => {
    expect(() => fitTipAdapter(examples, { texts: texts.subarray(1), scale: 10 })).toThrow("expected 5 texts of 8 values, got 39 values");
  });
});

it("takes the first of equal scores", () => {
  expect(argMax([1, 3, 3, 2])).toBe(1);
});
