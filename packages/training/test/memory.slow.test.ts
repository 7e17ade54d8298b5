import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect, it } from "vitest";
import { DRAWINGS, drawingPath } from "./drawings.js";

const CHILD = fileURLToPath(new URL("memory-child.mjs", import.meta.url));
const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));

const scratch = scratchFolder();
const pairs = scratch.write(
  "pairs.jsonl",
  DRAWINGS.map(({ file, caption }) => `${JSON.stringify({ image: drawingPath(file), text: caption })}\n`).join(""),
);

it.each([
  { batchSize: 48 },
  { batchSize: 48, blocks: true },
  { batchSize: 48, blocks: true, chunkSize: 12 },
  { batchSize: 48, freeze: "vision" },
  { batchSize: 24, freeze: "text" },
  { batchSize: 48, emaDecay: 0.99 },
  { batchSize: 48, lora: { rank: 8 } },
])(
  "estimates the peak of a process that trains with %j within 15%",
  async (options) => {
    const output = scratch.path(JSON.stringify(options).replaceAll(/\W/gu, "-"));
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, DEMO, pairs, output, JSON.stringify({ ...options, steps: 6, numThreads: 2 })]); // prettier-ignore
    const { memory, peak } = JSON.parse(stdout) as { memory: number; peak: number };
    expect(memory / peak).toBeGreaterThan(0.85);
    expect(memory / peak).toBeLessThan(1.15);
  },
  120_000,
);
