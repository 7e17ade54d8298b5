/**
 * Metrics of a worker for Prometheus: shards and images with their rates, what failed, the queue's depth, and the process's own. prom-client is
 * loaded when they are made.
 */
import type { WorkerEvent } from "../worker/worker-types.js";
import type { JobCounts } from "../jobs/job-counts.js";

/** Seconds of a shard: a thousand images take seconds on a GPU and minutes on a processor. */
const BUCKETS = [1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600];

/** A worker's metrics. */
export interface WorkerMetrics {
  /** Counts what happened; for `onEvent` of a worker. */
  readonly onEvent: (event: WorkerEvent) => void;
  /** Notes the state of the queue. */
  readonly onCounts: (counts: JobCounts) => void;
  /** The exposition: text, and its content type. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Makes the metrics of one worker. */
export async function createWorkerMetrics(): Promise<WorkerMetrics> {
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const shards = new Counter({
    name: "chinese_clip_worker_shards_total",
    help: "Attempts at shards by outcome: done, skipped (complete before), failed, taken (by another worker), returned (at the end)",
    labelNames: ["outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "chinese_clip_worker_shard_seconds",
    help: "Seconds of a shard that was embedded",
    buckets: BUCKETS,
    registers,
  });
  const images = new Counter({
    name: "chinese_clip_worker_images_total",
    help: "Images by outcome: embedded, or unreadable",
    labelNames: ["outcome"],
    registers,
  });
  const busy = new Gauge({ name: "chinese_clip_worker_busy", help: "1 while a shard is embedded", registers });
  const progress = new Gauge({
    name: "chinese_clip_worker_shard_progress",
    help: "Share of the present shard's images that are done; 0 where their number is not known",
    registers,
  });
  const stalled = new Counter({
    name: "chinese_clip_worker_stalled_total",
    help: "Shards of lost workers that this one put back into the queue",
    registers,
  });
  const errors = new Counter({
    name: "chinese_clip_worker_queue_errors_total",
    help: "Errors of the connection to the queue's server",
    registers,
  });
  const jobs = new Gauge({ name: "chinese_clip_queue_jobs", help: "Jobs of the queue by state", labelNames: ["state"], registers });
  for (const outcome of ["done", "skipped", "failed", "taken", "returned"]) shards.inc({ outcome }, 0);
  for (const outcome of ["embedded", "unreadable"]) images.inc({ outcome }, 0);
  const end = (outcome: string): void => {
    shards.inc({ outcome });
    busy.set(0);
    progress.set(0);
  };
  return {
    onEvent(event) {
      if (event.type === "started") busy.set(1);
      else if (event.type === "progress") progress.set(event.total === undefined ? 0 : event.done / Math.max(event.total, 1));
      else if (event.type === "done") {
        end(event.skipped ? "skipped" : "done");
        if (event.skipped) return;
        seconds.observe(event.seconds);
        images.inc({ outcome: "embedded" }, event.images);
        images.inc({ outcome: "unreadable" }, event.unreadable);
      } else if (event.type === "failed" || event.type === "taken" || event.type === "returned") end(event.type);
      else if (event.type === "stalled") stalled.inc();
      else if (event.type === "queue-error") errors.inc();
    },
    onCounts(counts) {
      for (const [state, count] of Object.entries(counts)) jobs.set({ state }, count as number);
    },
    expose: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
