import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { afterAll, describe, expect, it } from "vitest";
import { goldenBatch, goldenEngine, PLANS } from "./golden-run.js";
import { goldenTensors, relativeL2, tinyModel } from "./fixtures.js";

const model = await tinyModel("tiny-vit");
const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

/** Their true gradient is 0: adding a vector to every key moves all scores of a query alike. */
const NOISE = /(?:key|k_proj)\.bias$/u;

describe.each(["both", "frozen-vision"] as const)("%s", (kind) => {
  it.each([...PLANS, { chunk: 4 }, { blocks: true, chunk: 1 }])("gives torch's gradients at the first step, by %j", async (plan) => {
    const expected = await goldenTensors(`training/${kind}.gradients.safetensors`);
    const { engine, features } = await goldenEngine(runtime, model, kind, plan);
    const { loss, imageToText, textToImage } = await engine.gradients(goldenBatch(0, features));
    expect(loss).toBeCloseTo(2.6414040517274113, 5);
    expect([imageToText, textToImage].every((share) => share >= 0 && share <= 1 && Number.isInteger(share * 8))).toBe(true);
    expect(engine.memory.trained.toSorted()).toEqual([...expected.keys()].toSorted());
    let squares = 0;
    for (const [name, { data }] of expected) {
      const gradient = await engine.memory.read(name, "gradient");
      squares += gradient.reduce((sum, value) => sum + value ** 2, 0);
      if (!NOISE.test(name)) expect(relativeL2(gradient, data as Float32Array), name).toBeLessThan(1e-4);
    }
    expect(await engine.gradientNorm()).toBeCloseTo(Math.sqrt(squares), 9);
  });
});
