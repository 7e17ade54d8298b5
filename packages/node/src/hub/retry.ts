/**
 * Trying again: what may work the next time, with pauses that grow and differ between clients, or as long as the server says.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "@chinese-clip/pipeline";

/** Failures in a row after which a request is given up. */
export const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** Failures are not repeated after this, so that a server that never answers in time costs no more than a few timeouts. */
const LONGEST_MS = 30_000;
/** A server that asks for more patience than this is better reported. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** Whether the same request may work later. */
export function isTransient(error: unknown): error is HubError {
  if (!(error instanceof HubError)) return false;
  const { status } = error.details;
  return (
    error.code === "network" || error.code === "rate-limited" || (error.code === "server" && typeof status === "number" && status >= 500)
  );
}

/**
 * Waits before the next attempt.
 *
 * @param failures - how many attempts failed in a row, at least 1.
 * @throws the error, if it says that the next attempt has to wait too long; the signal's reason.
 */
export async function pause(error: HubError, failures: number, signal: AbortSignal | undefined): Promise<void> {
  const { retryAfterMs } = error.details;
  if (typeof retryAfterMs === "number" && retryAfterMs > LONGEST_RETRY_AFTER_MS) throw error;
  const grown = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  await abortable(sleep(typeof retryAfterMs === "number" ? retryAfterMs + grown / 10 : grown, undefined, { signal }), signal);
}

/**
 * Repeats a request as long as its failures may pass.
 *
 * @param attempts - how often to try at most.
 */
export async function withRetry<Result>(
  operation: () => Promise<Result>,
  { attempts, signal }: { readonly attempts: number; readonly signal: AbortSignal | undefined },
): Promise<Result> {
  const start = performance.now();
  for (let failures = 1; ; failures++) {
    try {
      return await operation();
    } catch (error) {
      if (!isTransient(error) || failures >= attempts || performance.now() - start > LONGEST_MS) throw error;
      await pause(error, failures, signal);
    }
  }
}

/** The value of a `Retry-After` header in milliseconds from now: seconds or a date. */
export function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const milliseconds = /^\s*\d+\s*$/u.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** Waiting that ends with the signal's own reason, where Node's timers would wrap it. */
export async function abortable<Result>(waiting: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  try {
    return await waiting;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
