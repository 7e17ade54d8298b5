import { describe, expect, it } from "vitest";
import type { Activation } from "../src/config/activation.js";
import { LEAST_ACTIVATION } from "../src/graph/activate.js";

/** The integral of the normal density from far below to `x`, by Simpson's rule. */
function normalDistribution(x: number): number {
  const [from, steps] = [-9, 2000];
  const width = (x - from) / steps;
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = 0;
  for (let i = 0; i <= steps; i++) sum += density(from + i * width) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2);
  return (sum * width) / 3;
}

const FUNCTIONS: Readonly<Record<Activation, (x: number) => number>> = {
  gelu: (x) => x * normalDistribution(x),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  gelu_new: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(0, x),
};

describe("LEAST_ACTIVATION", () => {
  it.each(Object.keys(FUNCTIONS) as Activation[])("is just below the least value of %s", (activation) => {
    let least = Number.POSITIVE_INFINITY;
    for (let x = -8; x <= 2; x += 0.005) least = Math.min(least, FUNCTIONS[activation](x));
    expect(LEAST_ACTIVATION[activation]).toBeLessThanOrEqual(least);
    expect(LEAST_ACTIVATION[activation]).toBeGreaterThan(least - 1e-3);
  });
});
