/**
 * Requests that are worked on, and those that wait for their turn, both bounded. One more is turned away at once, with the time after which a turn
 * may be free.
 */
import { ServerError } from "../server-error.js";

/** Seconds that a caller is told to wait, at most. */
const MAX_RETRY_AFTER = 60;

/** The queue of one kind of work. */
export class WorkQueue {
  readonly #concurrency: number;
  readonly #limit: number;
  readonly #onChange: (working: number, waiting: number) => void;
  readonly #waiting: Set<() => void> = new Set();
  #working = 0;
  /** Milliseconds of a request's work, a moving average. */
  #usual = 100;

  constructor(concurrency: number, limit: number, onChange: (working: number, waiting: number) => void = () => undefined) {
    [this.#concurrency, this.#limit, this.#onChange] = [concurrency, limit, onChange];
  }

  /** @throws ServerError - `overloaded`: one more request would have to wait, and as many wait as may. */
  checkRoom(): void {
    if (this.#working < this.#concurrency || this.#waiting.size < this.#limit) return;
    throw new ServerError("overloaded", "as many requests wait as may; try again later", { "retry-after": this.#retryAfter() });
  }

  /**
   * Works when it is the request's turn. The turn ends when the work has, also where the caller has gone away by then.
   *
   * @throws ServerError - `overloaded`; `queue-timeout`: the deadline passed before it was its turn. What the work throws; the signal's reason.
   */
  async run<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    this.checkRoom();
    signal.throwIfAborted();
    if (this.#working >= this.#concurrency) await this.#turn(signal);
    else this.#working++;
    this.#changed();
    const start = performance.now();
    const begin = async (): Promise<Result> => work(); // also where it throws at once
    const running = begin().finally(() => {
      this.#usual += (performance.now() - start - this.#usual) / 8;
      this.#passOn();
    });
    return orAborted(running, signal);
  }

  /** Waits; the turn is then this request's. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(start);
        this.#changed();
        const { reason } = signal;
        const isLate = reason instanceof ServerError && reason.code === "timed-out";
        reject(
          isLate ? new ServerError("queue-timeout", "the deadline passed in the queue", { "retry-after": this.#retryAfter() }) : reason,
        );
      };
      this.#waiting.add(start);
      signal.addEventListener("abort", leave, { once: true });
      this.#changed();
    });
  }

  /** The turn goes to the request that has waited longest. */
  #passOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#working--;
    else {
      this.#waiting.delete(next);
      next();
    }
    this.#changed();
  }

  #retryAfter(): string {
    const milliseconds = ((this.#waiting.size + 1) * this.#usual) / this.#concurrency;
    return String(Math.min(MAX_RETRY_AFTER, Math.max(1, Math.ceil(milliseconds / 1000))));
  }

  #changed(): void {
    this.#onChange(this.#working, this.#waiting.size);
  }
}

/** A promise's result, or the signal's reason if that comes first. */
export function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
