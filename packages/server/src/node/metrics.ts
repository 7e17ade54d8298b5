/**
 * Metrics for Prometheus, by prom-client: requests, inputs, the queue, and the process's own.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ServerMetrics } from "../options.js";

/** Seconds of a request: a text in the cache takes one millisecond, a batch of images some seconds. */
const BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

/** Methods that are counted by name; a caller may send any word. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/** Makes the metrics of one server. */
export function createMetrics(): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "chinese_clip_requests_total",
    help: "Requests that were answered",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "chinese_clip_request_seconds",
    help: "Seconds until a request was answered",
    labelNames: ["route"],
    buckets: BUCKETS,
    registers,
  });
  const inputs = new Counter({
    name: "chinese_clip_inputs_total",
    help: "Texts and images: embedded, or found in the cache",
    labelNames: ["kind"],
    registers,
  });
  const queue = new Gauge({
    name: "chinese_clip_queue",
    help: "Requests that are worked on, and that wait",
    labelNames: ["state"],
    registers,
  });
  return {
    request({ method, route, status, seconds: value }) {
      requests.inc({ method: METHODS.includes(method) ? method : "other", route, status });
      seconds.observe({ route }, value);
    },
    inputs: (kind, count) => inputs.inc({ kind }, count),
    queue(working, waiting) {
      queue.set({ state: "working" }, working);
      queue.set({ state: "waiting" }, waiting);
    },
    expose: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
