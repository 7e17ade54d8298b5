/** The worker's side of the thread that renews its locks. */
import { Worker } from "node:worker_threads";
import type { QueueLocation } from "../queue/open-queue.js";
import type { HeldJob, LockNotice, LockRequest, LockThreadData } from "./lock-messages.js";

/** Locks that are renewed as long as this process runs. */
export class JobLocks {
  readonly #thread: Worker;
  readonly #lost = new Map<string, () => void>();

  /**
   * Starts the thread.
   *
   * @param onCrash - called when the thread ends by itself: the locks are renewed no more.
   */
  constructor({ address, name }: QueueLocation, lockMs: number, onCrash: (error: Error) => void) {
    const workerData: LockThreadData = { address: address.url.href, queue: name, lockMs };
    this.#thread = new Worker(new URL("./lock-thread.js", import.meta.url), { workerData, name: "chinese-clip-locks" });
    this.#thread.on("message", ({ taken }: LockNotice) => this.#lost.get(keyOf(taken))?.());
    this.#thread.on("error", onCrash);
  }

  /**
   * Renews a job's lock until {@link JobLocks.release}.
   *
   * @param onLost - called when another worker has started the job.
   */
  hold(job: HeldJob, onLost: () => void): void {
    this.#lost.set(keyOf(job), onLost);
    this.#send({ hold: job });
  }

  /** Renews it no more. */
  release(job: HeldJob): void {
    this.#lost.delete(keyOf(job));
    this.#send({ release: job.id });
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #send(request: LockRequest): void {
    this.#thread.postMessage(request, []);
  }
}

function keyOf({ id, token, started }: HeldJob): string {
  return `${id}/${token}/${started}`;
}
