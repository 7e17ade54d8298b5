/**
 * Work that ends at a deadline or at the caller's abort, whichever is first. `AbortSignal.any` is newer than the oldest supported browsers.
 */
import { ImageError } from "@chinese-clip/image-processor";

/** The longest time that a browser's timer can have. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Runs work that is abandoned at its deadline: what it still gives is for it to discard.
 *
 * @param milliseconds - until the deadline.
 * @param maxMilliseconds - the whole limit, of which `milliseconds` are left; for the message.
 * @param work - gets a signal that aborts at the deadline, too.
 * @throws ImageError - `too-large`: the deadline; the signal's reason; what the work throws.
 */
export async function withDeadline<Result>(
  { milliseconds, maxMilliseconds }: { readonly milliseconds: number; readonly maxMilliseconds: number },
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const expire = (): void => {
    const message = `expected an image that is read and decoded within ${maxMilliseconds} ms, got one that takes longer`;
    controller.abort(new ImageError("too-large", message, { maxMilliseconds }));
  };
  const timer = setTimeout(expire, Math.min(Math.max(0, milliseconds), MAX_TIMER));
  try {
    return await untilAborted(work(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Waits for a promise, but no longer than until the signal aborts; it then rejects with the signal's reason. */
export async function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal?.reason);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal?.removeEventListener("abort", stop);
  }
}
