/** What a stream has in flight when its caller's signal aborts: every step gets a signal of its own. */
import { onAbort } from "../threads/on-abort.js";

/** The steps that end when the caller's signal aborts. */
export class AbortScope {
  readonly #signal: AbortSignal | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
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
    const signal = this.#signal;
    if (signal === undefined) return step(undefined);
    signal.throwIfAborted();
    const controller = new AbortController();
    const stopListening = onAbort(signal, () => controller.abort(signal.reason));
    return step(controller.signal).finally(stopListening);
  }

  /** Waits for a promise, but no longer than until the signal aborts; it then rejects with the signal's reason. */
  wait<Result>(promise: Promise<Result>): Promise<Result> {
    const signal = this.#signal;
    if (signal === undefined) return promise;
    return new Promise<Result>((resolve, reject) => {
      const stopListening = onAbort(signal, () => reject(signal.reason));
      if (signal.aborted) reject(signal.reason);
      void promise.then(resolve, reject).finally(stopListening);
    });
  }
}
