import { describe, expect, it } from "vitest";
import { checkProbabilities, formatCheck, PUBLISHED_EXAMPLE } from "../../src/reports/published-probabilities.js";

const PUBLISHED_LABELS = PUBLISHED_EXAMPLE.probabilities.map(([label]) => label);
const PUBLISHED = [1.2686e-3, 5.4499e-2, 6.7968e-4, 9.4355e-1];

/** The published probabilities with one shifted. */
const shifted = (label: string, by: number): number[] => PUBLISHED.map((value, i) => (PUBLISHED_LABELS[i] === label ? value + by : value));

describe("checkProbabilities", () => {
  it.each([
    ["fp32", 0.0009, true],
    ["fp32", -0.0009, true],
    ["fp32", 0.0011, false],
    ["fp32", -0.0011, false],
    ["fp16", 0.0049, true],
    ["q8", -0.0049, true],
    ["q4", 0.0051, false],
    ["q8", Number.NaN, false],
  ])("%s, off by %d: passed is %s", (dtype, by, passed) => {
    for (const label of PUBLISHED_LABELS)
      expect(checkProbabilities(PUBLISHED_EXAMPLE, shifted(label, by), dtype, true).passed).toBe(passed);
  });

  it("fails where a probability is missing", () => {
    expect(checkProbabilities(PUBLISHED_EXAMPLE, PUBLISHED.slice(0, 3), "fp32", true).passed).toBe(false);
  });

  it("judges no other model", () => {
    const check = checkProbabilities(PUBLISHED_EXAMPLE, [0.25, 0.25, 0.25, 0.25], "fp32", false);
    expect(check.passed).toBeUndefined();
    expect(check.labels.map(({ published, difference }) => [published, difference])).toEqual(
      PUBLISHED_LABELS.map(() => [undefined, undefined]),
    );
    expect(formatCheck(check, "en")).toBe(
      ["label         here", "杰尼龟    0.250000", "妙蛙种子  0.250000", "小火龙    0.250000", "皮卡丘    0.250000"].join("\n"),
    );
  });
});

it("formatCheck shows both columns and the difference", () => {
  const lines = formatCheck(checkProbabilities(PUBLISHED_EXAMPLE, shifted("皮卡丘", -0.25), "fp32", true), "zh").split("\n");
  expect(lines[0]?.split(/ +/)).toEqual(["标签", "本机概率", "公布值", "差"]);
  expect(lines[4]?.split(/ +/)).toEqual(["皮卡丘", "0.693550", "0.943550", "-0.250000"]);
});
