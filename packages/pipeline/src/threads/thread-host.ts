/**
 * The host's side of the conversation with one thread, whatever carries the messages: pending calls by id, cancellation, restart after a crash,
 * disposal. A platform supplies a {@link StartThread}: a `Worker` of `node:worker_threads` or a Web Worker. The thread's side is
 * `answer-requests.ts`.
 */
import { WorkerError } from "@chinese-clip/model";
import type { HostMessage, WorkerReply, WorkerRequest } from "./answer-requests.js";
import { onAbort } from "./on-abort.js";
import { type ErrorRevivers, reviveError } from "./serialized-error.js";

/** A running thread, as its host uses it. */
export interface ThreadPort<Transfer> {
  /**
   * Sends a message.
   *
   * @throws DataCloneError - the message cannot be copied.
   */
  post(message: HostMessage, transfer: readonly Transfer[]): void;
  /** Called with true when the thread gets its first pending call, with false when none is pending: an idle thread keeps no process alive. */
  setBusy?(isBusy: boolean): void;
  /** Ends the thread; resolves once it has ended. */
  end(): Promise<void> | void;
}

/** What a thread reports to its host. */
export interface ThreadEvents {
  /** The thread answered. */
  reply(reply: WorkerReply): void;
  /** The thread can no longer answer: its pending calls reject, and the next call starts another thread. Later reports are ignored. */
  crash(reason: string, cause?: unknown): void;
  /** The thread has ended and holds nothing any more. */
  ended(): void;
}

/** Starts a thread that reports to `events`; never calls them before it has returned. */
export type StartThread<Transfer> = (events: ThreadEvents) => ThreadPort<Transfer>;

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Calls into one thread: started at the first call, restarted at the first one after a crash.
 *
 * @typeParam R - The union of requests that the thread answers.
 * @typeParam Transfer - What the platform can move between threads.
 */
export class ThreadHost<R extends WorkerRequest, Transfer> {
  readonly #name: string;
  readonly #startThread: StartThread<Transfer>;
  readonly #revivers: ErrorRevivers;
  readonly #pending: Map<number, PendingCall> = new Map();
  /** Threads that have not ended: the current one, and crashed ones on their way out. */
  readonly #living: Set<ThreadPort<Transfer>> = new Set();
  #current: ThreadPort<Transfer> | undefined;
  #lastId: number = 0;
  #disposed: Promise<void> | undefined;

  /**
   * Does not start the thread yet.
   *
   * @param name - The thread's name in messages, such as `image worker`.
   * @param startThread - Starts the platform's thread.
   * @param revivers - Rebuild typed errors from the thread by their `name`.
   */
  constructor(name: string, startThread: StartThread<Transfer>, revivers: ErrorRevivers = {}) {
    this.#name = name;
    this.#startThread = startThread;
    this.#revivers = revivers;
  }

  /** Number of calls that wait for an answer. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Starts the thread ahead of the first call, unless it runs already. */
  start(): void {
    if (this.#disposed === undefined) this.#thread().setBusy?.(this.#pending.size > 0);
  }

  /**
   * Sends a request and resolves with its answer. Any number of calls may be pending.
   *
   * @param request - Copied to the thread, except for what `transfer` lists.
   * @param transfer - Buffers inside `request` to move instead of copy: the caller's views of them become empty at once.
   * @param signal - Rejects the call with `signal.reason` when aborted; the thread is told, and its answer is dropped.
   * @throws `WorkerError` with code `"crashed"` or `"disposed"`; a `DataCloneError` when the request cannot be copied; what the
   *   handler threw otherwise.
   */
  async call<T>(request: R, transfer: readonly Transfer[] = [], signal?: AbortSignal): Promise<T> {
    if (this.#disposed !== undefined) throw this.#disposedError();
    signal?.throwIfAborted();
    const thread = this.#thread();
    const id = ++this.#lastId;
    // First, since it throws when the request cannot be cloned.
    thread.post({ id, request }, transfer);
    let stopListening: (() => void) | undefined;
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        thread.setBusy?.(true);
        stopListening = onAbort(signal, () => {
          thread.post({ cancel: id }, []);
          reject(signal?.reason);
        });
      });
      // both ends of the channel are this project's: the caller names the type
      return answer as T;
    } finally {
      stopListening?.();
      this.#forget(id);
    }
  }

  /**
   * Ends the thread and rejects what is pending with a `WorkerError` of code `"disposed"`, as it does every later call. Resolves when
   * the thread has ended; calling it again gives the same promise.
   */
  dispose(): Promise<void> {
    this.#disposed ??= this.#end();
    return this.#disposed;
  }

  async #end(): Promise<void> {
    this.#current = undefined;
    this.#rejectAll(this.#disposedError());
    await Promise.all(Array.from(this.#living, async (thread) => thread.end()));
  }

  #thread(): ThreadPort<Transfer> {
    if (this.#current !== undefined) return this.#current;
    const thread = this.#startThread({
      reply: (reply) => this.#receive(reply),
      crash: (reason, cause) => this.#lose(thread, reason, cause),
      ended: () => this.#living.delete(thread),
    });
    this.#living.add(thread);
    this.#current = thread;
    return thread;
  }

  #receive(reply: WorkerReply): void {
    const call = this.#pending.get(reply.id);
    if (call === undefined) return;
    if ("error" in reply) call.reject(reviveError(reply.error, this.#revivers));
    else call.resolve(reply.value);
    this.#forget(reply.id);
  }

  /** Forgets the thread, so that the next call starts another, and rejects what it left unanswered. */
  #lose(thread: ThreadPort<Transfer>, reason: string, cause: unknown): void {
    if (this.#current !== thread) return;
    this.#current = undefined;
    this.#rejectAll(new WorkerError("crashed", `${this.#name} crashed: ${reason}`, cause === undefined ? undefined : { cause }));
  }

  #forget(id: number): void {
    if (this.#pending.delete(id) && this.#pending.size === 0) this.#current?.setBusy?.(false);
  }

  #rejectAll(reason: WorkerError): void {
    const calls = Array.from(this.#pending.values());
    this.#pending.clear();
    for (const call of calls) call.reject(reason);
  }

  #disposedError(): WorkerError {
    return new WorkerError("disposed", `${this.#name}: disposed`);
  }
}
