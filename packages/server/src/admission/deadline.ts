/**
 * One signal for a request: of its caller going away, of its deadline, and of the server ending.
 */
import { ServerError } from "../server-error.js";

/** A request's signal, and the end of it. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Aborts with a reason. */
  abort(reason: ServerError): void;
  /** Removes timers and listeners. */
  end(): void;
}

/** Starts a request's time. */
export function startDeadline(request: Request, milliseconds: number): Deadline {
  const controller = new AbortController();
  const abort = (reason: ServerError): void => controller.abort(reason);
  const onAbort = (): void => abort(new ServerError("client-closed", "the caller closed the connection"));
  const timer = setTimeout(() => abort(new ServerError("timed-out", `no answer within ${milliseconds} ms`)), milliseconds);
  const { signal } = request;
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    abort,
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}
