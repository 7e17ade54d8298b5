/** The parts that make a table out of what was measured. */
import { expect, test, vi } from "vitest";
import { compare, median } from "../src/compare.js";
import { captions, pixelValues } from "../src/inputs.js";
import { linePlot, ticks } from "../src/line-plot.js";
import { tokenizerJson } from "../src/peer-tokenizer.js";
import { sumByOperator } from "../src/profile.js";
import { replaceSection } from "../src/readme.js";

test("the median is the middle, or the mean of the two middle ones", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("contestants take turns, and the warm-up is not counted", async () => {
  const order: string[] = [];
  const run = (name: string) => ({ name, run: () => order.push(name) });
  const timings = await compare([run("a"), run("b")], { rounds: 2, warmup: 1 });
  expect(order).toEqual(["a", "b", "a", "b", "a", "b"]);
  expect(timings.map(({ name, rounds, result }) => [name, rounds, result])).toEqual([["a", 2, 5], ["b", 2, 6]]); // prettier-ignore
});

test("a turn of a length begins with a run that is not measured, and its sample is the mean of the others", async () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  const order: string[] = [];
  // A run takes longer when another contestant's was the one before.
  const contestant = (name: string, ms: number) => ({
    name,
    run: () => {
      now += order.at(-1) === name ? ms : 500;
      order.push(name);
    },
  });
  const timings = await compare([contestant("a", 8), contestant("b", 30)], { rounds: 2, warmup: 1, turnMs: 20 });
  clock.mockRestore();
  expect(timings.map(({ medianMs, maxMs, rounds }) => [medianMs, maxMs, rounds])).toEqual([[8, 8, 2], [30, 30, 2]]); // prettier-ignore
  expect(order.join("")).toBe("ab" + "aaaabb".repeat(2)); // in the warm-up the first run is long enough for a turn
});

test("a budget that is spent ends the rounds, but there is always one", async () => {
  const [timing] = await compare([{ name: "a", run: () => 0 }], { rounds: 1000, warmup: 0, budgetMs: -1 });
  expect(timing?.rounds).toBe(1);
});

test("captions have the tokens they are said to have, and are the same every time", () => {
  const texts = captions(500, [3, 16]);
  const lengths = texts.map((text) => Array.from(text).length + 2);
  expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([3, 16]);
  expect(captions(500, [3, 16])).toEqual(texts);
  expect(pixelValues(2, 8)).toEqual(pixelValues(2, 8));
});

test("ticks reach the greatest value in round steps", () => {
  expect(ticks(64)).toEqual([0, 20, 40, 60, 80]);
  expect(ticks(0.5)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]);
  expect(() => ticks(0)).toThrow(RangeError);
});

test("a plot has a line and its points, and no text that is markup", () => {
  const svg = linePlot([{ title: "a < b", xLabel: "x", yLabel: "y", series: [{ name: "one", points: [[1, 2], [3, 6]] }] }]); // prettier-ignore
  expect(svg.match(/<circle/g)).toHaveLength(2);
  expect(svg).toContain("a &lt; b");
});

test("only kernels count in a profile", () => {
  const events = [
    { cat: "Node", name: "a_kernel_time", dur: 3, args: { op_name: "MatMul" } },
    { cat: "Node", name: "b_kernel_time", dur: 4, args: { op_name: "MatMul" } },
    { cat: "Node", name: "a_fence_before", dur: 9, args: { op_name: "MatMul" } },
    { cat: "Session", name: "model_run", dur: 100 },
  ];
  expect([...sumByOperator(events)]).toEqual([["MatMul", 7]]);
});

test("a section of a document is replaced, and the rest is left alone", () => {
  const document = "before\n<!-- bench:a -->old<!-- /bench:a -->\nafter";
  expect(replaceSection(document, "a", " new ")).toBe("before\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nafter");
  expect(replaceSection(document, "b", "new")).toBe(document);
});

test("a vocabulary's tokenizer.json has every token under its line number", () => {
  const { model } = tokenizerJson("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n猫\n") as { model: { vocab: Record<string, number> } };
  expect(model.vocab["猫"]).toBe(5);
});
