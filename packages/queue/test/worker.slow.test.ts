/** The worker on a real Redis, with a stand-in for the embedding: what becomes of a job in each kind of trouble. */
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { DatasetError } from "@chinese-clip/dataset";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  enqueueShards,
  QueueError,
  readQueueStatus,
  retryFailedShards,
  type RunningWorker,
  startWorker,
  type WorkerEvent,
  type WorkerOptions,
} from "../src/index.js";
import { hasRedis, NO_REDIS, RedisServer } from "./redis-server.js";

const scratch = scratchFolder();
const DONE = { images: 10, unreadable: 1, skipped: false };

describe.skipIf(!hasRedis)(`a worker (${NO_REDIS})`, () => {
  let server: RedisServer;
  let count = 0;
  const workers: RunningWorker[] = [];
  beforeAll(async () => {
    server = await RedisServer.start(scratch.folder("redis"));
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close().catch(() => undefined)));
  });
  afterAll(async () => {
    await server.kill();
  });

  const fresh = (): { readonly address: string; readonly queue: string; readonly manifest: string } => ({
    address: server.address,
    queue: `test-${count++}`,
    manifest: "digest",
  });
  const start = async (options: WorkerOptions): Promise<RunningWorker> => {
    const worker = await startWorker(options);
    worker.closed.catch(() => undefined);
    workers.push(worker);
    return worker;
  };

  it("embeds each shard once, and says what it did", async () => {
    const queue = fresh();
    const shards = Array.from({ length: 25 }, (_, i) => `s-${i}`);
    expect(await enqueueShards({ ...queue, shards })).toEqual({ added: 25, existing: 0, running: [] });
    const seen: string[] = [];
    const worker = await start({
      ...queue,
      untilEmpty: true,
      process: async (shard) => {
        seen.push(shard);
        return Promise.resolve({ ...DONE, skipped: shard === "s-3" });
      },
    });
    const totals = await worker.closed;
    expect(seen.toSorted()).toEqual(shards.toSorted());
    expect(totals).toMatchObject({ shards: 25, skipped: 1, images: 240, unreadable: 24, failed: 0 });
    expect(await readQueueStatus(queue)).toMatchObject({ completed: 25, waiting: 0, active: 0, failed: 0 });
  });

  it("adds a shard once, and again when it is told to", async () => {
    const queue = fresh();
    await enqueueShards({ ...queue, shards: ["a-1", "a-2"] });
    expect(await enqueueShards({ ...queue, shards: ["a-1", "a-2", "a-3"] })).toEqual({ added: 1, existing: 2, running: [] });
    const again: boolean[] = [];
    const process: WorkerOptions["process"] = async (_, context) => {
      again.push(context.again);
      return Promise.resolve(DONE);
    };
    await (
      await start({ ...queue, untilEmpty: true, process })
    ).closed;
    expect(await enqueueShards({ ...queue, shards: ["a-2"], again: true })).toEqual({ added: 1, existing: 0, running: [] });
    await (
      await start({ ...queue, untilEmpty: true, process })
    ).closed;
    expect(again).toEqual([false, false, false, true]);
  });

  it("tries a shard again, leaves one that can never be embedded, and tries that again when told to", async () => {
    const queue = fresh();
    await enqueueShards({ ...queue, shards: ["flaky", "broken", "other-model"] });
    let flaky = 0;
    let broken = true;
    const process: WorkerOptions["process"] = async (shard) => {
      if (shard === "flaky" && flaky++ < 1) throw new Error("the disk is full at http://user:secret@host/");
      if (shard === "broken" && broken) throw new QueueError("unknown-shard", { shard });
      if (shard === "other-model" && broken) throw new DatasetError("foreign-shard", { name: "fingerprint", recorded: "a", current: "b" });
      return Promise.resolve(DONE);
    };
    const events: WorkerEvent[] = [];
    await (
      await start({ ...queue, untilEmpty: true, process, onEvent: (event) => events.push(event) })
    ).closed;
    expect(events.find(({ type }) => type === "failed")).toMatchObject({ reason: "the disk is full at http://***@host/", attempt: 1 });
    const status = await readQueueStatus(queue);
    expect(status).toMatchObject({ completed: 1, failed: 2 });
    expect(status.failures.toSorted((a, b) => (a.shard < b.shard ? -1 : 1))).toEqual([
      { shard: "broken", reason: "the job's shard broken is not in the manifest", attempts: 1 },
      { shard: "other-model", reason: expect.stringContaining("its fingerprint is a, and this run's b"), attempts: 1 },
    ]);
    broken = false;
    expect(await retryFailedShards(queue)).toBe(2);
    await (
      await start({ ...queue, untilEmpty: true, process })
    ).closed;
    expect(await readQueueStatus(queue)).toMatchObject({ completed: 3, failed: 0, failures: [] });
  });

  it("rejects jobs that others wrote, and goes on", async () => {
    const queue = fresh();
    const foreign = new Queue(queue.queue, { connection: { port: server.port } });
    await foreign.add("x", { shard: "../../etc/passwd", manifest: "digest" }, { jobId: "evil-1" });
    await foreign.add("x", { shard: "good", manifest: "other" }, { jobId: "evil-2" });
    await foreign.add("x", "text", { jobId: "evil-3" });
    await foreign.add("x", { shard: { $ne: "" }, manifest: "digest", output: "/" }, { jobId: "evil-4" });
    const client = (await foreign.getBackend().connection.client) as unknown as {
      hset(key: string, field: string, value: string): Promise<void>;
    };
    await foreign.add("x", {}, { jobId: "evil-5" });
    await client.hset(`bull:${queue.queue}:evil-5`, "data", "{ not json");
    await foreign.close();
    await enqueueShards({ ...queue, shards: ["good"] });
    const seen: string[] = [];
    const worker = await start({
      ...queue,
      process: async (shard) => {
        seen.push(shard);
        return Promise.resolve(DONE);
      },
    });
    await until(() => seen.length > 0);
    await worker.close();
    expect(seen).toEqual(["good"]);
    const { failures } = await readQueueStatus(queue);
    expect(failures.map(({ reason }) => reason).toSorted()).toEqual(
      [
        'a job of the queue is not one that enqueueShards added (expected a shard\'s id, got "../../etc/passwd")',
        'a job of the queue is not one that enqueueShards added (expected an object, got "text")',
        "a job of the queue is not one that enqueueShards added (expected a shard's id, got an object)",
        "the job is of the manifest other, and this worker's is digest; give each manifest a queue of its own",
      ].toSorted(),
    );
  });

  it("renews the lock while its thread is busy", async () => {
    const queue = fresh();
    await enqueueShards({ ...queue, shards: ["busy"] });
    const redis = new Redis(server.port);
    let left = 0;
    const worker = await start({
      ...queue,
      untilEmpty: true,
      process: async () => {
        await sleep(50); // the lock thread has heard of the job
        const end = performance.now() + 6000;
        while (performance.now() < end); // no timer runs, no socket is read
        left = await redis.pttl(`bull:${queue.queue}:busy:lock`);
        return DONE;
      },
    });
    expect(await worker.closed).toMatchObject({ shards: 1, taken: 0 });
    redis.disconnect();
    expect(left).toBeGreaterThan(5000); // of 10 s, 6 s ago
  });

  it("finishes its shard when it is told to end, and hands it back when the time for that is over", async () => {
    const queue = fresh();
    await enqueueShards({ ...queue, shards: ["one", "two", "three"] });
    let begun = 0;
    const process: WorkerOptions["process"] = async (_, { signal }) => {
      begun++;
      await sleep(begun === 1 ? 300 : 60_000, undefined, { signal });
      return DONE;
    };
    const first = await start({ ...queue, process });
    await until(() => begun === 1);
    expect(await first.close()).toMatchObject({ shards: 1, returned: 0 });
    const second = await start({ ...queue, process, graceSeconds: 0.2 });
    await until(() => begun === 2);
    expect(await second.close()).toMatchObject({ shards: 0, returned: 1 });
    expect(await readQueueStatus(queue)).toMatchObject({ completed: 1, waiting: 2, active: 0, failed: 0, delayed: 0 });
  });

  it("waits for a server that is gone, and loses nothing", async () => {
    const queue = fresh();
    await enqueueShards({ ...queue, shards: ["a-1", "a-2", "a-3"] });
    const seen: string[] = [];
    const worker = await start({
      ...queue,
      untilEmpty: true,
      process: async (shard) => {
        seen.push(shard);
        if (seen.length === 2) {
          await server.kill();
          await sleep(500);
          await server.start();
        }
        return DONE;
      },
    });
    await worker.closed;
    expect(seen).toEqual(["a-1", "a-2", "a-3"]);
    expect(await readQueueStatus(queue)).toMatchObject({ completed: 3, failed: 0 });
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}
