/** What goes beyond plain steps: dropout, masked patches, adapters, a teacher, a moving average. Gradients are judged by the loss's own differences. */
import type { Graph, TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { Tensor } from "onnxruntime-common";
import { afterAll, describe, expect, it } from "vitest";
import {
  adamWDefaults,
  chooseSome,
  type EngineSettings,
  fillMask,
  isAdapter,
  isDropoutMask,
  mergedWeight,
  type Parameter,
  SEEN_TOKENS,
  TEACHER_FEATURES,
  type TrainingBatch,
  TrainingEngine,
  withAdapters,
  withDropout,
  withPatchMask,
} from "../src/index.js";
import { relativeL2, tinyModel } from "./fixtures.js";
import { goldenBatch, initialValues } from "./golden-run.js";
import { randomNumbers } from "./random.js";

const model = await tinyModel("tiny-vit");
const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

const EXTENTS = { batch: 8, sequence: 9, projection: 40 };
const LORA = { rank: 3, alpha: 5, targets: ["query", "value", "q_proj", "fc1"] };
const TEACHER = new Tensor("float32", Float32Array.from({ length: 8 * 24 }, randomNumbers(8)), [8, 24]);

const graphs = {
  dropout: { text: withDropout(model.text, 0.25), vision: model.vision },
  "masked patches": { text: model.text, vision: withPatchMask(model.vision, 0.5) },
  adapters: { text: withAdapters(model.text, LORA).graph, vision: withAdapters(model.vision, LORA).graph },
  teacher: { text: model.text, vision: model.vision },
  everything: {
    text: withDropout(withAdapters(model.text, LORA).graph, 0.25),
    vision: withPatchMask(withAdapters(model.vision, LORA).graph, 0.5),
  },
};
type Recipe = keyof typeof graphs;
const RECIPES = Object.keys(graphs) as Recipe[];
const hasAdapters = (recipe: Recipe): boolean => recipe === "adapters" || recipe === "everything";

/** The golden batch, with masks and a teacher's features. */
function batchFor(recipe: Recipe): TrainingBatch {
  const batch: Record<string, Tensor> = { ...goldenBatch(0) };
  for (const graph of Object.values(graphs[recipe])) {
    for (const name of graph.inputs) {
      const dims = (graph.values.get(name)?.dims ?? []).map((extent) => extentOf(extent));
      if (isDropoutMask(name)) {
        const mask = new Uint8Array(dims.reduce((a, b) => a * b, 1));
        fillMask(mask, 0.25, 1, ...Array.from(name, (letter) => letter.codePointAt(0)!));
        batch[name] = new Tensor("uint8", mask, dims);
      } else if (name === SEEN_TOKENS) {
        const [B = 0, seen = 0] = dims;
        const chosen = Array.from({ length: B }, (_, i) => [0, ...chooseSome(seen - 1, 16, 4, i).map((patch) => patch + 1)]);
        batch[name] = new Tensor("int64", BigInt64Array.from(chosen.flat(), BigInt), dims);
      }
    }
  }
  return recipe === "teacher" || recipe === "everything" ? { ...batch, [TEACHER_FEATURES]: TEACHER } : batch;
}

function extentOf(extent: number | string): number {
  return typeof extent === "number"
    ? extent
    : extent.split("*").reduce((all, one) => all * (one === "batch" ? 8 : one === "sequence" ? 9 : Number(one)), 1);
}

/** Adapters that do something: their second matrix is not 0. */
async function valuesOf(parameter: Parameter): Promise<Float32Array> {
  const { name, dims } = parameter;
  if (!isAdapter(name)) return initialValues(model)(parameter);
  const random = randomNumbers(name.length * 31 + (name.codePointAt(25) ?? 0));
  return Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.2 * (random() - 0.5));
}

function engineOf(recipe: Recipe, given: Partial<EngineSettings> = {}, initial = valuesOf): Promise<TrainingEngine> {
  const settings: EngineSettings = {
    ...EXTENTS,
    towers: graphs[recipe],
    optimizer: adamWDefaults("visionTransformer"),
    ...(hasAdapters(recipe) ? { trains: isAdapter } : {}),
    ...(recipe === "teacher" || recipe === "everything" ? { distillation: { weight: 0.5, dim: 24 } } : {}),
    ...given,
  };
  return TrainingEngine.create(runtime, settings, initial);
}

async function gradientsOf(engine: TrainingEngine): Promise<Map<string, Float32Array>> {
  const gradients = new Map<string, Float32Array>();
  for (const name of engine.memory.trained) gradients.set(name, await engine.memory.read(name, "gradient"));
  return gradients;
}

