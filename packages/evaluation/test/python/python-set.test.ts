import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { pythonSetDifference } from "../../src/python/python-set.js";

const cases = JSON.parse(readFileSync(new URL("../../../../fixtures/evaluation/python-sets.json", import.meta.url), "utf8")) as [
  number[],
  number[],
  number[],
][];

it("walks the difference of two sets in Python's order", () => {
  expect(cases.length).toBe(60);
  for (const [all, without, expected] of cases) {
    expect(pythonSetDifference(all.map(BigInt), without.map(BigInt))).toEqual(expected.map(BigInt));
  }
});
