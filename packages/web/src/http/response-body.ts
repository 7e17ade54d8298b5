/**
 * A response's body in chunks, bounded in time and in size: a server that stalls, that sends a byte now and then, or that never stops ends as an
 * error.
 */
import { errorMessage, HubError } from "@chinese-clip/pipeline";

/** Bounds of one request. */
export interface RequestLimits {
  /** Milliseconds until the response's headers, and between two chunks of its body. */
  readonly stallMs: number;
  /** Bytes per second that a body has to bring on average, after the first `stallMs`; with a body's size this bounds its total time. */
  readonly bytesPerSecond: number;
}

/** 30 s without anything, or less than 8 KiB/s. */
export const REQUEST_LIMITS: RequestLimits = { stallMs: 30_000, bytesPerSecond: 8192 };

/**
 * Reads a body.
 *
 * @param maxBytes - the most that is accepted.
 * @throws HubError - `network`: the connection broke, stalled or is too slow; `integrity`: more than `maxBytes`; the signal's reason.
 */
export async function* readBody(
  url: string,
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  { stallMs, bytesPerSecond }: RequestLimits,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  // Not every browser's stream is iterable.
  const reader = body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", stop, { once: true });
  const begun = performance.now();
  let received = 0;
  try {
    for (;;) {
      const left = stallMs + (1000 * received) / bytesPerSecond - (performance.now() - begun);
      const next = await withTimeout(
        reader.read().catch((cause: unknown) => {
          signal?.throwIfAborted();
          throw networkError(url, cause);
        }),
        Math.min(stallMs, left),
        () => networkError(url, new Error(`the server sent ${received} bytes in ${Math.round((performance.now() - begun) / 1000)} s`)),
      );
      signal?.throwIfAborted();
      if (next.done) return;
      received += next.value.length;
      if (received > maxBytes)
        throw new HubError("integrity", `${url}: expected at most ${maxBytes} bytes, got more`, { url, expected: maxBytes });
      yield next.value;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** The promise's value, or the error of `onTimeout` after so many milliseconds. */
export async function withTimeout<Value>(work: Promise<Value>, ms: number, onTimeout: () => Error): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(onTimeout()), Math.max(0, ms));
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error of a connection that could not be made, or that broke. */
export function networkError(url: string, cause: unknown): HubError {
  if (cause instanceof HubError) return cause;
  return new HubError(
    "network",
    `${url}: could not be fetched (${errorMessage(cause)}). Check the connection, and that the server allows this page by CORS; downloaded parts are cached`,
    { url },
    { cause },
  );
}
