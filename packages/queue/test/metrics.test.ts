/** A worker's metrics: what Prometheus reads, and that the dashboard asks for nothing else. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorkerMetrics, type MetricsServer, serveMetrics, type WorkerMetrics } from "../src/index.js";

let metrics: WorkerMetrics;
let server: MetricsServer;

beforeAll(async () => {
  metrics = await createWorkerMetrics();
  server = await serveMetrics(metrics, { port: 0 });
});
afterAll(() => server.close());

describe("metrics of a worker", () => {
  it("count what happens", async () => {
    const outcome = { images: 90, unreadable: 10, skipped: false };
    metrics.onEvent({ type: "started", shard: "a" });
    metrics.onEvent({ type: "progress", shard: "a", done: 50, total: 100 });
    const during = await read();
    expect(during).toContain("chinese_clip_worker_busy 1");
    expect(during).toContain("chinese_clip_worker_shard_progress 0.5");
    metrics.onEvent({ type: "done", shard: "a", seconds: 5, ...outcome });
    metrics.onEvent({ type: "done", shard: "b", seconds: 0, ...outcome, skipped: true });
    metrics.onEvent({ type: "failed", shard: "c", reason: "x", error: new Error("x"), attempt: 1, attempts: 8 });
    metrics.onEvent({ type: "stalled", shard: "d" });
    metrics.onCounts({ waiting: 7, active: 1, delayed: 0, completed: 2, failed: 0 });
    const after = await read();
    for (const line of [
      'chinese_clip_worker_shards_total{outcome="done"} 1',
      'chinese_clip_worker_shards_total{outcome="skipped"} 1',
      'chinese_clip_worker_shards_total{outcome="failed"} 1',
      'chinese_clip_worker_images_total{outcome="embedded"} 90',
      'chinese_clip_worker_images_total{outcome="unreadable"} 10',
      "chinese_clip_worker_shard_seconds_count 1",
      'chinese_clip_worker_shard_seconds_bucket{le="10"} 1',
      "chinese_clip_worker_busy 0",
      "chinese_clip_worker_stalled_total 1",
      'chinese_clip_queue_jobs{state="waiting"} 7',
    ])
      expect(after.split("\n")).toContain(line);
  });

  it("are all that the dashboard asks for, and it shows each of ours", async () => {
    const dashboard = JSON.parse(readFileSync(new URL("../../../docs/grafana/chinese-clip-workers.json", import.meta.url), "utf8")) as {
      readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
    };
    const asked = new Set(
      dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/\b(?:chinese_clip|process)_\w+(?=\{)/gu) ?? [])),
    );
    const exported = await read();
    const names = new Set([...exported.matchAll(/^(\w+)(?:\{| )/gmu)].map(([, name = ""]) => name));
    expect([...asked].filter((name) => !names.has(name))).toEqual([]);
    const ours = [...exported.matchAll(/^# TYPE (chinese_clip_\w+)/gmu)].map(([, name = ""]) => name);
    expect(ours.length).toBeGreaterThan(5);
    expect(ours.filter((name) => ![...asked].some((one) => one.startsWith(name)))).toEqual([]);
  });
});

describe("their port", () => {
  it("answers nothing else", async () => {
    expect((await fetch(new URL("/", server.url))).status).toBe(404);
    expect((await fetch(server.url, { method: "POST" })).status).toBe(404);
  });

  it("is this machine's, and free", async () => {
    await expect(serveMetrics(metrics, { port: 0, host: "0.0.0.0" })).rejects.toMatchObject({ code: "not-loopback" });
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await expect(serveMetrics(metrics, { port })).rejects.toMatchObject({ code: "port-in-use", details: { port } });
    taken.close();
  });
});

async function read(): Promise<string> {
  return (await fetch(server.url)).text();
}
