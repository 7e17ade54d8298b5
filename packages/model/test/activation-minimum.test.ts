import { describe, expect, it } from "vitest";
import { ACTIVATION_MINIMUM } from "../src/graph/lowering/quantized-layers.js";

/** The integral of the normal density from far below to `x`, by Simpson's rule. */
function normalDistribution(x: number): number {
  const [from, steps] = [-9, 2000];
  const width = (x - from) / steps;
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = 0;
  for (let i = 0; i <= steps; i++) sum += density(from + i * width) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2);
  return (sum * width) / 3;
}

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  Gelu: (x) => x * normalDistribution(x),
  QuickGelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  FastGelu: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  Relu: (x) => Math.max(0, x),
};

describe("ACTIVATION_MINIMUM", () => {
  it("has each activation", () => expect([...ACTIVATION_MINIMUM.keys()]).toEqual(Object.keys(FUNCTIONS)));

  it.each(Object.entries(FUNCTIONS))("is just below the minimum of %s", (operator, apply) => {
    let minimum = Number.POSITIVE_INFINITY;
    for (let x = -8; x <= 2; x += 0.005) minimum = Math.min(minimum, apply(x));
    expect(ACTIVATION_MINIMUM.get(operator)).toBeLessThanOrEqual(minimum);
    expect(ACTIVATION_MINIMUM.get(operator)).toBeGreaterThan(minimum - 1e-3);
  });
});
