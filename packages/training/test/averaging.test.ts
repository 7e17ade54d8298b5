/** Two workers, each a process of its own, average through a folder; a dead one, and what is no worker's file, is left out. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { trainingPlatform } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { describe, expect, it } from "vitest";
import { train, type TrainingEvent } from "../src/node/index.js";
import { DRAWINGS, drawingPath, drawings, TINY_MODEL } from "./drawings.js";

const CHILD = fileURLToPath(new URL("train-child.mjs", import.meta.url));
const scratch = scratchFolder();
const pairs = scratch.write(
  "pairs.jsonl",
  DRAWINGS.map(({ file, caption }) => `${JSON.stringify({ image: drawingPath(file), text: caption })}\n`).join(""),
);
const COMMON = { batchSize: 8, steps: 6, learningRate: 1e-3, freeze: "vision", numThreads: 1 } as const;

function worker(name: string, seed: number): Promise<TrainingEvent[]> {
  const options = { ...COMMON, seed, averaging: { folder: scratch.path("shared"), worker: name, every: 3, workers: 2, patience: 60 } };
  const child = spawn(process.execPath, [CHILD, pairs, scratch.path(name), JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on(
      "close",
      (code) =>
      code === 0 ? resolve(text.trimEnd().split("\n").map((line) => JSON.parse(line) as TrainingEvent)) : reject(new Error(`exit code ${code}`)), // prettier-ignore
    );
  });
}

const averages = (events: readonly TrainingEvent[]): unknown[] =>
  events.flatMap((event) => (event.type === "averaged" ? [[event.step, event.workers]] : []));

describe("averaging", () => {
  it("leaves two workers with the same weights", async () => {
    const [a, b] = await Promise.all([worker("a", 1), worker("b", 2)]);
    expect(averages(a)).toEqual([
      [3, ["a", "b"]],
      [6, ["a", "b"]],
    ]);
    expect(averages(b)).toEqual(averages(a));
    const lossesOf = (events: readonly TrainingEvent[]): number[] => events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    expect(lossesOf(a)).not.toEqual(lossesOf(b)); // each has batches of its own
    const [first, second] = ["a", "b"].map((name) => readFileSync(scratch.path(`${name}/model.safetensors`)));
    expect(first!.equals(second!)).toBe(true);
  }, 60_000);

  it("goes on without a dead worker, and without what is damaged", async () => {
    const folder = scratch.path("alone");
    mkdirSync(`${folder}/round-00000001`, { recursive: true });
    writeFileSync(`${folder}/round-00000001/broken.safetensors`, "no weights");
    const events: TrainingEvent[] = [];
    const averaging = { folder, worker: "c", every: 1, workers: 3, patience: 0.3 };
    for await (const event of train({ ...COMMON, steps: 4, platform: trainingPlatform, model: TINY_MODEL, data: drawings(), output: scratch.path("c"), averaging })) events.push(event); // prettier-ignore
    expect(averages(events)).toEqual([1, 2, 3, 4].map((step) => [step, ["c"]]));
    expect(readdirSync(folder).filter((round) => readdirSync(`${folder}/${round}`).includes("c.safetensors"))).toEqual([
      "round-00000003",
      "round-00000004",
    ]);
  });

  it("rejects a name that is none, and adapters", async () => {
    const options = { ...COMMON, platform: trainingPlatform, model: TINY_MODEL, data: drawings(), output: scratch.path("d") };
    const averaging = { folder: scratch.path("x"), worker: "../d", every: 1, workers: 2 };
    await expect(train({ ...options, averaging }).next()).rejects.toThrow("averaging.worker: expected 1 to 100 letters");
    const named = { ...averaging, worker: "d" };
    await expect(train({ ...options, averaging: named, lora: { rank: 2 } }).next()).rejects.toThrow("averaging: expected weights");
  });
});
