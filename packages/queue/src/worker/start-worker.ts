/**
 * A worker: takes one shard after the other from a queue and embeds it.
 *
 * What can happen to it, and what follows:
 *
 *     killed, machine lost      its lock runs out; another worker takes the shard, which finds what was committed
 *     stopped and continued     the same; when it runs again it learns that the shard is another worker's, and leaves it
 *     the queue's server dies   the shard is embedded to its end; the worker waits until the server is back
 *     the output cannot be      the shard is tried again later, and the worker itself waits before its next one: what is wrong with the disk
 *     written                   or the network is not wrong with the shard
 *     told to end               it finishes its shard, or hands it back when the time for that is over
 */
import { DatasetError } from "@chinese-clip/dataset";
import { errorMessage, withoutSecrets } from "@chinese-clip/pipeline";
import type { Job, Worker } from "bullmq";
import { setTimeout as sleep } from "node:timers/promises";
import { countJobs } from "../jobs/job-counts.js";
import { parseShardJob } from "../jobs/shard-job.js";
import { parseQueueAddress } from "../queue/address.js";
import { checkQueueName, DEFAULT_QUEUE, openQueue, openWorker } from "../queue/open-queue.js";
import { probeServer } from "../queue/probe-server.js";
import { QueueError } from "../queue-error.js";
import { JobLocks } from "./job-locks.js";
import type { HeldJob } from "./lock-messages.js";
import type { RunningWorker, ShardOutcome, WorkerEvent, WorkerOptions, WorkerTotals } from "./worker-types.js";

/** Milliseconds that a lock lasts without being renewed. */
const LOCK_MS = 10_000;

/** Milliseconds between two looks for jobs whose worker is gone. */
const STALLED_INTERVAL_MS = 5000;

/** How often a shard may lose its worker before it counts as failed. */
const MAX_STALLED_COUNT = 20;

/** Milliseconds between two notes of progress in the job. */
const PROGRESS_MS = 2000;

/** The longest that a worker waits after shards that failed one after the other. */
const LONGEST_REST_MS = 60_000;

/** Milliseconds between two looks whether the queue is empty. */
const EMPTY_CHECK_MS = 1000;

/** Characters of a reason that a job keeps. */
const LONGEST_REASON = 2000;

/** Codes of what no other attempt mends: source or output are not what the manifest was made for. */
const PERMANENT: ReadonlySet<string> = new Set<DatasetError["code"]>([
  "foreign-shard",
  "source-changed",
  "invalid-shard",
  "too-many-items",
  "no-column",
  "unsafe-name",
]);

/** Thrown into a shard that another worker has. */
class ShardTaken extends Error {}

/** Thrown into a shard that is handed back. */
class ShardReturned extends Error {}

/**
 * Starts a worker.
 *
 * @throws QueueError - the server or the name cannot be used.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const location = { name: checkQueueName(options.queue ?? DEFAULT_QUEUE), address: parseQueueAddress(options.address) };
  await probeServer(location.address);
  const runner = new ShardRunner(options);
  const locks = new JobLocks(location, LOCK_MS, (error) => runner.end(error));
  const worker = await openWorker(location, (job, token = "") => runner.run(job, token, locks), {
    concurrency: 1,
    lockDuration: LOCK_MS,
    skipLockRenewal: true,
    stalledInterval: STALLED_INTERVAL_MS,
    maxStalledCount: MAX_STALLED_COUNT,
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  worker.on("error", (error) => runner.note({ type: "queue-error", reason: withoutSecrets(errorMessage(error)) }));
  worker.on("stalled", (shard) => runner.note({ type: "stalled", shard }));
  const closed = runner.untilEnd(worker, locks);
  if (options.untilEmpty === true) void endWhenEmpty(runner, location);
  if (options.signal?.aborted === true) runner.end();
  options.signal?.addEventListener("abort", () => runner.end(), { once: true });
  worker.run().catch((error: unknown) => runner.end(error));
  return {
    closed,
    close: () => {
      runner.end();
      return closed;
    },
    totals: () => runner.totals,
  };
}

/** Ends a worker when nothing waits, runs or is to be tried again. */
async function endWhenEmpty(runner: ShardRunner, location: Parameters<typeof openQueue>[0]): Promise<void> {
  const queue = await openQueue(location);
  try {
    while (!runner.ending) {
      const { waiting, active, delayed } = await countJobs(queue);
      if (waiting + active + delayed === 0) return runner.end();
      await Promise.race([sleep(EMPTY_CHECK_MS), runner.ended]);
    }
  } catch (error) {
    runner.end(error);
  } finally {
    await queue.close().catch(() => undefined);
  }
}

class ShardRunner {
  readonly #options: WorkerOptions;
  readonly #graceMs: number;
  readonly #ending = new AbortController();
  /** Resolves when the worker was told to end. */
  readonly ended: Promise<void> = new Promise((resolve) => this.#ending.signal.addEventListener("abort", () => resolve()));
  #current: AbortController | undefined;
  #failure: { readonly error: unknown } | undefined;
  #failuresInRow = 0;
  totals: WorkerTotals = { shards: 0, skipped: 0, failed: 0, taken: 0, returned: 0, images: 0, unreadable: 0, seconds: 0 };

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#graceMs = (options.graceSeconds ?? 120) * 1000;
  }

