/**
 * From process start to the first text embedding of a ViT-B/16, and what of the machine that takes. Each run is a process of its own.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "./compare.js";

interface FirstText {
  readonly importedMs: number;
  readonly loadedMs: number;
  readonly firstMs: number;
  readonly queryMs: number;
  readonly heapImported: number;
  readonly heapGrowth: number;
  /** Resident memory after the first embedding, in bytes. */
  readonly rss: number;
  readonly peakRss?: number;
  readonly anonymous?: number;
  /** The same after further queries. */
  readonly steady: { readonly rss: number; readonly peakRss?: number; readonly anonymous?: number };
  /** Byte ranges of `model.safetensors` that are mapped into the process. */
  readonly mapped?: readonly (readonly [number, number])[];
}

const RUNS = 3;
const MB = 1e6;

/** Prints the times, the JavaScript memory and the resident memory; checks that no part of the image tower is mapped. */
export async function benchFirstText(folder: string): Promise<void> {
  const child = fileURLToPath(new URL("children/first-text.mjs", import.meta.url));
  const runs: FirstText[] = [];
  const bare: number[] = [];
  for (let i = 0; i <= RUNS; i++) {
    const start = performance.now();
    await promisify(execFile)(process.execPath, ["-e", "0"]);
    const bareMs = performance.now() - start;
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", child, folder, "一只红色的猫在草地上"]);
    if (i === 0) continue; // the first one warms the page cache
    bare.push(bareMs);
    runs.push(JSON.parse(stdout) as FirstText);
  }
  const middle = (
    key: "importedMs" | "loadedMs" | "firstMs" | "queryMs" | "heapImported" | "heapGrowth" | "rss" | "peakRss" | "anonymous",
  ): number => median(runs.map((run) => run[key] ?? Number.NaN));
  const steady = (key: "rss" | "peakRss" | "anonymous"): number => median(runs.map((run) => run.steady[key] ?? Number.NaN));
  const file = await weightRanges(join(folder, "model.safetensors"));
  const seen = Math.max(...runs.map(({ mapped = [] }) => overlap(mapped, file.vision)));

  console.log(`\n### First text embedding of a process, ViT-B/16 fp32 (median of ${RUNS} processes)\n\n| what | value |\n|---|---:|`);
  for (const [what, value] of [
    ["an empty Node process, start to end", `${median(bare).toFixed(0)} ms`],
    ["process start to package imported", `${middle("importedMs").toFixed(0)} ms`],
    ["... to model ready (configuration and headers read)", `${middle("loadedMs").toFixed(0)} ms`],
    ["... to first text embedding", `${middle("firstMs").toFixed(0)} ms`],
    ["each further text query", `${middle("queryMs").toFixed(1)} ms`],
    ["JavaScript heap and external memory, growth by loading and embedding", `${(middle("heapGrowth") / MB).toFixed(1)} MB`],
    ["... by importing the package", `${(middle("heapImported") / MB).toFixed(1)} MB`],
    ["resident memory after it, at most", `${(middle("peakRss") / MB).toFixed(0)} MB`],
    ["... of it not pages of files", `${(middle("anonymous") / MB).toFixed(0)} MB`],
    ["resident memory after further queries", `${(steady("rss") / MB).toFixed(0)} MB`],
    ["... of it not pages of files", `${(steady("anonymous") / MB).toFixed(0)} MB`],
    [
      "size of the weights file / of the text tower in it",
      `${(file.size / MB).toFixed(0)} / ${((file.size - file.visionBytes) / MB).toFixed(0)} MB`,
    ],
    ["bytes of the image tower mapped", `${seen}`],
  ]) {
    console.log(`| ${what} | ${value} |`);
  }
  if (middle("heapGrowth") > 60 * MB) throw new Error("first text: JavaScript memory grew by 60 MB or more");
  if (seen > 0) throw new Error(`first text: ${seen} bytes of the image tower were mapped`);
}

/** Where the image tower's tensors lie, less a page at each end: maps are made of whole pages, so a neighbour's edge may be in one. */
async function weightRanges(path: string): Promise<{ size: number; visionBytes: number; vision: [number, number][] }> {
  const bytes = await readFile(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, dataStart)) as Record<string, { data_offsets: [number, number] }>;
  const tensors = Object.entries(header).filter(([name]) => name.startsWith("vis")).map(([, { data_offsets: range }]) => range); // prettier-ignore
  return {
    size: bytes.length,
    visionBytes: tensors.reduce((sum, [start, end]) => sum + end - start, 0),
    vision: tensors.map(([start, end]) => [dataStart + start + 4096, dataStart + end - 4096]),
  };
}

function overlap(maps: readonly (readonly [number, number])[], ranges: readonly [number, number][]): number {
  let total = 0;
  for (const [from, to] of maps) for (const [start, end] of ranges) total += Math.max(0, Math.min(to, end) - Math.max(from, start));
  return total;
}
