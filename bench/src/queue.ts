/**
 * Many machines, on one: images per second of one and two workers, what the queue costs for a shard, what Redis needs for a job, and a worker's
 * memory over 50 shards. Needs `redis-server`.
 */
import { openSource, writeManifest } from "@chinese-clip/dataset";
import { makeDrawings } from "@chinese-clip/drawings";
import { audit, enqueueShards, indexManifest, type ManifestIndex, startWorker } from "@chinese-clip/queue";
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { QueueWorkerOptions, QueueWorkerReport } from "./queue-worker.js";

const DEMO = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
const WORKER = fileURLToPath(new URL("queue-worker.ts", import.meta.url));
/** Shards whose processing does nothing: what they take is the queue's. */
const EMPTY_SHARDS = 500;
/** Jobs that Redis's memory is measured with. */
const STORED_JOBS = 20_000;
/** Images of a shard that the overhead is stated for. */
const SHARD = 1000;

/** Prints the tables. @param folder - the model. */
export async function benchQueue(folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "chinese-clip-queue-"));
  const port = await freePort();
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", scratch, "--appendonly", "yes", "--save", ""],
    {
      stdio: "ignore",
    },
  );
  const address = `redis://127.0.0.1:${port}`;
  try {
    await sleep(500);
    const rates = await benchScaling(folder, scratch, address);
    await benchOverhead(address, port, Math.max(...rates));
    await benchWorkerMemory(scratch, address);
  } finally {
    server.kill("SIGKILL");
    await rm(scratch, { recursive: true, force: true });
  }
}

/** @returns images per second of each row. */
async function benchScaling(folder: string, scratch: string, address: string): Promise<number[]> {
  const manifest = await makeManifest(scratch, "scaling", 160, 20);
  console.log("\n| processes x threads | images | images/s |\n|---|---:|---:|");
  const rates: number[] = [];
  for (const [processes, threads] of [
    [1, 1],
    [1, 2],
    [2, 1],
  ] as const) {
    const queue = `scaling-${processes}-${threads}`;
    const output = join(scratch, queue);
    await enqueueShards({ address, queue, manifest: manifest.index.digest, shards: manifest.index.ids });
    const reports = await runWorkers(processes, { address, queue, manifest: manifest.file, output, model: folder, threads });
    const seconds = (Math.max(...reports.map(({ ended }) => ended)) - Math.min(...reports.map(({ began }) => began))) / 1000;
    const images = reports.reduce((sum, report) => sum + report.images, 0);
    if (images !== 160 || !(await audit({ manifest: manifest.index, output })).clean) throw new Error(`bench: ${queue} is not complete`);
    rates.push(images / seconds);
    console.log(`| ${processes} x ${threads} | ${images} | ${(images / seconds).toFixed(1)} |`);
  }
  return rates;
}

async function benchOverhead(address: string, port: number, rate: number): Promise<void> {
  const shards = Array.from({ length: EMPTY_SHARDS }, (_, i) => `empty-${i}`);
  await enqueueShards({ address, queue: "empty", manifest: "x", shards });
  let [began, ended] = [0, 0];
  const worker = await startWorker({
    address,
    queue: "empty",
    manifest: "x",
    untilEmpty: true,
    process() {
      began ||= performance.now();
      ended = performance.now();
      return Promise.resolve({ images: 0, unreadable: 0, skipped: false });
    },
  });
  await worker.closed;
  const milliseconds = (ended - began) / (EMPTY_SHARDS - 1);
  const share = milliseconds / ((SHARD / rate) * 1000);
  if (share > 0.01) throw new Error(`bench: the queue takes ${(share * 100).toFixed(2)}% of a shard`);
  const memory = (): number => Number(/^used_memory:(\d+)/mu.exec(redis(port, "info", "memory"))?.[1]);
  const before = memory();
  const start = performance.now();
  const ids = Array.from({ length: STORED_JOBS }, (_, i) => `${String(i).padStart(5, "0")}-1f3a9c0b2d41`);
  await enqueueShards({ address, queue: "stored", manifest: "0".repeat(64), shards: ids });
  const adding = (performance.now() - start) / 1000;
  console.log("\n| the queue | |\n|---|---:|");
  console.log(`| a shard's way through it | ${milliseconds.toFixed(2)} ms |`);
  console.log(`| of a shard of ${SHARD} images at ${rate.toFixed(0)} images/s | ${(share * 100).toFixed(4)}% |`);
  console.log(`| Redis's memory for a job that waits | ${Math.round((memory() - before) / STORED_JOBS)} bytes |`);
  console.log(`| jobs added | ${Math.round(STORED_JOBS / adding)} a second |`);
}

async function benchWorkerMemory(scratch: string, address: string): Promise<void> {
  const manifest = await makeManifest(scratch, "memory", 5000, 100);
  await enqueueShards({ address, queue: "memory", manifest: manifest.index.digest, shards: manifest.index.ids });
  const output = join(scratch, "memory-out");
  const [report] = await runWorkers(1, { address, queue: "memory", manifest: manifest.file, output, model: DEMO, threads: 2 });
  const at = (shard: number): string => `${report?.memory[shard - 1] ?? "?"} MB`;
  console.log("\n| resident memory of a worker after shard | 1 | 10 | 20 | 30 | 40 | 50 |\n|---|---:|---:|---:|---:|---:|---:|");
  console.log(`| the demo checkpoint, shards of 100 | ${[1, 10, 20, 30, 40, 50].map(at).join(" | ")} |`);
}

async function makeManifest(
  scratch: string,
  name: string,
  images: number,
  shardSize: number,
): Promise<{ readonly file: string; readonly index: ManifestIndex }> {
  const folder = await mkdtemp(join(scratch, `${name}-`));
  const drawings = await makeDrawings(24, 7);
  for (let i = 0; i < images; i++)
    await writeFile(join(folder, `${String(i).padStart(5, "0")}.png`), drawings[i % drawings.length]?.bytes ?? "");
  const file = join(scratch, `${name}.manifest`);
  await writeManifest(file, openSource(`folder:${folder}`), { shardSize });
  return { file, index: await indexManifest(file) };
}

async function runWorkers(processes: number, options: QueueWorkerOptions): Promise<QueueWorkerReport[]> {
  const run = async (): Promise<QueueWorkerReport> => {
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, WORKER, JSON.stringify(options)]);
    return JSON.parse(stdout) as QueueWorkerReport;
  };
  return Promise.all(Array.from({ length: processes }, run));
}

function redis(port: number, ...command: readonly string[]): string {
  return execFileSync("redis-cli", ["-p", String(port), ...command], { encoding: "utf8" });
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
