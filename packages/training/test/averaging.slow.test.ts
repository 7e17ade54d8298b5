/** Two workers, each a process of its own, average through a folder or a bucket; a dead one, and what is no worker's file, is left out. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { trainingPlatform } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, type S3Server, startS3 } from "../../dataset/test/store/s3-server.js";
import { train, type TrainingEvent } from "../src/node/index.js";
import { DRAWINGS, drawingPath, drawings, TINY_MODEL } from "./drawings.js";

const CHILD = fileURLToPath(new URL("train-child.mjs", import.meta.url));
const scratch = scratchFolder();
const pairs = scratch.write(
  "pairs.jsonl",
  DRAWINGS.map(({ file, caption }) => `${JSON.stringify({ image: drawingPath(file), text: caption })}\n`).join(""),
);
const COMMON = { batchSize: 8, steps: 6, learningRate: 1e-3, freeze: "vision", numThreads: 1 } as const;

function worker(folder: string, output: string, name: string, seed: number): Promise<TrainingEvent[]> {
  const options = { ...COMMON, seed, averaging: { folder, worker: name, every: 3, workers: 2, patience: 60 } };
  const child = spawn(process.execPath, [CHILD, pairs, output, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
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
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server.close());

  it.each(["a folder", "a bucket"])(
    "leaves two workers with the same weights, through %s",
    async (kind) => {
      const folder = kind === "a folder" ? scratch.path("shared") : `s3://data/average?endpoint=${server.endpoint}`;
      const outputOf = (name: string): string => scratch.path(`${kind}/${name}`);
      const [a, b] = await Promise.all([worker(folder, outputOf("a"), "a", 1), worker(folder, outputOf("b"), "b", 2)]);
      expect(averages(a)).toEqual([
        [3, ["a", "b"]],
        [6, ["a", "b"]],
      ]);
      expect(averages(b)).toEqual(averages(a));
      const lossesOf = (events: readonly TrainingEvent[]): number[] =>
        events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
      expect(lossesOf(a)).not.toEqual(lossesOf(b)); // each has batches of its own
      const [first, second] = ["a", "b"].map((name) => readFileSync(`${outputOf(name)}/model.safetensors`));
      expect(first!.equals(second!)).toBe(true);
      const files = ["round-00000001/a", "round-00000001/b", "round-00000002/a", "round-00000002/b"].map((name) => `${name}.safetensors`);
      if (kind === "a folder")
        expect(
          readdirSync(folder, { recursive: true })
            .map(String)
            .filter((name) => name.includes("/"))
            .toSorted(),
        ).toEqual(files);
      else expect([...server.buckets.get("data")!.keys()].toSorted()).toEqual(files.map((name) => `average/${name}`));
    },
    60_000,
  );

  it("saves what is done when it is interrupted while it waits", async () => {
    const controller = new AbortController();
    const averaging = { folder: scratch.path("interrupted"), worker: "a", every: 2, workers: 2, patience: 60 };
    const options = { ...COMMON, platform: trainingPlatform, model: TINY_MODEL, data: drawings(), output: scratch.path("i"), averaging };
    const events: TrainingEvent[] = [];
    const run = (async () => {
      for await (const event of train({ ...options, signal: controller.signal })) {
        events.push(event);
        if (event.type === "step" && event.step === 2) setTimeout(() => controller.abort(new Error("enough")), 200);
      }
    })();
    await expect(run).rejects.toThrow("enough");
    expect(events.at(-1)).toMatchObject({ type: "saved", step: 2 });
  });

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
