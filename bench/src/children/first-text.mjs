/**
 * A process of its own: loads a model, embeds one text, and prints what that took as JSON. Plain JavaScript, so that nothing but the
 * package under test is loaded. Arguments: model folder, text, dtype, `lowMemory` or nothing, seconds of queries after the first.
 */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const [folder = "", text = "", dtype = "fp32", memory = "", seconds = "6"] = process.argv.slice(2);
const heap = () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const heapAtStart = heap();
const { ChineseCLIP } = await import("@chinese-clip/node");
const importedMs = performance.now();
const heapImported = heap();
const clip = await ChineseCLIP.fromPretrained(folder, { dtype, cacheDir: dirname(folder), lowMemory: memory === "lowMemory" });
const loadedMs = performance.now();
const { data } = await clip.embedText(text);
const firstMs = performance.now();
const heapAfter = heap();

const status = () => {
  try {
    const lines = readFileSync("/proc/self/status", "utf8");
    const bytes = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(lines)?.[1]) * 1024;
    const weights = readFileSync("/proc/self/maps", "utf8").split("\n").filter((line) => basename(line) === "model.safetensors"); // prettier-ignore
    const mapped = weights.map((line) => {
      const [, from, to, offset] = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+)/.exec(line).map((part) => Number.parseInt(part, 16));
      return [offset, offset + to - from];
    });
    return { rss: bytes("VmRSS"), peakRss: bytes("VmHWM"), anonymous: bytes("RssAnon"), mapped };
  } catch {
    return { rss: process.memoryUsage().rss };
  }
};
const atFirst = status();

// Six seconds are long enough for a packed session to have taken over.
const times = [];
for (const start = performance.now(); performance.now() - start < 1000 * seconds;) {
  const before = performance.now();
  await clip.embedText(text);
  times.push(performance.now() - before);
}
const last = times.slice(-21).toSorted((a, b) => a - b);
const steady = status();
console.log(
  JSON.stringify({ importedMs, loadedMs, firstMs, queryMs: last[last.length >> 1], heapImported: heapImported - heapAtStart, heapGrowth: heapAfter - heapImported, ...atFirst, steady, first: data[0] }), // prettier-ignore
);
await clip.dispose();