describe.each(RECIPES)("%s", (recipe) => {
  it("has the gradients that the loss's differences show, tensor by tensor", async () => {
    const [engine, batch] = [await engineOf(recipe), batchFor(recipe)];
    await engine.gradients(batch);
    const gradients = await gradientsOf(engine);
    expect([...gradients.keys()].every((name) => !hasAdapters(recipe) || isAdapter(name))).toBe(true);
    const length = (values: Float32Array): number => Math.hypot(...values);
    let checked = 0;
    for (const [name, gradient] of gradients) {
      const values = await valuesOf({ name, dims: engine.memory.tensor(name).dims });
      // Along its gradient the loss rises by the squared length, while the step is small beside the weights.
      const [step, square] = [(0.003 * length(values)) / length(gradient), length(gradient) ** 2];
      if (!(step * square > 1e-4)) continue; // no rise beside float32's rounding
      const moved = async (factor: number): Promise<number> => {
        await engine.memory.write(name, values.map((value, i) => value + factor * step * gradient[i]!)); // prettier-ignore
        return (await engine.gradients(batch)).loss;
      };
      const slope = ((await moved(1)) - (await moved(-1))) / (2 * step);
      await engine.memory.write(name, values);
      expect(Math.abs(slope / square - 1), name).toBeLessThan(0.05);
      checked++;
    }
    expect(checked).toBeGreaterThan(gradients.size / 4);
  });

  it.each([{ chunk: 2 }, { chunk: 4, blocks: true }])("has the same gradients with %j", async (given) => {
    const batch = batchFor(recipe);
    const [whole, parts] = [await engineOf(recipe), await engineOf(recipe, given)];
    const [a, b] = [await whole.gradients(batch), await parts.gradients(batch)];
    expect(b.loss).toBeCloseTo(a.loss, 5);
    expect(parts.memory.trained.toSorted()).toEqual(whole.memory.trained.toSorted());
    const expected = await gradientsOf(whole);
    for (const [name, gradient] of await gradientsOf(parts))
      if (!/(?:key|k_proj)\.bias$/u.test(name)) expect(relativeL2(gradient, expected.get(name)!), name).toBeLessThan(1e-4);
  });
});

describe("dropout", () => {
  it("with everything kept is the tower itself, but for what the rest is divided by", async () => {
    const features = async (text: Graph, masks: TrainingBatch): Promise<number> => {
      const engine = await TrainingEngine.create(runtime, { ...EXTENTS, towers: { text, vision: model.vision }, optimizer: adamWDefaults("visionTransformer") }, valuesOf); // prettier-ignore
      return (await engine.gradients({ ...goldenBatch(0), ...masks })).loss;
    };
    const kept = Object.fromEntries(
      Object.entries(batchFor("dropout")).map(([name, tensor]) =>
        isDropoutMask(name) ? [name, new Tensor("uint8", new Uint8Array(tensor.size).fill(1), tensor.dims)] : [name, tensor],
      ),
    );
    const rate = 2 ** -30; // 1 / (1 - rate) is 1 in float32
    expect(await features(withDropout(model.text, rate), kept)).toBe(await features(model.text, {}));
  });

  it("masks the embeddings and, in each layer, the probabilities and both results", () => {
    const masks = graphs.dropout.text.inputs.filter(isDropoutMask);
    expect(masks).toHaveLength(1 + 3 * model.config.textConfig.numHiddenLayers);
    expect(masks.slice(0, 4)).toEqual([
      "text_model.embeddings.dropout",
      "text_model.encoder.layer.0.attention.self.dropout",
      "text_model.encoder.layer.0.attention.output.dropout",
      "text_model.encoder.layer.0.output.dropout",
    ]);
  });

  it("drops the share that it is told, neighbours and steps independently", () => {
    const [a, b] = [new Uint8Array(1_000_000), new Uint8Array(1_000_000)];
    fillMask(a, 0.1, 123, 7, 1);
    fillMask(b, 0.1, 123, 8, 1);
    const dropped = (mask: Uint8Array): number => mask.reduce((sum, kept) => sum + 1 - kept, 0);
    expect(Math.abs(dropped(a) - 100_000)).toBeLessThan(1500); // 5 standard deviations
    const both = (at: (i: number) => number): number => a.reduce((sum, kept, i) => sum + (1 - kept) * at(i), 0);
    expect(Math.abs(both((i) => 1 - (a[i + 1] ?? 1)) - 10_000)).toBeLessThan(500);
    expect(Math.abs(both((i) => 1 - (a[i + 2] ?? 1)) - 10_000)).toBeLessThan(500);
    expect(Math.abs(both((i) => 1 - b[i]!) - 10_000)).toBeLessThan(500);
  });
});

