/**
 * A backend that does not answer is asked again, less and less often, until it does.
 */
import { BackendError } from "../backend.js";

/** Whether the backend answers. */
export type ConnectionState =
  | { readonly status: "ok" }
  | {
      readonly status: "away";
      readonly error: BackendError;
      /** By `Date.now()`. */
      readonly retryAt: number;
    };

/** Milliseconds between tries. */
const [SHORTEST, LONGEST] = [1000, 15_000];

/** Whether another try may help. */
export function isPassing(error: unknown): error is BackendError {
  return error instanceof BackendError && (error.code === "unreachable" || error.code === "busy");
}

/** Waits and tries again. */
export class Connection {
  readonly #retry: () => void;
  readonly #show: (state: ConnectionState) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  /** @param retry - asks again for all that failed. */
  constructor(retry: () => void, show: (state: ConnectionState) => void) {
    this.#retry = retry;
    this.#show = show;
  }

  /** An answer came. */
  succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#show({ status: "ok" });
  }

  /** No answer came. Failures while a try is planned count once. */
  failed(error: BackendError): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(error.retryAfter ?? 0, Math.min(LONGEST, SHORTEST * 2 ** this.#failures));
    this.#failures++;
    this.#timer = setTimeout(() => this.tryNow(), wait);
    this.#show({ status: "away", error, retryAt: Date.now() + wait });
  }

  /** Tries without waiting any longer. */
  tryNow(): void {
    if (this.#failures === 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#retry();
  }

  /** Stops trying. */
  close(): void {
    clearTimeout(this.#timer);
  }
}
