/** The runs of `fixtures/training`: 32 pairs, batches of 8, both towers or the text tower alone. */
import type { TrainingRuntime } from "@chinese-clip/model";
import { Tensor } from "onnxruntime-common";
import { adamWDefaults, featureGraph, learningRateAt, type Parameter, type TrainingBatch, TrainingEngine } from "../src/index.js";
import { goldenJson, goldenTensors, type TinyModel } from "./fixtures.js";

export type Case = "both" | "frozen-vision";
const BATCH = 8;
const EXTENTS = { batch: BATCH, sequence: 9, projection: 40 };

interface Trajectory {
  readonly steps: number;
  readonly learning_rate: number;
  readonly warmup: number;
  readonly lr: readonly number[];
  readonly both: { readonly loss: readonly number[]; readonly logit_scale: readonly number[] };
  readonly "frozen-vision": { readonly loss: readonly number[]; readonly logit_scale: readonly number[] };
}

export const trajectory = (await goldenJson("training/trajectory.json")) as Trajectory;
const pairs = await goldenTensors("training/pairs.safetensors");

export function initialValues({ checkpoint }: TinyModel): (parameter: Parameter) => Promise<Float32Array> {
  return ({ name, dims }) => checkpoint.values(name, dims);
}

/** A step's batch: pairs (8 k + j) mod 32. */
export function goldenBatch(step: number, imageFeatures?: Float32Array): TrainingBatch {
  const first = (BATCH * step) % 32;
  const rows = (name: string): Tensor => {
    const { data, dims } = pairs.get(name)!;
    const row = data.length / dims[0]!;
    const part = data.slice(first * row, (first + BATCH) * row);
    return new Tensor(part instanceof BigInt64Array ? "int64" : "float32", part as never, [BATCH, ...dims.slice(1)]);
  };
  const ids = rows("input_ids");
  const texts = {
    input_ids: ids,
    attention_mask: rows("attention_mask"),
    token_type_ids: new Tensor("int64", new BigInt64Array(ids.size), ids.dims),
  };
  if (imageFeatures === undefined) return { ...texts, pixel_values: rows("pixel_values") };
  return { ...texts, image_features: new Tensor("float32", imageFeatures.slice(first * 40, (first + BATCH) * 40), [BATCH, 40]) };
}

/** The image tower's features of all pairs, where it is frozen. */
async function featuresOfImages(runtime: TrainingRuntime, model: TinyModel): Promise<Float32Array> {
  const { model: graph, parameters } = featureGraph("vision", model.vision, { ...EXTENTS, batch: 32 });
  const session = await runtime.createSession(graph, { inputs: {}, outputs: {} });
  const { data, dims } = pairs.get("pixel_values")!;
  const feeds: Record<string, Tensor> = { pixel_values: new Tensor("float32", data as Float32Array, dims) };
  for (const parameter of parameters) feeds[parameter.name] = new Tensor("float32", await initialValues(model)(parameter), parameter.dims);
  const results = await session.run(feeds);
  await session.dispose();
  return results["image_features"]!.data as Float32Array;
}

/** How a step is computed. */
export interface Plan {
  readonly chunk?: number;
  readonly blocks?: boolean;
}

/** One graph, chunks of whole towers, and blocks. */
export const PLANS: readonly Plan[] = [{}, { chunk: 2 }, { blocks: true }, { blocks: true, chunk: 2 }];

/** An engine of a case, and its frozen features. */
export async function goldenEngine(
  runtime: TrainingRuntime,
  model: TinyModel,
  kind: Case,
  plan: Plan = {},
): Promise<{ engine: TrainingEngine; features: Float32Array | undefined }> {
  const towers = kind === "both" ? { text: model.text, vision: model.vision } : { text: model.text };
  const settings = { ...EXTENTS, ...plan, towers, optimizer: adamWDefaults("visionTransformer") };
  const features = kind === "both" ? undefined : await featuresOfImages(runtime, model);
  return { engine: await TrainingEngine.create(runtime, settings, initialValues(model)), features };
}

/** Trains. @returns each step's loss and, after it, the logarithm of the scale; and all parameters at the end. */
export async function goldenRun(
  runtime: TrainingRuntime,
  model: TinyModel,
  kind: Case,
  { steps = trajectory.steps, ...plan }: Plan & { readonly steps?: number } = {},
): Promise<{ losses: number[]; scales: number[]; parameters: Map<string, Float32Array> }> {
  const { engine, features } = await goldenEngine(runtime, model, kind, plan);
  const [losses, scales]: [number[], number[]] = [[], []];
  const schedule = { learningRate: trajectory.learning_rate, warmup: trajectory.warmup, steps: trajectory.steps };
  for (let step = 0; step < steps; step++) {
    const { loss } = await engine.gradients(goldenBatch(step, features));
    await engine.update(step + 1, learningRateAt(schedule, step));
    losses.push(loss);
    scales.push(await engine.logitScale());
  }
  const parameters = new Map<string, Float32Array>();
  for (const name of engine.memory.names) parameters.set(name, await engine.memory.read(name));
  return { losses, scales, parameters };
}
