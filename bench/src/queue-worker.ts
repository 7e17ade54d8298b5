/** A worker as a process of its own, for `queue.ts`: prints what it did as one line of JSON, with its memory after each shard. */
import { openSource } from "@chinese-clip/dataset";
import { ChineseCLIP } from "@chinese-clip/node";
import { embedJobs, indexManifest, startWorker } from "@chinese-clip/queue";

/** What the process is told. */
export interface QueueWorkerOptions {
  readonly address: string;
  readonly queue: string;
  readonly manifest: string;
  readonly output: string;
  readonly model: string;
  readonly threads: number;
}

/** What it says. */
export interface QueueWorkerReport {
  readonly images: number;
  /** Milliseconds since 1970 when its first shard began and its last one ended. */
  readonly began: number;
  readonly ended: number;
  /** Resident megabytes after each shard. */
  readonly memory: readonly number[];
}

const options = JSON.parse(process.argv[2] ?? "{}") as QueueWorkerOptions;
const manifest = await indexManifest(options.manifest);
const embedder = await ChineseCLIP.fromPretrained(options.model, { numThreads: options.threads });
let [began, ended] = [0, 0];
const memory: number[] = [];
const worker = await startWorker({
  ...embedJobs({ manifest, source: openSource(manifest.source), embedder, output: options.output }),
  address: options.address,
  queue: options.queue,
  untilEmpty: true,
  onEvent({ type }) {
    if (type === "started") began ||= Date.now();
    if (type !== "done") return;
    ended = Date.now();
    memory.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
  },
});
const { images } = await worker.closed;
console.log(JSON.stringify({ images, began, ended, memory } satisfies QueueWorkerReport));
await embedder.dispose();
