import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { Tensor } from "onnxruntime-common";
import { afterAll, expect, it } from "vitest";
import { adamWDefaults, TrainingEngine } from "../src/index.js";
import { goldenTensors, relativeL2, tinyModel } from "./fixtures.js";

const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

const model = await tinyModel("tiny-rn50");
const pixels = (await goldenTensors("tiny-rn50/expected.safetensors")).get("pixel_values")!;
const [B = 1] = pixels.dims;
const E = model.config.projectionDim;
const BATCH = {
  pixel_values: new Tensor("float32", pixels.data as Float32Array, pixels.dims),
  text_features: new Tensor(
    "float32",
    Float32Array.from({ length: B * E }, (_, i) => Math.sin(i)),
    [B, E],
  ),
};
const STATISTIC = "visual.layer2.0.bn2.running_var";

function engineOf(settings: { batchStatistics?: boolean; blocks?: boolean }): Promise<TrainingEngine> {
  const optimizer = adamWDefaults("modifiedResNet");
  const { vision, checkpoint } = model;
  return TrainingEngine.create(
    runtime,
    { towers: { vision }, batch: B, sequence: 1, projection: E, optimizer, ...settings },
    ({ name, dims }) => checkpoint.values(name, dims),
  );
}

it("trains a ResNet's batch norms by the batch, in one graph as in segments, and moves their running statistics once a step", async () => {
  const [whole, segments, evaluation] = await Promise.all([
    engineOf({ batchStatistics: true }),
    engineOf({ batchStatistics: true, blocks: true }),
    engineOf({}),
  ]);
  const results = [await whole.gradients(BATCH), await segments.gradients(BATCH), await evaluation.gradients(BATCH)];
  expect(results[1]!.loss).toBeCloseTo(results[0]!.loss, 5);
  expect(Math.abs(results[2]!.loss - results[0]!.loss)).toBeGreaterThan(1e-3);
  const before = await evaluation.memory.read(STATISTIC);
  const after = await whole.memory.read(STATISTIC);
  expect(relativeL2(after, before)).toBeGreaterThan(1e-4);
  for (const name of whole.memory.statistics) expect(relativeL2(await segments.memory.read(name), await whole.memory.read(name)), name).toBeLessThan(1e-5);
  for (const name of ["visual.layer2.0.bn2.weight", "visual.conv1.weight", "visual.attnpool.c_proj.weight"])
    expect(relativeL2(await segments.memory.read(name, "gradient"), await whole.memory.read(name, "gradient")), name).toBeLessThan(1e-4);
  // Outside of steps the running statistics are taken, and stay.
  await whole.features("vision", { pixel_values: BATCH.pixel_values });
  expect(await whole.memory.read(STATISTIC)).toEqual(after);
}); // prettier-ignore
