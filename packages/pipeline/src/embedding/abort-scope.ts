/** What a stream has in flight when its caller's signal aborts: every step gets a signal of its own. */
import { onAbort } from "../threads/on-abort.js";

/** The steps that end when the caller's signal aborts. */
export class AbortScope {
  readonly #signal: AbortSignal | undefined;
  readonly #steps: Set<AbortController> = new Set();
  readonly #waits: Set<(reason: unknown) => void> = new Set();
  readonly #stopListening: () => void;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#stopListening = onAbort(signal, () => {
      for (const step of this.#steps) step.abort(signal?.reason);
      for (const reject of this.#waits) reject(signal?.reason);
    });
  }

  /** Whether the caller's signal has aborted. */
  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** @throws the signal's reason, once it has aborted. */
  throwIfAborted(): void {
    this.#signal?.throwIfAborted();
  }

  /** Runs a step with a signal of its own; undefined where the caller gave none. */
  async run<Result>(step: (signal: AbortSignal | undefined) => Promise<Result>): Promise<Result> {
    if (this.#signal === undefined) return step(undefined);
    this.#signal.throwIfAborted();
    const controller = new AbortController();
    this.#steps.add(controller);
    try {
      return await step(controller.signal);
    } finally {
      this.#steps.delete(controller);
    }
  }

  /** Waits for a promise, but no longer than until the signal aborts; it then rejects with the signal's reason. */
  wait<Result>(promise: Promise<Result>): Promise<Result> {
    if (this.#signal === undefined) return promise;
    if (this.#signal.aborted) {
      promise.catch(() => undefined);
      return Promise.reject(this.#signal.reason);
    }
    return new Promise<Result>((resolve, reject) => {
      this.#waits.add(reject);
      void promise.then(resolve, reject).finally(() => this.#waits.delete(reject));
    });
  }

  /** Stops listening. */
  end(): void {
    this.#stopListening();
  }
}
