/**
 * One listener on a caller's signal for a whole stream. Every step of the stream gets a signal of its own, so that the number of listeners on the
 * caller's stays 1 however many steps are in flight.
 */

/** The steps that end when the caller's signal aborts. */
export class AbortScope {
  readonly #signal: AbortSignal | undefined;
  readonly #steps: Set<AbortController> = new Set();
  readonly #waits: Set<(reason: unknown) => void> = new Set();
  readonly #onAbort = (): void => {
    for (const step of this.#steps) step.abort(this.#signal?.reason);
    for (const reject of this.#waits) reject(this.#signal?.reason);
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
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

  /** Removes the listener. */
  end(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
