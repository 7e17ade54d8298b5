/** What a worker and its lock thread say to each other. */
import type { QueueLocation } from "../queue/open-queue.js";

/** A job that a worker holds. */
export interface HeldJob {
  /** The job's id. */
  readonly id: string;
  /** What its lock was taken with. */
  readonly token: string;
  /** How often the job had been started when this worker took it, this time included. */
  readonly started: number;
}

/** What the thread is started with. An address is a string: a URL does not cross threads. */
export interface LockThreadData {
  readonly address: string;
  readonly queue: QueueLocation["name"];
  /** Milliseconds that a lock lasts. */
  readonly lockMs: number;
}

/** To the thread. */
export type LockRequest = { readonly hold: HeldJob } | { readonly release: string };

/** From the thread: another worker has started the job. */
export interface LockNotice {
  readonly taken: HeldJob;
}
