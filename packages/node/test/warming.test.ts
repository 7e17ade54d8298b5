/**
 * A model large enough that its weights are repacked only when it is used again.
 */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ChineseCLIPModel, Tensor } from "../dist/index.js";
import { writeRandomModel } from "./random-model.js";

const ids = new Tensor("int64", BigInt64Array.of(7n, 69_999n, 5n, 0n), [1, 4]);

let folder = "";
let workers: Worker[] = [];
const remember = (worker: Worker): void => void workers.push(worker);
beforeAll(async () => {
  // 72 MB of word embeddings around a small encoder.
  const text = { vocab_size: 70_000, hidden_size: 256, num_hidden_layers: 1, num_attention_heads: 4, intermediate_size: 64, hidden_act: "gelu", layer_norm_eps: 1e-12, max_position_embeddings: 8, type_vocab_size: 2 }; // prettier-ignore
  const vision = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8, hidden_act: "gelu", layer_norm_eps: 1e-5, num_channels: 3, image_size: 8, patch_size: 4 }; // prettier-ignore
  ({ folder } = await writeRandomModel({ projection_dim: 16, text_config: text, vision_config: vision }, 3));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  workers = [];
  process.on("worker", remember);
});
afterEach(() => process.off("worker", remember));

const features = async (model: ChineseCLIPModel): Promise<number[]> => [
  ...((await model.getTextFeatures({ inputIds: ids })).data as Float32Array),
];

describe("a large model", () => {
  it("is packed from the second run on, and gives the same numbers before, meanwhile and after", async () => {
    await using model = await ChineseCLIPModel.fromPretrained(folder);
    const first = await features(model);
    expect(workers).toHaveLength(1);
    const unpackedEnds = once(workers[0]!, "exit");
    const results = await Promise.all(Array.from({ length: 10 }, () => features(model)));
    expect(workers).toHaveLength(2);
    await unpackedEnds;
    results.push(await features(model));
    for (const result of results) for (const [i, value] of result.entries()) expect(value).toBeCloseTo(first[i] ?? Number.NaN, 5);
    expect(workers).toHaveLength(2);
  });

  it("ends both threads with dispose, also while one is being packed", async () => {
    const model = await ChineseCLIPModel.fromPretrained(folder);
    await features(model);
    await features(model);
    const ended = Promise.all(workers.map((worker) => once(worker, "exit")));
    await model.dispose();
    await ended;
    expect(workers).toHaveLength(2);
  });

  it.each([
    ["lowMemory", { lowMemory: true }],
    ["disable_prepacking", { sessionOptions: { extra: { session: { disable_prepacking: "1" } } } }],
  ])("is never packed with %s", async (_, options) => {
    await using model = await ChineseCLIPModel.fromPretrained(folder, options);
    for (let i = 0; i < 5; i++) await features(model);
    expect(workers).toHaveLength(1);
  });
});
