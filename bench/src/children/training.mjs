/**
 * A process of its own: gradients of a batch, some times, then losses, seconds and peak memory as JSON. Arguments: a model's folder, the setting as JSON.
 * Inputs follow from formulas that `training.py` has too.
 */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildTextGraph, buildVisionGraph, ChineseCLIPConfig, readCheckpoint } from "@chinese-clip/model";
import { createTrainingRuntime, Tensor } from "@chinese-clip/node";
import { adamWDefaults, TrainingEngine } from "@chinese-clip/training";

const [folder = "", json = "{}"] = process.argv.slice(2);
const { batch, sequence, steps, textOnly, blocks, threads } = JSON.parse(json);
const name = "model.safetensors";
const handle = await open(join(folder, name));
const read = async (start, end) => (await handle.read(new Uint8Array(end - start), 0, end - start, start)).buffer;
const checkpoint = await readCheckpoint([{ name, byteLength: (await handle.stat()).size, read }]);
const config = ChineseCLIPConfig.fromJSON(JSON.parse(await readFile(join(folder, "config.json"), "utf8")));
const { projectionDim, textConfig, visionConfig } = config;
const outputs = { kind: "features" };
const text = await buildTextGraph(textConfig, checkpoint, outputs, projectionDim);
const vision = await buildVisionGraph(visionConfig, checkpoint, outputs, projectionDim);
const runtime = createTrainingRuntime({ numThreads: threads });
const engine = await TrainingEngine.create(
  runtime,
  {
    towers: textOnly ? { text } : { text, vision },
    batch,
    sequence,
    projection: projectionDim,
    blocks,
    optimizer: adamWDefaults("visionTransformer"),
  },
  async ({ name: parameter, dims }) =>
    dims.length === 0 ? Float32Array.of(await checkpoint.scalar(parameter)) : checkpoint.values(parameter, dims),
);
await handle.close();

const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * 0.37) + Math.cos(i * 0.011));
const ids = BigInt64Array.from({ length: batch * sequence }, (_, i) =>
  BigInt(i % sequence === 0 ? 101 : 104 + ((i * 37) % (textConfig.vocabSize - 110))),
);
const dims = [batch, sequence];
const pixels = [batch, visionConfig.numChannels, visionConfig.imageSize, visionConfig.imageSize];
const feeds = {
  input_ids: new Tensor("int64", ids, dims),
  attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), dims),
  token_type_ids: new Tensor("int64", new BigInt64Array(ids.length), dims),
  ...(textOnly
    ? { image_features: new Tensor("float32", wave(batch * projectionDim), [batch, projectionDim]) }
    : { pixel_values: new Tensor("float32", wave(pixels.reduce((a, b) => a * b)), pixels) }),
};
const [seconds, losses] = [[], []];
for (let step = 0; step < steps; step++) {
  const start = performance.now();
  losses.push((await engine.gradients(feeds)).loss);
  seconds.push((performance.now() - start) / 1000);
}
console.log(JSON.stringify({ losses, seconds, norm: await engine.gradientNorm(), peak: process.resourceUsage().maxRSS * 1024 }));
await runtime.dispose();
