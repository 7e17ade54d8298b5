import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { Tensor } from "onnxruntime-common";
import { afterAll, expect, it } from "vitest";
import { cutTower, featureGraph, gradientName, segmentBackward, TrainingGraph } from "../src/index.js";
import { evaluate, type Float64Tensor, tensor } from "./float64.js";
import { goldenTensors, tinyModel } from "./fixtures.js";
import { randomNumbers } from "./random.js";

const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

const B = 1;

it("gives a ResNet's gradients, along a random direction of each parameter, as float64 differences do", async () => {
  const { checkpoint, vision, config } = await tinyModel("tiny-rn50");
  const extents = { batch: B, sequence: 1, projection: config.projectionDim };
  const expected = await goldenTensors("tiny-rn50/expected.safetensors");
  const pixels = expected.get("pixel_values")!;
  const dims = [B, ...pixels.dims.slice(1)];
  const image = Float32Array.from(
    pixels.data.subarray(
      0,
      dims.reduce((a, b) => a * b),
    ) as Float32Array,
  );
  const random = randomNumbers(5);
  const weights = Float32Array.from({ length: B * config.projectionDim }, () => random() - 0.5);

  const { model, parameters, trained } = segmentBackward(cutTower(vision, true)[0]!, extents, false);
  expect(
    parameters.filter(({ name }) => !trained.some((other) => other.name === name)).every(({ name }) => name.includes(".running_")),
  ).toBe(true);
  const values = new Map<string, Float32Array>();
  for (const { name, dims: shape } of parameters) values.set(name, await checkpoint.values(name, shape));
  const feeds = Object.fromEntries(parameters.map(({ name, dims: shape }) => [name, new Tensor("float32", values.get(name)!, shape)]));
  const session = await runtime.createSession(model, { inputs: {}, outputs: {} });
  const results = await session.run({
    ...feeds,
    pixel_values: new Tensor("float32", image, dims),
    "gradient.result": new Tensor("float32", weights, [B, config.projectionDim]),
  });

  const forward = new TrainingGraph("forward");
  const { image_features: features } = forward.tower(vision, extents, { pixel_values: forward.input("pixel_values", "float32", dims) });
  const graph = forward.builder.finish();
  const inputs = new Map<string, Float64Tensor>(parameters.map(({ name, dims: shape }) => [name, tensor(shape, values.get(name)!)]));
  inputs.set("pixel_values", tensor(dims, image));
  const lossAt = (changed: ReadonlyMap<string, Float64Tensor>): number =>
    evaluate(graph, changed)
      .get(features!.name)!
      .data.reduce((sum, value, i) => sum + value * weights[i]!, 0);

  // Every kind of layer, and all of them over the runs that the seed makes.
  // A key's bias moves all scores of a query alike: its gradient is 0, and what is there is rounding.
  const chosen = trained
    .filter(({ name }) => !name.endsWith("k_proj.bias"))
    .filter(() => random() < Number(process.env["CHINESE_CLIP_TRAINING_SHARE"] ?? 0.07));
  expect(chosen.length).toBeGreaterThan(2);
  for (const { name } of chosen) {
    const { dims: shape, data } = inputs.get(name)!;
    const direction = data.map(() => random() - 0.5);
    const moved = (by: number): number =>
      lossAt(new Map(inputs).set(name, { dims: shape, data: data.map((value, i) => value + by * direction[i]!) }));
    const step = 1e-6;
    const derivative = (moved(step) - moved(-step)) / (2 * step);
    const gradient = results[gradientName(name)]!.data as Float32Array;
    const along = direction.reduce((sum, value, i) => sum + value * gradient[i]!, 0);
    const size = Math.sqrt(direction.reduce((sum, value) => sum + value ** 2, 0) * gradient.reduce((sum, value) => sum + value ** 2, 0));
    expect(Math.abs(along - derivative), name).toBeLessThan(2e-5 * size + 1e-7);
  }
}, 300_000);

it("gives a tower's own features, so that what is differentiated is the model", async () => {
  const { checkpoint, vision, config } = await tinyModel("tiny-rn50");
  const expected = await goldenTensors("tiny-rn50/expected.safetensors");
  const pixels = expected.get("pixel_values")!;
  const { model, parameters } = featureGraph("vision", vision, { batch: pixels.dims[0]!, sequence: 1, projection: config.projectionDim });
  const session = await runtime.createSession(model, { inputs: {}, outputs: {} });
  const feeds: Record<string, Tensor> = { pixel_values: new Tensor("float32", pixels.data as Float32Array, pixels.dims) };
  for (const { name, dims } of parameters) feeds[name] = new Tensor("float32", await checkpoint.values(name, dims), dims);
  const { image_features: features } = await session.run(feeds);
  const golden = expected.get("image_features")!.data as Float32Array;
  for (const [i, value] of (features!.data as Float32Array).entries()) expect(Math.abs(value - golden[i]!)).toBeLessThan(1e-4);
});
