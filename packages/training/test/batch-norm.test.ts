import { createTrainingRuntime } from "@chinese-clip/node";
import { Tensor } from "onnxruntime-common";
import { afterAll, expect, it } from "vitest";
import { trainingBatchNorm } from "../src/gradient/batch-statistics.js";
import { gradientName, TrainingGraph } from "../src/index.js";
import { relativeL2 } from "./fixtures.js";
import { randomNumbers } from "./random.js";

const runtime = createTrainingRuntime({ numThreads: 1 });
afterAll(() => runtime.dispose());

const [B, C, H, W] = [3, 2, 4, 5];
const EPSILON = 1e-5;
const random = randomNumbers(9);
const numbers = (length: number): number[] => Array.from({ length }, () => 4 * random() - 1.5);
const [x, weight, bias, dy] = [numbers(B * C * H * W), numbers(C), numbers(C), numbers(B * C * H * W)];
const [mean, variance] = [numbers(C), numbers(C).map(Math.abs)];

/** The definition, in float64: normalised values, and each channel's mean and unbiased variance. */
function batchNorm(values: readonly number[], scales: readonly number[], shifts: readonly number[]): { y: number[]; means: number[]; variances: number[] } {
  const y = Array.from(values, () => 0);
  const [means, variances]: [number[], number[]] = [[], []];
  for (let c = 0; c < C; c++) {
    const places = values.flatMap((_, i) => (Math.floor(i / (H * W)) % C === c ? [i] : []));
    const center = places.reduce((sum, i) => sum + values[i]!, 0) / places.length;
    const squares = places.reduce((sum, i) => sum + (values[i]! - center) ** 2, 0);
    for (const i of places) y[i] = ((values[i]! - center) / Math.sqrt(squares / places.length + EPSILON)) * scales[c]! + shifts[c]!;
    means.push(center);
    variances.push(squares / (places.length - 1));
  }
  return { y, means, variances };
} // prettier-ignore

it("normalises by the batch, has its gradients, and moves the running statistics as PyTorch does", async () => {
  const training = new TrainingGraph("batch norm");
  const channel = (name: string): ReturnType<TrainingGraph["parameter"]> => training.parameter(name, [C]);
  const input = training.input("x", "float32", [B, C, H, W]);
  const inputs = { x: input, weight: channel("weight"), bias: channel("bias"), runningMean: channel("a.running_mean"), runningVariance: channel("a.running_var"), epsilon: EPSILON }; // prettier-ignore
  const normed = trainingBatchNorm(training.builder, inputs);
  for (const [name, value] of Object.entries(normed)) training.builder.output(name, value);
  training.gradients([{ result: normed.y, gradient: training.input("dy", "float32", [B, C, H, W]) }], [input]);
  const session = await runtime.createSession(training.encode().model, { inputs: {}, outputs: {} });
  const image = (values: readonly number[]): Tensor => new Tensor("float32", Float32Array.from(values), [B, C, H, W]);
  const vector = (values: readonly number[]): Tensor => new Tensor("float32", Float32Array.from(values), [C]);
  const feeds = { x: image(x), dy: image(dy), weight: vector(weight), bias: vector(bias), "a.running_mean": vector(mean), "a.running_var": vector(variance) }; // prettier-ignore
  const results = await session.run(feeds);
  const given = (name: string): Float32Array => results[name]!.data as Float32Array;

  const { y, means, variances } = batchNorm(x, weight, bias);
  expect(relativeL2(given("y"), y)).toBeLessThan(1e-6);
  const moved = (running: readonly number[], batch: readonly number[]): number[] =>
    running.map((value, c) => 0.9 * value + 0.1 * batch[c]!);
  expect(relativeL2(given("runningMean"), moved(mean, means))).toBeLessThan(1e-6);
  expect(relativeL2(given("runningVariance"), moved(variance, variances))).toBeLessThan(1e-6);

  const difference = (values: readonly number[], loss: (changed: number[]) => { y: number[] }): number[] =>
    values.map((value, i) => {
      const at = (by: number): number => loss(values.with(i, value + by)).y.reduce((sum, result, j) => sum + result * dy[j]!, 0);
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
  expect(
    relativeL2(
      given(gradientName("x")),
      difference(x, (changed) => batchNorm(changed, weight, bias)),
    ),
  ).toBeLessThan(5e-6);
  expect(
    relativeL2(
      given(gradientName("weight")),
      difference(weight, (changed) => batchNorm(x, changed, bias)),
    ),
  ).toBeLessThan(5e-6);
  expect(
    relativeL2(
      given(gradientName("bias")),
      difference(bias, (changed) => batchNorm(x, weight, changed)),
    ),
  ).toBeLessThan(5e-6);
});
