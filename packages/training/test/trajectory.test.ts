import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { afterAll, describe, expect, it } from "vitest";
import { learningRateAt } from "../src/index.js";
import { goldenRun, trajectory } from "./golden-run.js";
import { tinyModel } from "./fixtures.js";

const model = await tinyModel("tiny-vit");
const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

/** A race between threads shows in a part of the runs only. */
const RUNS = Number(process.env["CHINESE_CLIP_TRAINING_RUNS"] ?? 3);

it("warms up and falls as torch's run", () => {
  const { learning_rate: learningRate, warmup, steps, lr } = trajectory;
  for (const [step, expected] of lr.entries()) expect(learningRateAt({ learningRate, warmup, steps }, step)).toBeCloseTo(expected, 15);
});

describe.each(["both", "frozen-vision"] as const)("%s", (kind) => {
  it.each([undefined, 2])("follows torch for 80 steps, in chunks of %s", async (chunk) => {
    const { losses, scales } = await goldenRun(runtime, model, kind, chunk === undefined ? {} : { chunk });
    const golden = trajectory[kind];
    for (const [step, expected] of golden.loss.entries())
      expect(Math.abs(losses[step]! - expected), `step ${step}`).toBeLessThanOrEqual(1e-5 + 1e-4 * expected);
    for (const [step, expected] of golden.logit_scale.entries()) expect(scales[step], `step ${step}`).toBeCloseTo(expected, 4);
  });
});

it(`is identical to the bit in ${RUNS} runs of two threads`, async () => {
  const first = await goldenRun(runtime, model, "both");
  for (let run = 1; run < RUNS; run++) {
    const { losses, parameters } = await goldenRun(runtime, model, "both");
    expect(losses).toEqual(first.losses);
    for (const [name, values] of parameters) expect(values, name).toEqual(first.parameters.get(name));
  }
}, 300_000);
