/** Commands that write indexes, classifiers, training runs and queues, killed: see `kill-writer.ts`. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeDrawings } from "@chinese-clip/drawings";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { openFolderStore } from "@chinese-clip/search/node";
import { readRun } from "@chinese-clip/training/node";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { freePort, hasRedis } from "../../../queue/test/redis-server.js";
import { itSurvivesKills, tree } from "./kill-writer.js";
import { DEMO, runCli } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path, write } = scratchFolder();

beforeAll(async () => {
  const rows: string[] = [];
  for (const [i, { bytes, caption }] of (await makeDrawings(12, 8)).entries()) {
    write(`images/${i}.png`, bytes);
    write(`kinds/${i % 2 === 0 ? "猫" : "狗"}/${i}.png`, bytes);
    rows.push(`${i}.png,${caption.text}`);
  }
  write("images/pairs.csv", ["image,text", ...rows].join("\n"));
  const embedded = await runCli([
    "embed",
    "--model",
    DEMO,
    "--source",
    `folder:${PICTURES}`,
    "--output",
    path("shards"),
    "--shard-size",
    "5",
  ]);
  expect(embedded.code).toBe(0);
});

/** Embeddings of a store, by their ids; nothing where it is not begun. */
async function itemsOf(folder: string): Promise<Record<string, Float32Array>> {
  if (!existsSync(join(folder, "index.json"))) return {};
  await using store = await openFolderStore(folder, { readOnly: true });
  const items: Record<string, Float32Array> = {};
  for await (const { id, embedding } of store.scan()) items[id] = embedding.slice();
  return items;
}

itSurvivesKills(
  "index",
  {
    args: (folder) => ["index", PICTURES, "--model", DEMO, "--index", join(folder, "out")],
    contents: async (folder) => ({ ...(await itemsOf(join(folder, "out"))), ...tree(join(folder, "out", "thumbnails")) }),
  },
  path,
);
itSurvivesKills(
  "load",
  { args: (folder) => ["load", path("shards"), "--to", join(folder, "out")], contents: (folder) => itemsOf(join(folder, "out")) },
  path,
);
itSurvivesKills(
  "few-shot fit",
  {
    prepare: (folder) => cpSync(path("kinds"), join(folder, "kinds"), { recursive: true }),
    args: (folder) => ["few-shot", "fit", join(folder, "kinds"), "--model", DEMO, "--output", join(folder, "out/kinds.json")],
    contents: async (folder) => {
      const items = await itemsOf(join(folder, "kinds.index"));
      return {
        ...Object.fromEntries(Object.entries(items).map(([id, embedding]) => [basename(id), embedding])),
        ...tree(join(folder, "out")),
      };
    },
  },
  path,
);
itSurvivesKills(
  "train",
  {
    args: (folder) => {
      const data = ["train", "--model", DEMO, "--train-data", path("images/pairs.csv"), "--output", join(folder, "out")];
      return [...data, "--freeze-vision", "--batch-size", "3", "--max-steps", "8", "--save-step-frequency", "2"];
    },
    // The state and the model of an earlier step are whole, too, and no others' bytes.
    async contents(folder) {
      const run = await readRun(join(folder, "out"));
      if (run === undefined || run.savedStep !== run.totalSteps) return {};
      const { "progress.jsonl": _, ...files } = tree(join(folder, "out"));
      return files;
    },
  },
  path,
);

describe.skipIf(!hasRedis)("a queue (needs redis-server on the PATH)", () => {
  let redis: ChildProcess;
  const env: Record<string, string> = {};
  beforeAll(async () => {
    const port = await freePort();
    mkdirSync(path("redis"));
    redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", path("redis"), "--save", ""], {
      stdio: "ignore",
    });
    env["CHINESE_CLIP_QUEUE_ADDRESS"] = `redis://127.0.0.1:${port}`;
    for (let i = 0; i < 3000; i++) write(`many/${i}.png`);
    while ((await runCli(["enqueue", "--status"], env)).code !== 0);
  });
  afterAll(() => {
    redis.kill("SIGKILL");
  });

  itSurvivesKills(
    "enqueue",
    {
      env,
      args: (folder) => [
        "enqueue",
        `folder:${path("many")}`,
        "--manifest",
        join(folder, "manifest.jsonl"),
        "--shard-size",
        "2",
        "--queue",
        "killed",
      ],
      async afterWhole() {
        const { stdout } = await runCli(["enqueue", "--status", "--queue", "killed"], env);
        expect(stdout).toBe("0 done, 1500 waiting, 0 in work, 0 to be tried again, 0 failed\n");
      },
    },
    path,
  );
});
