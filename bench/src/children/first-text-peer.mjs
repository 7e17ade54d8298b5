/**
 * A process of its own: transformers.js loads a model, embeds one text, and what that took is printed as JSON. Its graph has both towers, so an
 * empty image goes with the text. Arguments: the package's module, model folder, text, dtype.
 */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const [module = "", folder = "", text = "", dtype = "fp32"] = process.argv.slice(2);
const { AutoTokenizer, ChineseCLIPModel, env, Tensor } = await import(module);
const importedMs = performance.now();
env.localModelPath = `${dirname(folder)}/`;
env.allowRemoteModels = false;
const [tokenize, model] = await Promise.all([
  AutoTokenizer.from_pretrained(basename(folder), { local_files_only: true }),
  ChineseCLIPModel.from_pretrained(basename(folder), { dtype, device: "cpu", local_files_only: true, use_external_data_format: true }),
]);
const loadedMs = performance.now();
const embed = () => model({ ...tokenize([text]), pixel_values: new Tensor("float32", new Float32Array(3 * 224 * 224), [1, 3, 224, 224]) });
const { text_embeds: embedding } = await embed();
const firstMs = performance.now();

const status = () => {
  try {
    const lines = readFileSync("/proc/self/status", "utf8");
    const bytes = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(lines)?.[1]) * 1024;
    return { rss: bytes("VmRSS"), peakRss: bytes("VmHWM"), anonymous: bytes("RssAnon") };
  } catch {
    return { rss: process.memoryUsage().rss };
  }
};
const atFirst = status();

const times = [];
for (let i = 0; i < 5; i++) {
  const start = performance.now();
  await embed();
  times.push(performance.now() - start);
}
console.log(
  JSON.stringify({ importedMs, loadedMs, firstMs, queryMs: times.toSorted((a, b) => a - b)[2], ...atFirst, steady: status(), first: embedding.data[0] }), // prettier-ignore
);
