/** Shards of a data set as jobs of a queue, and workers that embed them. */
export { enqueueShards, type EnqueueOptions, type EnqueueSummary } from "./jobs/enqueue-shards.js";
export { type FailedShard, type QueueStatus, readQueueStatus, retryFailedShards } from "./jobs/failed-shards.js";
export type { JobCounts } from "./jobs/job-counts.js";
export type { QueueOptions } from "./queue/with-queue.js";
export { QUEUE_MESSAGES, QueueError, type QueueErrorCode, type QueueErrorDetails } from "./queue-error.js";
export { startWorker } from "./worker/start-worker.js";
export type { RunningWorker, ShardContext, ShardOutcome, WorkerEvent, WorkerOptions, WorkerTotals } from "./worker/worker-types.js";
export { audit } from "./audit/audit.js";
export { type AuditFault, type AuditFaultKind, type AuditOptions, type AuditReport, MOST_FAULTS } from "./audit/audit-types.js";
export { type MetricsServer, serveMetrics } from "./metrics/serve-metrics.js";
export { createWorkerMetrics, type WorkerMetrics } from "./metrics/worker-metrics.js";
export { indexManifest, type ManifestIndex } from "./shards/manifest-index.js";
export { embedJobs, type EmbedJobOptions } from "./worker/embed-job.js";