  get ending(): boolean {
    return this.#ending.signal.aborted;
  }

  note(event: WorkerEvent): void {
    this.#options.onEvent?.(event);
  }

  /** Takes no further shard. @param error - what {@link untilEnd} is to reject with. */
  end(error?: unknown): void {
    if (error !== undefined) this.#failure ??= { error };
    this.#ending.abort();
  }

  /** Waits until it is told to end, lets the shard end, and closes everything. */
  async untilEnd(worker: Worker, locks: JobLocks): Promise<WorkerTotals> {
    await this.ended;
    const grace = setTimeout(() => this.#current?.abort(new ShardReturned()), this.#failure === undefined ? this.#graceMs : 0);
    await worker.close().catch(() => undefined);
    clearTimeout(grace);
    await locks.close();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.totals;
  }

  /** A job of the queue. What it throws is how BullMQ learns what became of the job. */
  async run(job: Job, token: string, locks: JobLocks): Promise<ShardOutcome> {
    const held: HeldJob = { id: job.id ?? "", token, started: job.attemptsStarted };
    const controller = new AbortController();
    this.#current = controller;
    locks.hold(held, () => controller.abort(new ShardTaken("another worker has the shard")));
    try {
      return await this.#embed(job, controller.signal);
    } catch (error) {
      throw await this.#afterFailure(job, token, controller.signal, error);
    } finally {
      this.#current = undefined;
      locks.release(held);
    }
  }

  async #embed(job: Job, signal: AbortSignal): Promise<ShardOutcome> {
    const { shard, again } = parseShardJob(job.data, this.#options.manifest);
    const started = performance.now();
    const elapsed = (): number => (performance.now() - started) / 1000;
    let noted = started;
    this.note({ type: "started", shard });
    const outcome = await this.#options.process(shard, {
      signal,
      again: again === true,
      onProgress: (done, total) => {
        this.note({ type: "progress", shard, done, total });
        if (performance.now() - noted < PROGRESS_MS) return;
        noted = performance.now();
        void job
          .updateProgress({ done, ...(total === undefined ? {} : { total }), imagesPerSecond: rate(done, elapsed()) })
          .catch(() => undefined);
      },
    });
    signal.throwIfAborted();
    const seconds = elapsed();
    this.#failuresInRow = 0;
    const { totals } = this;
    this.totals = {
      ...totals,
      shards: totals.shards + 1,
      skipped: totals.skipped + (outcome.skipped ? 1 : 0),
      images: totals.images + (outcome.skipped ? 0 : outcome.images),
      unreadable: totals.unreadable + (outcome.skipped ? 0 : outcome.unreadable),
      seconds: totals.seconds + seconds,
    };
    this.note({ type: "done", shard, seconds, ...outcome });
    const result: ShardOutcome & { readonly seconds: number } = { ...outcome, seconds: Math.round(seconds * 1000) / 1000 };
    return result;
  }

  /** @returns what is thrown to BullMQ. */
  async #afterFailure(job: Job, token: string, signal: AbortSignal, error: unknown): Promise<Error> {
    const { UnrecoverableError, WaitingError } = await import("bullmq");
    const shard = job.id ?? "";
    if (signal.reason instanceof ShardTaken) {
      this.totals = { ...this.totals, taken: this.totals.taken + 1 };
      this.note({ type: "taken", shard });
      return new WaitingError(); // its new worker says what becomes of it
    }
    if (signal.reason instanceof ShardReturned) {
      this.totals = { ...this.totals, returned: this.totals.returned + 1 };
      this.note({ type: "returned", shard });
      await job.moveToWait(token).catch(() => undefined);
      return new WaitingError();
    }
    const reason = withoutSecrets(errorMessage(error)).slice(0, LONGEST_REASON);
    this.totals = { ...this.totals, failed: this.totals.failed + 1 };
    this.note({ type: "failed", shard, reason, error, attempt: job.attemptsMade + 1, attempts: job.opts.attempts ?? 1 });
    if (isPermanent(error)) return new UnrecoverableError(reason);
    await this.#rest(signal);
    return new Error(reason);
  }

  /** After the second failure in a row the worker rests, the longer the more there are: a full disk is to fail few shards. */
  async #rest(signal: AbortSignal): Promise<void> {
    const failures = this.#failuresInRow++;
    if (failures === 0) return;
    const milliseconds = Math.min(500 * 2 ** Math.min(failures, 20), LONGEST_REST_MS);
    this.note({ type: "resting", seconds: milliseconds / 1000 });
    await Promise.race([sleep(milliseconds, undefined, { signal }), this.ended]).catch(() => undefined);
  }
}

/** Whether another attempt would end the same: the job, the source or the output is not what the manifest was made for. */
function isPermanent(error: unknown): boolean {
  return error instanceof QueueError || (error instanceof DatasetError && PERMANENT.has(error.code));
}

function rate(images: number, seconds: number): number {
  return Math.round((images / Math.max(seconds, 0.001)) * 10) / 10;
}
