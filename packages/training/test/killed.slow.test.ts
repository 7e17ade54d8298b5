import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DRAWINGS, drawingPath, TINY_MODEL } from "./drawings.js";
import { randomNumbers } from "./random.js";

const CHILD = fileURLToPath(new URL("train-child.mjs", import.meta.url));
const KILLS = Number(process.env["CHINESE_CLIP_TRAINING_KILLS"] ?? 3);
const STEPS = 60;
const COMMON = { batchSize: 8, steps: STEPS, learningRate: 1e-3, saveEvery: 4, numThreads: 2 };
/** Nothing that a step follows from may be forgotten: the frozen features in one run, in the other one all that is random and all that is averaged. */
const RUNS = {
  "a frozen tower": { ...COMMON, freeze: "vision" },
  everything: {
    ...COMMON,
    chunkSize: 4,
    blocks: true,
    dropout: 0.2,
    maskRatio: 0.25,
    lora: { rank: 2 },
    emaDecay: 0.9,
    augment: true,
    maxGradientNorm: 1,
    distillation: { teacher: TINY_MODEL },
  },
};

const scratch = scratchFolder();
const pairs = scratch.write(
  "pairs.jsonl",
  DRAWINGS.map(({ file, caption }) => `${JSON.stringify({ image: drawingPath(file), text: caption })}\n`).join(""),
);

/** Starts a run, and kills it after so many events and milliseconds. @returns whether it was killed before its end. */
function killedAfter(output: string, options: string, events: number, milliseconds: number): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, pairs, output, options], { stdio: ["ignore", "pipe", "inherit"] });
  let left = events;
  child.stdout.on("data", (text: Buffer) => {
    const before = left;
    left -= text.toString().split("\n").length - 1;
    if (before > 0 && left <= 0) setTimeout(() => child.kill("SIGKILL"), milliseconds);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) =>
      signal === "SIGKILL" ? resolve(true) : code === 0 ? resolve(false) : reject(new Error(`exit code ${code}`)),
    );
  });
}

/** The lines of a run without what differs from run to run. */
function linesOf(output: string): unknown[] {
  const lines = readFileSync(join(output, "progress.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => ({ ...(JSON.parse(line) as object), seconds: undefined }));
}

it.each(Object.entries(RUNS))(
  `with %s ends with the same bits when it is killed ${KILLS} times`,
  async (name, given) => {
    const options = JSON.stringify(given);
    const [undisturbed, killed] = [scratch.path(`undisturbed ${name}`), scratch.path(`killed ${name}`)];
    await promisify(execFile)(process.execPath, [CHILD, pairs, undisturbed, options]);
    const random = randomNumbers(KILLS);
    for (let kill = 0; kill < KILLS; kill++)
      await killedAfter(killed, options, 1 + Math.floor((random() * 2 * STEPS) / KILLS), random() * 20);
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, pairs, killed, options]);
    const [started = ""] = stdout.split("\n");
    expect(JSON.parse(started)).toMatchObject({ type: "started", steps: STEPS });
    for (const file of ["state.safetensors", "model.safetensors", "config.json"])
      expect(readFileSync(join(killed, file)).equals(readFileSync(join(undisturbed, file))), file).toBe(true);
    expect(linesOf(killed)).toEqual(linesOf(undisturbed));
  },
  300_000,
);
