/**
 * A process of its own: embeds images and texts on one device, in batches that double until one takes too long, and prints a line of JSON for each. Plain
 * JavaScript, so that a machine needs the packages alone. Arguments: model folder, device, dtype, inputs as JSON with images as a file of float32, and the
 * milliseconds after which no larger batch is tried. With `log` it embeds two of each, for ONNX Runtime's log of where operators and copies are.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { ChineseCLIP, Tensor } from "@chinese-clip/node";

const [folder = "", device = "", dtype = "", inputsPath = "", limitMs = "20000", log = ""] = process.argv.slice(2);
const { texts, imagesPath, side } = JSON.parse(readFileSync(inputsPath, "utf8"));
const pixels = new Float32Array(new Uint8Array(readFileSync(imagesPath)).buffer);
const size = 3 * side * side;
const images = pixels.length / size;

const sessionOptions = { logSeverityLevel: log === "log" ? 0 : 3 };
const clip = await ChineseCLIP.fromPretrained(folder, { device, dtype, cacheDir: dirname(folder), sessionOptions });
const towers = {
  async images(count) {
    const all = new Float32Array(count * size);
    for (let i = 0; i < count; i++) all.set(pixels.subarray((i % images) * size, ((i % images) + 1) * size), i * size);
    return (await clip.model.getImageFeatures({ pixelValues: new Tensor("float32", all, [count, 3, side, side]) })).data;
  },
  texts: async (count) => (await clip.embedText(Array.from({ length: count }, (_, i) => texts[i % texts.length]))).data,
};

for (const [tower, embed] of Object.entries(towers)) {
  const begin = performance.now();
  let rows = await embed(2);
  const firstMs = performance.now() - begin;
  if (log === "log") continue;
  rows = await embed(tower === "images" ? images : texts.length);
  const timings = [];
  for (let batch = 1; batch <= 256; batch *= 4) {
    await embed(batch); // a shape's first run compiles its kernels
    const [start, deadline] = [performance.now(), performance.now() + 1000];
    let runs = 0;
    while (runs === 0 || performance.now() < deadline) {
      await embed(batch);
      runs++;
    }
    const ms = (performance.now() - start) / runs;
    timings.push({ batch, perSecond: (1000 * batch) / ms });
    if (4 * ms > Number(limitMs)) break;
  }
  console.log(JSON.stringify({ tower, firstMs, rows: [...rows], timings, peakRss: process.resourceUsage().maxRSS * 1024 }));
}
await clip.dispose();
