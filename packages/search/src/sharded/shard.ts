/**
 * One of the stores of a {@link ShardedStore}, with a deadline for its answers. What a store that hangs is still asked for is bounded: it is not asked
 * again before it has answered some of it.
 */
import { SearchError } from "../search-error.js";
import type { VectorStore } from "../store/vector-store.js";

/** Calls that may be overdue before a store is not asked any more. */
const MAX_OVERDUE = 4;

/** A store with its name. */
export class Shard<Meta> {
  readonly name: string;
  readonly store: VectorStore<Meta>;
  readonly #milliseconds: number;
  /** Calls that nobody waits for any more. */
  #overdue = 0;

  constructor(name: string, store: VectorStore<Meta>, milliseconds: number) {
    [this.name, this.store, this.#milliseconds] = [name, store, milliseconds];
  }

  /**
   * Waits for an answer until the deadline.
   *
   * @param call - gets a signal that aborts at the deadline and by `signal`.
   * @throws SearchError - `unavailable`: no answer in time; what the store throws; the signal's reason.
   */
  async within<Answer>(call: (signal: AbortSignal) => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    if (this.#overdue >= MAX_OVERDUE)
      throw new SearchError("unavailable", `store ${this.name} has not answered ${this.#overdue} earlier calls yet`);
    const controller = new AbortController();
    const late = (): void =>
      controller.abort(new SearchError("unavailable", `store ${this.name} has not answered within ${this.#milliseconds} ms`));
    const onAbort = (): void => controller.abort(signal?.reason);
    const timer = setTimeout(late, this.#milliseconds);
    signal?.addEventListener("abort", onAbort, { once: true });
    const begin = async (): Promise<Answer> => call(controller.signal); // also where it throws at once
    let [isAnswered, isOverdue] = [false, false];
    const answer = begin().finally(() => {
      isAnswered = true;
      if (isOverdue) this.#overdue--;
    });
    const end = new Promise<never>((_, reject) => {
      controller.signal.addEventListener(
        "abort",
        () => {
          if (!isAnswered) [isOverdue, this.#overdue] = [true, this.#overdue + 1];
          reject(controller.signal.reason);
        },
        { once: true },
      );
    });
    try {
      return await Promise.race([answer, end]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      answer.catch(() => undefined); // where it comes too late
    }
  }
}
