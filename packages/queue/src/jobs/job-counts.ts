/** How many jobs of a queue are in which state. */
import type { Queue } from "bullmq";

/** Jobs by state. */
export interface JobCounts {
  /** No worker has them. */
  readonly waiting: number;
  /** A worker has them. */
  readonly active: number;
  /** They failed and wait for their next attempt. */
  readonly delayed: number;
  /** Their output is complete. */
  readonly completed: number;
  /** They failed at their last attempt. */
  readonly failed: number;
}

/** Counts the jobs of an open queue. */
export async function countJobs(queue: Queue): Promise<JobCounts> {
  const counts = await queue.getJobCounts("waiting", "prioritized", "active", "delayed", "completed", "failed");
  const of = (state: string): number => counts[state] ?? 0;
  return {
    waiting: of("waiting") + of("prioritized"),
    active: of("active"),
    delayed: of("delayed"),
    completed: of("completed"),
    failed: of("failed"),
  };
}
