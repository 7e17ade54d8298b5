import { describe, expect, it } from "vitest";
import { classLogits } from "@chinese-clip/pipeline/classifier";
import {
  argMax,
  evaluateHead,
  type FewShotExamples,
  fitLinearProbe,
  fitTipAdapter,
  fitTipAdapterF,
  zeroShotHead,
} from "../../src/few-shot/index.js";
import { minimize } from "../../src/few-shot/lbfgs.js";
import { keyGradient } from "../../src/few-shot/tip-adapter-f.js";
import { centresAsTexts, DIM, examplesOf } from "./examples.js";

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
      const scores = classLogits(probe, features.subarray(row * DIM, (row + 1) * DIM));
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
    const accuracy = (probe: typeof chosen): number => evaluateHead(probe, test).accuracy;
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

// Texts that are off by some: as zero-shot is.
const texts = centresAsTexts(9, 1.2);

describe("fitTipAdapter", () => {
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
    for (const [label, score] of classLogits(adapter, feature).entries()) expect(score).toBeCloseTo(expected[label]!, 6);
  });

  it("is better than the texts alone", () => {
    const adapter = fitTipAdapter(examples, { texts, scale: 10, validation: examplesOf(10, 4).examples });
    const zeroShot = evaluateHead(zeroShotHead(examples, texts, 10), test).accuracy;
    expect(evaluateHead(adapter, test).accuracy).toBeGreaterThan(zeroShot + 0.05);
  });

  it("rejects texts of another size", () => {
    expect(() => fitTipAdapter(examples, { texts: texts.subarray(1), scale: 10 })).toThrow("expected 5 texts of 8 values, got 39 values");
  });
});

describe("fitTipAdapterF", () => {
  const options = { texts, scale: 10, alpha: 1, beta: 5.5, learningRate: 1e-2, epochs: 20 };

  it("follows the derivative of the cross-entropy, an example's own key left out", () => {
    const adapter = fitTipAdapterF(examples, { ...options, epochs: 3 });
    const rows = [0, 9, 17, 33];
    const loss = (keys: Float32Array): number =>
      rows.reduce((sum, row) => {
        // Without its own key: its class's other keys remain.
        const labels = adapter.labels.map((label, key) => (key === row ? -1 : label));
        const kept = labels.flatMap((label, key) => (label < 0 ? [] : [key]));
        const others = Float32Array.from(kept.flatMap((key) => [...keys.subarray(key * DIM, (key + 1) * DIM)]));
        const head = { ...adapter, keys: others, labels: kept.map((key) => adapter.labels[key]!) };
        const logits = classLogits(head, examples.features.subarray(row * DIM, (row + 1) * DIM));
        const total = logits.reduce((all, logit) => all + Math.exp(logit), 0);
        return sum + (Math.log(total) - logits[examples.labels[row]!]!) / rows.length;
      }, 0);
    const gradient = new Float64Array(adapter.keys.length);
    keyGradient(adapter, examples, rows, gradient);
    for (const at of [0, 5, 8 * DIM + 3, 17 * DIM, 39 * DIM + 7]) {
      const moved = (by: number): number => loss(adapter.keys.map((value, i) => (i === at ? value + by : value)));
      expect(gradient[at]).toBeCloseTo((moved(1e-2) - moved(-1e-2)) / 2e-2, 4);
    }
  });

  it("learns keys that are better than the examples, and leaves the examples as they are", () => {
    const before = examples.features.slice();
    const [free, learned] = [fitTipAdapter(examples, { texts, scale: 10 }), fitTipAdapterF(examples, options)];
    expect(evaluateHead(learned, test).logLoss).toBeLessThan(evaluateHead(free, test).logLoss);
    expect(examples.features).toEqual(before);
    expect(learned.keys).not.toEqual(before);
    expect(fitTipAdapterF(examples, options)).toEqual(learned);
  });

  it("is Tip-Adapter before the first epoch", () => {
    expect(fitTipAdapterF(examples, { ...options, stopAfter: 0 }).keys).toEqual(examples.features);
  });
});

it("takes the first of equal scores", () => {
  expect(argMax([1, 3, 3, 2])).toBe(1);
});
