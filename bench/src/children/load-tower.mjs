/**
 * A process of its own: loads one tower of a model, runs it once, and prints what that took as JSON. Arguments: model file, `text` or `vision`.
 */
import { readFileSync } from "node:fs";

const [source = "", tower = ""] = process.argv.slice(2);
const { ChineseCLIPModel, Tensor } = await import("@chinese-clip/node");
const rss = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
const rssBefore = rss("VmRSS");
const start = performance.now();
const model = await ChineseCLIPModel.fromPretrained(source);
const loadedMs = performance.now() - start;
if (tower === "text") {
  await model.getTextFeatures({ inputIds: new Tensor("int64", BigInt64Array.of(101n, 2000n, 3000n, 102n), [1, 4]) });
} else {
  const { imageSize } = model.config.visionConfig;
  await model.getImageFeatures({
    pixelValues: new Tensor("float32", new Float32Array(3 * imageSize * imageSize), [1, 3, imageSize, imageSize]),
  });
}
const firstMs = performance.now() - start;
const peakRss = rss("VmHWM");
const { readCheckpoint } = await import("@chinese-clip/model");
console.log(JSON.stringify({ loadedMs, firstMs, rssBefore, peakRss, parameters: await parameterCount(source) }));
await model.dispose();

/** By the checkpoint's own shapes, running statistics of batch norms not counted. */
async function parameterCount(path) {
  const { open, stat } = await import("node:fs/promises");
  const handle = await open(path);
  try {
    const read = async (from, to) => {
      const bytes = new Uint8Array(to - from);
      await handle.read(bytes, 0, bytes.length, from);
      return bytes;
    };
    const { tensors } = await readCheckpoint([{ name: "weights", byteLength: (await stat(path)).size, read }]);
    return [...tensors].filter(([name]) => !name.includes("running_")).reduce((sum, [, { shape }]) => sum + shape.reduce((a, b) => a * b, 1), 0); // prettier-ignore
  } finally {
    await handle.close();
  }
}
