/** What a worker takes, does and says. */
import type { QueueOptions } from "../queue/with-queue.js";

/** How a worker embeds one shard. */
export interface ShardContext {
  /** Aborted when the shard is another worker's, or is handed back; embedding then throws its reason. */
  readonly signal: AbortSignal;
  /** Whether output that is complete is written again. */
  readonly again: boolean;
  /** Told how many of the shard's images are done, and of how many where that is known. */
  readonly onProgress: (done: number, total?: number) => void;
}

/** What became of a shard. */
export interface ShardOutcome {
  /** Rows in its output. */
  readonly images: number;
  /** Images that cannot be read. */
  readonly unreadable: number;
  /** Whether its output was complete before. */
  readonly skipped: boolean;
}

/** What a worker does. */
export interface WorkerOptions extends QueueOptions {
  /** The digest of the manifest whose shards `process` knows. */
  readonly manifest: string;
  /**
   * Embeds a shard. It is called again for a shard whose worker was lost, and has to give the same bytes.
   *
   * @throws QueueError - the shard can never be embedded: it is not tried again. Any other error: it is.
   */
  readonly process: (shard: string, context: ShardContext) => Promise<ShardOutcome>;
  /** The worker's name in the jobs that it did. */
  readonly name?: string | undefined;
  /** Seconds to finish a shard after it is told to end, before the shard is handed back. Default 120. */
  readonly graceSeconds?: number | undefined;
  /** Ends when no job waits, runs or is to be tried again. Default false: it waits for more. */
  readonly untilEmpty?: boolean | undefined;
  /** Ends the worker, as {@link RunningWorker.close} does. */
  readonly signal?: AbortSignal | undefined;
  /** Told what happens. */
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
}

/** What happens in a worker. */
export type WorkerEvent =
  | { readonly type: "started"; readonly shard: string }
  | { readonly type: "progress"; readonly shard: string; readonly done: number; readonly total: number | undefined }
  | ({ readonly type: "done"; readonly shard: string; readonly seconds: number } & ShardOutcome)
  /** An attempt failed; with `attempt` equal to `attempts` it was the last one. */
  | {
      readonly type: "failed";
      readonly shard: string;
      readonly reason: string;
      readonly error: unknown;
      readonly attempt: number;
      readonly attempts: number;
    }
  /** The shard is another worker's, since this one was silent for too long. */
  | { readonly type: "taken"; readonly shard: string }
  /** The shard was handed back, since the worker ends. */
  | { readonly type: "returned"; readonly shard: string }
  /** A shard whose worker is gone waits again. */
  | { readonly type: "stalled"; readonly shard: string }
  /** Shards failed one after the other; the worker waits. */
  | { readonly type: "resting"; readonly seconds: number }
  /** The queue's server is gone or answers with an error; the worker tries again. */
  | { readonly type: "queue-error"; readonly reason: string };

/** What a worker has done since it started. */
export interface WorkerTotals {
  /** Shards whose output is complete, those that were before included. */
  readonly shards: number;
  /** Those that were complete before. */
  readonly skipped: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Shards that another worker took over. */
  readonly taken: number;
  /** Shards that were handed back. */
  readonly returned: number;
  /** Rows that were written. */
  readonly images: number;
  /** Images that could not be read. */
  readonly unreadable: number;
  /** Seconds of its shards. */
  readonly seconds: number;
}

/** A worker that runs. */
export interface RunningWorker {
  /** Resolves when it has ended; rejects when it cannot go on. */
  readonly closed: Promise<WorkerTotals>;
  /** Takes no further shard, finishes the present one within the grace time, and ends. */
  close(): Promise<WorkerTotals>;
  /** What it has done. */
  totals(): WorkerTotals;
}
