/**
 * A manifest's shards as jobs. Adding is idempotent: a job's id is its shard's, and a finished job stays in the queue, so that the command can be
 * run again after a kill and adds what is missing.
 */
import type { Queue } from "bullmq";
import { withQueue } from "../queue/with-queue.js";
import type { QueueOptions } from "../queue/with-queue.js";
import { JOB_NAME, jobIdOf, type ShardJob } from "./shard-job.js";
import { countJobs } from "./job-counts.js";

/** Jobs that are added in one round trip: a manifest of any size takes the memory of so many. */
const JOBS_PER_CALL = 1000;

/** How often a shard is tried before its job counts as failed: for a little over two minutes in all. */
const ATTEMPTS = 8;

/** Milliseconds from the first failure to the second attempt; each further one waits twice as long, less up to a half by chance. */
const FIRST_BACKOFF_MS = 1000;

/** What is added. */
export interface EnqueueOptions extends QueueOptions {
  /** The manifest's digest, by which a worker knows that a job is of its manifest. */
  readonly manifest: string;
  /** Ids of shards, each once. */
  readonly shards: Iterable<string> | AsyncIterable<string>;
  /** Adds shards that were done, or failed, once more, and has their output written again. Default false. */
  readonly again?: boolean | undefined;
  /** Ends it with its reason; what was added stays. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many shards have been looked at. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** What was added. */
export interface EnqueueSummary {
  /** Jobs that are new in the queue. */
  readonly added: number;
  /** Jobs that were there before. */
  readonly existing: number;
  /** With `again`: shards that a worker embeds at the moment, which were left alone. */
  readonly running: readonly string[];
}

/**
 * Adds the shards of a manifest to a queue.
 *
 * @throws QueueError - the server or the name cannot be used; the signal's reason.
 */
export async function enqueueShards(options: EnqueueOptions): Promise<EnqueueSummary> {
  const { manifest, shards, again = false, signal, onProgress } = options;
  return withQueue(options, async (queue) => {
    const before = await totalOf(queue);
    const running: string[] = [];
    let [done, replaced] = [0, 0];
    let chunk: string[] = [];
    const flush = async (): Promise<void> => {
      signal?.throwIfAborted();
      const fresh: string[] = [];
      for (const shard of chunk) {
        if (!again) fresh.push(shard);
        else if ((await queue.getJob(jobIdOf(shard))) === undefined) fresh.push(shard);
        else if (await removeJob(queue, shard)) {
          fresh.push(shard);
          replaced++;
        } else running.push(shard);
      }
      await queue.addBulk(fresh.map((shard) => jobOf(again ? { shard, manifest, again } : { shard, manifest })));
      done += chunk.length;
      chunk = [];
      onProgress?.(done);
    };
    for await (const shard of shards) {
      chunk.push(shard);
      // A job that is replaced is out of the queue for a moment: of those, one at a time.
      if (chunk.length >= (again ? 1 : JOBS_PER_CALL)) await flush();
    }
    if (chunk.length > 0) await flush();
    const added = Math.max(0, (await totalOf(queue)) - before) + replaced;
    return { added, existing: done - added - running.length, running };
  });
}

/** A job as BullMQ takes it. */
export function jobOf(data: ShardJob): Parameters<Queue["addBulk"]>[0][number] {
  return {
    name: JOB_NAME,
    data,
    opts: {
      jobId: jobIdOf(data.shard),
      attempts: ATTEMPTS,
      backoff: { type: "exponential", delay: FIRST_BACKOFF_MS, jitter: 0.5 },
      stackTraceLimit: 1,
    },
  };
}

/** @returns false where a worker holds it. */
export async function removeJob(queue: Queue, shard: string): Promise<boolean> {
  try {
    return (await queue.remove(jobIdOf(shard))) === 1;
  } catch {
    return false; // PostgreSQL's backend throws for a job that is locked
  }
}

async function totalOf(queue: Queue): Promise<number> {
  const { waiting, active, delayed, completed, failed } = await countJobs(queue);
  return waiting + active + delayed + completed + failed;
}
