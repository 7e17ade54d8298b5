import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { afterAll, describe, expect, it } from "vitest";
import { learningRateAt } from "../src/index.js";
import { goldenRun, PLANS, trajectory } from "./golden-run.js";
import { tinyModel } from "./fixtures.js";

const model = await tinyModel("tiny-vit");
const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

it("warms up and falls as torch's run", () => {
  const { learning_rate: learningRate, warmup, steps, lr } = trajectory;
  for (const [step, expected] of lr.entries()) expect(learningRateAt({ learningRate, warmup, steps }, step)).toBeCloseTo(expected, 15);
});

describe.each(["both", "frozen-vision"] as const)("%s", (kind) => {
  it.each(PLANS)("follows torch for 80 steps, by %j", async (plan) => {
    const { losses, scales } = await goldenRun(runtime, model, kind, plan);
    const golden = trajectory[kind];
    for (const [step, expected] of golden.loss.entries())
      expect(Math.abs(losses[step]! - expected), `step ${step}`).toBeLessThanOrEqual(1e-5 + 1e-4 * expected);
    for (const [step, expected] of golden.logit_scale.entries()) expect(scales[step], `step ${step}`).toBeCloseTo(expected, 4);
  });
});