describe("masked patches", () => {
  it("with a tower of any other kind are rejected", async () => {
    const { vision } = await tinyModel("tiny-rn50");
    expect(() => withPatchMask(vision, 0.5)).toThrow("maskRatio: expected a vision transformer");
    expect(() => withPatchMask(model.vision, 0.99)).toThrow("maskRatio: expected to leave one of 16 patches, got 0.99");
  });
});

describe("adapters", () => {
  it("are the layers with the merged weight", async () => {
    const batch = goldenBatch(0);
    const adapted = await engineOf("adapters");
    const merged = await engineOf("teacher", { distillation: undefined }, async (parameter) => {
      const weight = await initialValues(model)(parameter);
      const layer = parameter.name.replace(/\.weight$/u, "");
      if (!LORA.targets.some((target) => parameter.name.endsWith(`.${target}.weight`))) return weight;
      const [out = 0, into = 0] = parameter.dims;
      const a = await valuesOf({ name: `${layer}.lora_A.weight`, dims: [LORA.rank, into] });
      return mergedWeight(weight, a, await valuesOf({ name: `${layer}.lora_B.weight`, dims: [out, LORA.rank] }), LORA);
    });
    const [a, b] = [await adapted.gradients(batch), await merged.gradients(batch)];
    expect(a.loss).toBeCloseTo(b.loss, 5);
    const plain = await engineOf("teacher", { distillation: undefined });
    expect(Math.abs((await plain.gradients(batch)).loss - a.loss)).toBeGreaterThan(1e-4);
  });

  it("on layers that there are not are rejected", () => {
    expect(() => withAdapters(model.text, { rank: 2, targets: ["q_proj"] })).toThrow(
      "lora.targets: expected linear layers of the text tower, got q_proj",
    );
  });
});

describe("a teacher", () => {
  it("adds half of 1 - the mean cosine, by interpolation where its features are of another size", async () => {
    const batch = goldenBatch(0);
    const [plain, taught] = [await engineOf("teacher", { distillation: undefined }), await engineOf("teacher")];
    const images = await plain.features("vision", batch);
    const student = (row: number, column: number): number => {
      const place = Math.max(0, ((column + 0.5) * 40) / 24 - 0.5);
      const low = Math.floor(place);
      return images[row * 40 + low]! * (1 - (place - low)) + images[row * 40 + Math.min(low + 1, 39)]! * (place - low);
    };
    let cosines = 0;
    for (let row = 0; row < 8; row++) {
      const [s, t] = [Array.from({ length: 24 }, (_, i) => student(row, i)), TEACHER.data.subarray(row * 24, (row + 1) * 24)]; // prettier-ignore
      cosines += s.reduce((sum, value, i) => sum + value * t[i]!, 0) / Math.hypot(...s) / Math.hypot(...t);
    }
    const [a, b] = [await plain.gradients(batch), await taught.gradients(batchFor("teacher"))];
    expect(b.loss - a.loss).toBeCloseTo(0.5 * (1 - cosines / 8), 4);
  });
});

describe("a moving average", () => {
  it("follows the weights, and is what features are of", async () => {
    const engine = await engineOf("teacher", { distillation: undefined, averageDecay: 0.75 });
    const name = "visual_projection.weight";
    let expected = await engine.memory.read(name);
    const batch = goldenBatch(0);
    const before = await engine.features("vision", batch);
    for (let step = 1; step <= 3; step++) {
      await engine.gradients(batch);
      await engine.update(step, 1e-2);
      const weights = await engine.memory.read(name);
      expected = expected.map((value, i) => 0.75 * value + 0.25 * weights[i]!);
    }
    const average = await engine.memory.read(name, "average");
    expect(relativeL2(average, expected)).toBeLessThan(1e-6);
    const averaged = await engineOf("teacher", { distillation: undefined }, ({ name: other }) => engine.memory.read(other, engine.memory.isTrained(other) ? "average" : "parameter")); // prettier-ignore
    const features = await engine.features("vision", batch);
    expect(relativeL2(features, await averaged.features("vision", batch))).toBeLessThan(1e-5);
    expect(relativeL2(features, before)).toBeGreaterThan(1e-3);
  });
});
