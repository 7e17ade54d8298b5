import { expect, it, vi } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { readRun } from "../src/node/index.js";

const { path, write } = scratchFolder();
const STEP = { step: 1, epoch: 1, loss: 0.7, imageToText: 0.5, textToImage: 0.5, logitScale: 14.3, learningRate: 1e-3, seconds: 0.1 };
const RECALL = { r1: 0.1, r5: 0.2, r10: 0.3 };
const HEAD = { format: "chinese-clip training 1", settings: { steps: "4" }, source: { model: "m" } };

it("a log's lines that are none are left out, and a loss that diverged stays one", async () => {
  const lines = [
    HEAD,
    STEP,
    { ...STEP, step: 2, loss: Number.NaN },
    { ...STEP, step: 3, loss: "0.7" },
    { step: 3 },
    { step: 1, validation: true, textToImage: RECALL, imageToText: RECALL },
    { step: 2, validation: true, textToImage: RECALL },
    { step: 2, validation: true, textToImage: RECALL, imageToText: { ...RECALL, r5: [0.1] } },
    { step: 3, validation: true, textToImage: { ...RECALL, r1: 0.4 }, imageToText: RECALL },
  ];
  write("run/progress.jsonl", `${lines.map((line) => JSON.stringify(line)).join("\n")}\nnull\n[1]\n{"step":`);
  const run = await readRun(path("run"));
  expect(run).toMatchObject({ settings: { steps: "4" }, source: { model: "m" }, savedStep: 0, totalSteps: 4, best: { step: 3 } });
  expect(run?.steps).toEqual([STEP, { ...STEP, step: 2, loss: Number.NaN }]);
  expect(run?.validations.map(({ step }) => step)).toEqual([1, 3]);
});

it("a log of a million blank lines throws nothing a million times", async () => {
  const text = `${JSON.stringify(HEAD)}${"\n".repeat(1_000_000)}${JSON.stringify(STEP)}\r\n`;
  write("blank/progress.jsonl", text);
  const parse = vi.spyOn(JSON, "parse");
  const run = await readRun(path("blank"));
  expect(run?.steps).toEqual([STEP]);
  expect(parse.mock.calls.length).toBeLessThan(10);
  parse.mockRestore();
});

it.each([{ settings: 3 }, { settings: null, source: [1, [2]] }, { settings: { steps: [[1]] }, source: { model: {} } }])(
  "a head of %j states nothing",
  async (more) => {
    write("head/progress.jsonl", `${JSON.stringify({ ...HEAD, ...more })}\n`);
    expect(await readRun(path("head"))).toMatchObject({ totalSteps: undefined, steps: [] });
  },
);

it("tells with which others a run's weights are averaged, and takes nothing else for that", async () => {
  const averaging = { folder: "s3://data/average", worker: "a", every: 50, workers: 4 };
  for (const [given, expected] of [
    [averaging, averaging],
    [{ ...averaging, every: "50" }, undefined],
    [[4], undefined],
  ]) {
    write("averaged/progress.jsonl", `${JSON.stringify({ ...HEAD, source: { model: "m", averaging: given } })}\n`);
    expect((await readRun(path("averaged")))?.source).toEqual({ model: "m", averaging: expected });
  }
});
