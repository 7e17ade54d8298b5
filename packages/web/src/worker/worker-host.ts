/**
 * A Web Worker that answers requests: started at the first one, and again at the next one after a crash. The worker's side is `worker-port.ts`.
 */
import {
  type ErrorRevivers,
  type HostMessage,
  reviveError,
  WorkerError,
  type WorkerReply,
  type WorkerRequest,
} from "@chinese-clip/pipeline";

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Calls into one worker. */
export class WorkerHost<R extends WorkerRequest> {
  readonly #start: () => Worker;
  readonly #name: string;
  readonly #revivers: ErrorRevivers;
  readonly #pending: Map<number, PendingCall> = new Map();
  #worker: Worker | undefined;
  #lastId = 0;
  #isDisposed = false;

  /**
   * Does not start the worker yet.
   *
   * @param start - makes the worker.
   * @param name - for messages.
   * @param revivers - rebuild typed errors from the worker by their `name`.
   */
  constructor(start: () => Worker, name: string, revivers: ErrorRevivers = {}) {
    this.#start = start;
    this.#name = name;
    this.#revivers = revivers;
  }

  /**
   * Sends a request and resolves with its answer. Any number of calls may be under way.
   *
   * @param transfer - what inside `request` is moved instead of copied.
   * @param signal - rejects the call with its reason when aborted; the worker is told, and what it still answers is dropped.
   * @throws WorkerError - `crashed` or `disposed`; what the handler threw otherwise.
   */
  async call<T>(request: R, transfer: readonly Transferable[] = [], signal?: AbortSignal): Promise<T> {
    if (this.#isDisposed) throw this.#disposedError();
    signal?.throwIfAborted();
    const worker = (this.#worker ??= this.#begin());
    const id = ++this.#lastId;
    worker.postMessage({ id, request } satisfies HostMessage, [...transfer]);
    let onAbort: (() => void) | undefined;
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        onAbort = () => {
          worker.postMessage({ cancel: id } satisfies HostMessage, []);
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
      });
      // both ends are this package's: the caller names the type
      return answer as T;
    } finally {
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(id);
    }
  }

  /** Ends the worker, which gives its memory back, and rejects what is pending; idempotent. */
  dispose(): void {
    this.#isDisposed = true;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#rejectAll(this.#disposedError());
  }

  #begin(): Worker {
    const worker = this.#start();
    worker.addEventListener("message", ({ data }: MessageEvent<WorkerReply>) => this.#receive(data));
    worker.addEventListener("messageerror", () => this.#lose(worker, "sent an answer that cannot be read"));
    worker.addEventListener("error", (event) => {
      // A worker whose file is not there says nothing at all.
      const why = event.message || "its file could not be loaded; is it served, as JavaScript, where the page looks for it?";
      event.preventDefault();
      this.#lose(worker, why);
    });
    return worker;
  }

  #receive(reply: WorkerReply): void {
    const call = this.#pending.get(reply.id);
    if (call === undefined) return;
    if ("error" in reply) call.reject(reviveError(reply.error, this.#revivers));
    else call.resolve(reply.value);
  }

  /** Forgets the worker, so that the next call starts another, and rejects what it left unanswered. */
  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    worker.terminate();
    this.#rejectAll(new WorkerError("crashed", `${this.#name} worker crashed: ${why}`));
  }

  #rejectAll(reason: WorkerError): void {
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.reject(reason);
  }

  #disposedError(): WorkerError {
    return new WorkerError("disposed", `${this.#name} worker: disposed`);
  }
}
