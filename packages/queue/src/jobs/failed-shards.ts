/** A queue's state for people: counts, and the shards that failed with their reasons; and how these are tried again. */
import { shown } from "@chinese-clip/dataset/formats";
import type { Job, Queue } from "bullmq";
import { type QueueOptions, withQueue } from "../queue/with-queue.js";
import { jobOf, removeJob } from "./enqueue-shards.js";
import { countJobs, type JobCounts } from "./job-counts.js";
import type { ShardJob } from "./shard-job.js";

/** Failed jobs that are read in one round trip. */
const JOBS_PER_CALL = 100;

/** Characters of a reason that are shown: the server may hold anything. */
const LONGEST_REASON = 500;

/** A shard whose last attempt failed. */
export interface FailedShard {
  /** Its id; the job's, where the job is none of ours. */
  readonly shard: string;
  /** Why, in English, of one line. */
  readonly reason: string;
  /** Attempts that were made. */
  readonly attempts: number;
}

/** A queue's state. */
export interface QueueStatus extends JobCounts {
  /** The first of the failed shards. */
  readonly failures: readonly FailedShard[];
}

/**
 * Looks at a queue.
 *
 * @throws QueueError - the server or the name cannot be used.
 */
export async function readQueueStatus(options: QueueOptions): Promise<QueueStatus> {
  return withQueue(options, async (queue) => {
    const counts = await countJobs(queue);
    const failed = await queue.getFailed(0, JOBS_PER_CALL - 1);
    return { ...counts, failures: failed.map(failureOf) };
  });
}

/**
 * Puts failed shards back into the queue, with all their attempts.
 *
 * @returns how many.
 * @throws QueueError - the server or the name cannot be used; the signal's reason.
 */
export async function retryFailedShards(options: QueueOptions & { readonly signal?: AbortSignal | undefined }): Promise<number> {
  return withQueue(options, async (queue) => {
    const { failed } = await countJobs(queue);
    let retried = 0;
    while (retried < failed) {
      const jobs = await queue.getFailed(0, JOBS_PER_CALL - 1);
      if (jobs.length === 0) break;
      for (const job of jobs) {
        options.signal?.throwIfAborted();
        await retryJob(queue, job);
        retried++;
      }
    }
    return retried;
  });
}

/** BullMQ's own `retry` leaves a job that stalled too often marked to fail: a new one takes its place. */
async function retryJob(queue: Queue, { id = "", data }: Job): Promise<void> {
  const shard = shardOf(data);
  if (shard === undefined) await queue.remove(id); // none of ours: it would fail for ever
  else if (await removeJob(queue, shard)) await queue.addBulk([jobOf(data as ShardJob)]);
}

function failureOf({ id = "", data, failedReason = "", attemptsMade }: Job): FailedShard {
  return {
    shard: shown(shardOf(data) ?? id),
    reason: failedReason.split("\n", 1)[0]?.slice(0, LONGEST_REASON) ?? "",
    attempts: attemptsMade,
  };
}

function shardOf(data: unknown): string | undefined {
  return typeof data === "object" && data !== null && "shard" in data && typeof data.shard === "string" ? data.shard : undefined;
}
