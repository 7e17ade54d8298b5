import { describe, expect, it } from "vitest";
import { formatConfusionChart } from "../../src/reports/confusion-chart.js";
import { ZeroShotTally } from "@chinese-clip/evaluation";
import { frequentMistakes } from "../../src/reports/mistakes.js";
import { formatZeroShotPage } from "../../src/reports/zero-shot-page.js";

/** Classes with 10 images each, of which each class' number are taken for the class after it. */
const scoresOf = (classes: number): ReturnType<ZeroShotTally["scores"]> => {
  const tally = new ZeroShotTally(classes);
  for (let target = 0; target < classes; target++) {
    for (let image = 0; image < 10; image++) {
      const logits = new Float32Array(classes);
      logits[image < Math.min(target, 9) ? (target + 1) % classes : target] = 1;
      tally.add(logits, target);
    }
  }
  return tally.scores();
};

describe("the confusion matrix", () => {
  it("has a cell for each pair that occurs, with its numbers, and every label twice", () => {
    const svg = formatConfusionChart(scoresOf(3), ["猫", "<狗>", "car"]);
    expect(svg.match(/<g><title>/g)?.length).toBe(5);
    expect(svg).toContain("<title>&#60;狗&#62; → car: 1 / 10</title>");
    expect(svg).toContain("<title>car → 猫: 2 / 10</title>");
    expect(svg).toContain("<title>car → car: 8 / 10</title>");
    expect(svg.match(/>car<\/text>/g)?.length).toBe(2);
    expect(svg).not.toContain("<狗>");
  });

  it("of many classes has neither labels nor numbers, only shades", () => {
    const labels = Array.from({ length: 200 }, (_, i) => `类${i}`);
    const svg = formatConfusionChart(scoresOf(200), labels);
    expect(svg).not.toContain(">类7</text>");
    expect(svg).toContain("<title>类7 → 类8: 7 / 10</title>");
    expect(Number(/width="(\d+)"/.exec(svg)?.[1])).toBeLessThan(1000);
  });
});

describe("the page", () => {
  const page = formatZeroShotPage({
    model: "m",
    dataset: "d & <e>",
    labels: ["猫", "狗", "鱼"],
    templates: ["{}的照片"],
    scores: scoresOf(3),
  });

  it("stands alone: no script, no request", () => {
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<link|src=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(page).toContain("<h1>d &#38; &#60;e&#62;</h1>");
  });

  it("gives the numbers, classes from the worst to the best, and the mistakes", () => {
    expect(page).toContain("<dd>90.0%</dd>");
    expect(page).not.toContain("top-5");
    const classes = [...page.matchAll(/<tr><td>(.)<\/td><td class="bar">/g)].map((match) => match[1]);
    expect(classes).toEqual(["鱼", "狗", "猫"]);
    expect(frequentMistakes(scoresOf(3), 5)).toEqual([
      { target: 2, predicted: 0, images: 2 },
      { target: 1, predicted: 2, images: 1 },
    ]);
    expect(frequentMistakes(scoresOf(3), 1).length).toBe(1);
  });
});
