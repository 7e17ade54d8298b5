/**
 * Work that several callers wait for and any of them may give up on: it is ended when none of them waits any more.
 */
import { onAbort } from "@chinese-clip/pipeline";

/** One piece of work. */
export class SharedWork<Result> {
  readonly #controller = new AbortController();
  readonly #result: Promise<Result>;
  #waiting = 0;

  /** @param start - does the work; it ends early, and cleans up, once its signal aborts. */
  constructor(start: (signal: AbortSignal) => Promise<Result>) {
    this.#result = start(this.#controller.signal);
    this.#result.catch(() => undefined); // each caller gets it
  }

  /** Whether nobody waits any more; it may have been ended. */
  get isAbandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /**
   * The result.
   *
   * @throws what the work throws; the signal's reason: at once where others wait too, else when the work has ended.
   */
  async wait(signal: AbortSignal | undefined): Promise<Result> {
    this.#waiting++;
    let stopListening: (() => void) | undefined;
    try {
      if (signal === undefined) return await this.#result;
      return await new Promise<Result>((resolve, reject) => {
        if (signal.aborted) reject(signal.reason);
        stopListening = onAbort(signal, () => reject(signal.reason));
        this.#result.then(resolve, reject);
      });
    } finally {
      stopListening?.();
      if (--this.#waiting === 0) {
        this.#controller.abort();
        await this.#result.catch(() => undefined);
      }
    }
  }
}
