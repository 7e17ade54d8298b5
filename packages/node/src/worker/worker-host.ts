/**
 * A worker thread that answers requests: started at the first one, restarted at the next one after a crash, and no reason for the process to
 * stay alive while it has nothing to do.
 *
 * onnxruntime-node's `create` and `run` block the thread that calls them, and so does a resize in JavaScript; both belong in a worker, and both
 * want the same care around it. The worker's side is `worker-port.ts`.
 */

import {
  type ErrorRevivers,
  type HostMessage,
  reviveError,
  WorkerError,
  type WorkerReply,
  type WorkerRequest,
} from "@chinese-clip/pipeline";
import { Worker, type ResourceLimits, type TransferListItem } from "node:worker_threads";
import { closeAtExit, forgetGate, ThreadGate } from "./thread-gate.js";
import type { ThreadMessage } from "./worker-port.js";

/** Options of a {@link WorkerHost}. */
export interface WorkerHostOptions {
  /** The thread's name, in its crash messages and in debuggers. Default `"worker"`. */
  readonly name?: string;
  /** Given to the worker as `workerData`; cloned at each start. */
  readonly workerData?: unknown;
  /**
   * For a thread that must not be ended inside native code (`thread-gate.ts`): makes `workerData` at each start, with the state of the new
   * thread's gate in it. Such a thread is never stopped where it is, but asked to end.
   */
  readonly gatedData?: (gate: SharedArrayBuffer) => unknown;
  /** Heap limits of the thread, in MiB; exceeding one is a crash of the worker, not of the process. */
  readonly resourceLimits?: ResourceLimits;
  /** Rebuilds typed errors from the worker by their `name`. */
  readonly reviveError?: ErrorRevivers;
}

/**
 * MiB of a thread's young generation: two half-spaces of one and what is between. V8's own bound is 48, which a thread under steady load comes
 * to only after minutes, so that memory seems to leak; and a thread whose garbage is large arrays and few objects collects them the sooner.
 * With as small a one in every thread, embedding 5000 drawings took 210 MB instead of 270, and no longer.
 */
const YOUNG_GENERATION = 3;

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Calls into one worker thread.
 *
 * @typeParam R - The union of requests that the worker's `servePort` answers.
 */
export class WorkerHost<R extends WorkerRequest = WorkerRequest & Readonly<Record<string, unknown>>> {
  readonly #url: URL;
  readonly #options: WorkerHostOptions;
  readonly #pending: Map<number, PendingCall> = new Map();
  /** Threads that have not ended: the current one, and crashed ones on their way out. */
  readonly #living: Set<Worker> = new Set();
  #worker: Worker | undefined;
  #lastId: number = 0;
  #disposed: Promise<void> | undefined;

  /**
   * Does not start the thread yet.
   *
   * @param url - The `file:` URL of the worker's entry file, an ES module that calls `servePort`.
   */
  constructor(url: URL, options: WorkerHostOptions = {}) {
    this.#url = url;
    this.#options = options;
  }

  /** How many calls wait for an answer. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Starts the thread, if there is none, before there is something to ask of it; idle, it keeps no process alive. */
  start(): void {
    if (this.#disposed !== undefined || this.#worker !== undefined) return;
    this.#worker = this.#start();
    this.#worker.unref();
  }

  /**
   * Sends a request and resolves with its answer. Any number of calls may be under way.
   *
   * @param request - Copied to the worker, except for what `transfer` lists.
   * @param transfer - Buffers inside `request` to move instead of copy: the caller's views of them become empty at once.
   * @param signal - Rejects the call with `signal.reason` when aborted; the worker is told, and what it still answers is dropped.
   * @throws {@link WorkerError} with code `"crashed"` or `"disposed"`; a `DataCloneError` when the request cannot be copied; what the
   *   handler threw otherwise.
   */
  async call<T>(request: R, transfer: readonly TransferListItem[] = [], signal?: AbortSignal): Promise<T> {
    if (this.#disposed !== undefined) throw this.#disposedError();
    signal?.throwIfAborted();
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    // First, since it throws when the request cannot be cloned.
    worker.postMessage({ id, request } satisfies HostMessage, transfer);
    let onAbort: (() => void) | undefined;
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        worker.ref();
        onAbort = () => {
          worker.postMessage({ cancel: id } satisfies HostMessage, []);
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
      });
      // both ends of the channel are this package's: the caller names the type
      return answer as T;
    } finally {
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
      this.#settle(id);
    }
  }

  /**
   * Ends the thread and rejects what is pending with a {@link WorkerError} of code `"disposed"`, as it does every later call. Resolves when
   * the thread has really ended; calling it again gives the same promise.
   */
  dispose(): Promise<void> {
    this.#disposed ??= this.#end();
    return this.#disposed;
  }

  async #end(): Promise<void> {
    this.#worker = undefined;
    this.#rejectAll(this.#disposedError());
    await Promise.all(
      Array.from(this.#living, (worker) => (this.#options.gatedData === undefined ? worker.terminate() : askToEnd(worker))),
    );
  }

  #start(): Worker {
    const { name = "worker", workerData, gatedData, resourceLimits } = this.#options;
    const gate = gatedData === undefined ? undefined : new ThreadGate();
    const worker = new Worker(this.#url, {
      name,
      workerData: gate === undefined ? workerData : gatedData?.(gate.state),
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION, ...resourceLimits },
      // A thread inherits Node's flags, and under --input-type no entry file loads. Passing the others on by hand is no way out: a worker
      // refuses, when told explicitly, the flags that it silently ignores when it inherits them.
      ...(process.execArgv.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {}),
    });
    this.#living.add(worker);
    if (gate !== undefined) closeAtExit(gate);
    worker.on("message", (reply: WorkerReply) => this.#receive(reply));
    worker.on("messageerror", (error) => {
      // Nothing says which call the unreadable answer belonged to.
      this.#lose(worker, `sent an answer that cannot be read (${error.message})`, error);
      void worker.terminate();
    });
    worker.on("error", (error: unknown) => this.#lose(worker, error instanceof Error ? error.message : String(error), error));
    worker.on("exit", (exitCode) => {
      this.#living.delete(worker);
      if (gate !== undefined) forgetGate(gate);
      this.#lose(worker, `exit code ${exitCode}`);
    });
    return worker;
  }

  #receive(reply: WorkerReply): void {
    const call = this.#pending.get(reply.id);
    if (call === undefined) return;
    if ("error" in reply) call.reject(reviveError(reply.error, this.#options.reviveError));
    else call.resolve(reply.value);
    this.#settle(reply.id);
  }

  /** Forgets the thread, so that the next call starts another, and rejects what it left unanswered. */
  #lose(worker: Worker, why: string, cause?: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const message = `${this.#options.name ?? "worker"} thread crashed: ${why}`;
    this.#rejectAll(new WorkerError("crashed", message, cause === undefined ? undefined : { cause }));
  }

  #settle(id: number): void {
    if (this.#pending.delete(id) && this.#pending.size === 0) this.#worker?.unref();
  }

  #rejectAll(reason: WorkerError): void {
    const calls = Array.from(this.#pending.values());
    this.#pending.clear();
    for (const call of calls) call.reject(reason);
  }

  #disposedError(): WorkerError {
    return new WorkerError("disposed", `${this.#options.name ?? "worker"} thread: disposed`);
  }
}

/** Resolves when the thread has done what it is at and ended itself. */
function askToEnd(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once("exit", () => resolve());
    worker.ref(); // whoever waits for the end keeps the process alive for it
    worker.postMessage({ end: true } satisfies ThreadMessage, []);
  });
}
