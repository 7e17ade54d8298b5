/**
 * A transfer over a network as one stream: it is begun again where it broke off, with pauses that grow; one that is too slow is taken for broken.
 * Only waiting for the network counts, so that a reader may take its time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errorMessage, withoutSecrets } from "@chinese-clip/pipeline";
import { DatasetError, shown } from "../dataset-error.js";

/** How patient reading over a network is. */
export interface NetworkOptions {
  /** How often a request is tried before it is given up. Default 5. */
  readonly attempts?: number | undefined;
  /** Milliseconds before the second attempt; each pause is twice as long as the one before, up to 8 seconds. Default 500. */
  readonly pauseMilliseconds?: number | undefined;
  /** Milliseconds without an answer or without enough bytes after which an attempt has failed. Default 30,000. */
  readonly stallMilliseconds?: number | undefined;
  /** Bytes a second that are enough. Default 1024. */
  readonly minBytesPerSecond?: number | undefined;
}

/** What a server sends. */
export interface Transfer {
  /** The bytes. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Which byte of the file the first one is. */
  readonly start: number;
  /** Bytes of the whole file, where it is stated. */
  readonly total: number | undefined;
  /** What changes with the file's content, where it is stated. */
  readonly tag: string | undefined;
}

/** A failure that may pass. */
export class TransientFault extends Error {
  /** Milliseconds that the server asked to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

const LONGEST_PAUSE_MS = 8000;
/** A server that asks for more patience than this is better reported. */
const LONGEST_RETRY_AFTER_MS = 60_000;
/** Bytes after which a transfer is one that works, and later failures are counted from one. */
const PROGRESS = 1 << 16;

/**
 * The bytes from `start` to `end`, or to the end of the file.
 *
 * @param open - begins a transfer at a byte; throws a DatasetError for what will not pass.
 * @throws DatasetError - `unreachable`; `source-changed`: the file was replaced meanwhile; what `open` throws. The signal's reason.
 */
export async function* resumed(
  label: string,
  open: (at: number, tag: string | undefined, signal: AbortSignal) => Promise<Transfer>,
  { start = 0, end = Infinity }: { readonly start?: number | undefined; readonly end?: number | undefined },
  network: NetworkOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { stallMilliseconds: stall = 30_000, minBytesPerSecond = 1024 } = network;
  let [at, counted, failures] = [start, start, 0];
  let tag: string | undefined;
  while (at < end) {
    const attempt = new Attempt(signal);
    let idle: AsyncIterator<Uint8Array> | undefined; // one that is not waiting for bytes
    try {
      const transfer = await attempt.within(stall, open(at, tag, attempt.signal));
      const chunks = transfer.chunks[Symbol.asyncIterator]();
      idle = chunks;
      if (tag !== undefined && transfer.tag !== undefined && tag !== transfer.tag) throw replaced(label);
      tag ??= transfer.tag;
      const last = Math.min(end, transfer.total ?? Infinity);
      let skip = at - transfer.start;
      let [waited, received] = [0, 0];
      for (;;) {
        const asked = performance.now();
        idle = undefined;
        const next = await attempt.within(stall, chunks.next());
        idle = chunks;
        if (next.done === true) break;
        waited += performance.now() - asked;
        received += next.value.length;
        if (waited > stall) {
          if (received < (minBytesPerSecond * waited) / 1000)
            throw new TransientFault(`only ${received} bytes in ${Math.round(waited)} ms`);
          [waited, received] = [0, 0];
        }
        const bytes = next.value.subarray(Math.min(skip, next.value.length)).subarray(0, last - at);
        skip = Math.max(0, skip - next.value.length);
        if (bytes.length === 0) continue;
        at += bytes.length;
        if (at - counted >= PROGRESS) [counted, failures] = [at, 0];
        yield bytes;
        if (at < last) continue;
        // An answer that is read to its end leaves a connection that can be used again.
        if (last === transfer.total) {
          idle = undefined;
          await attempt.within(stall, chunks.next()).catch(() => undefined);
          idle = chunks;
        }
        return;
      }
      if (at < last && last !== Infinity) throw new TransientFault(`the connection ended at byte ${at} of ${last}`);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DatasetError) throw error;
      await pause(label, error, ++failures, network, signal);
    } finally {
      attempt.end(idle);
    }
  }
}

/** Repeats a request as long as its failures may pass. @throws as {@link resumed}. */
export async function retried<Result>(
  label: string,
  operation: (signal: AbortSignal) => Promise<Result>,
  network: NetworkOptions,
  signal: AbortSignal | undefined,
): Promise<Result> {
  for (let failures = 1; ; failures++) {
    const attempt = new Attempt(signal);
    try {
      const result = await attempt.within(network.stallMilliseconds ?? 30_000, operation(attempt.signal));
      attempt.release();
      return result;
    } catch (error) {
      attempt.end();
      signal?.throwIfAborted();
      if (error instanceof DatasetError) throw error;
      await pause(label, error, failures, network, signal);
    }
  }
}

/** Waits before the next attempt. @throws DatasetError - `unreachable`: there is none. */
async function pause(
  label: string,
  error: unknown,
  failures: number,
  { attempts = 5, pauseMilliseconds = 500 }: NetworkOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const after = error instanceof TransientFault ? (error.retryAfterMs ?? 0) : 0;
  if (failures >= attempts || after > LONGEST_RETRY_AFTER_MS) {
    const reason = shown(withoutSecrets(errorMessage(error)));
    throw new DatasetError("unreachable", { reason, file: label }, { cause: error });
  }
  const grown = Math.min(LONGEST_PAUSE_MS, pauseMilliseconds * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  await sleep(Math.max(after, grown), undefined, { signal }).catch((thrown: unknown) => {
    signal?.throwIfAborted();
    throw thrown;
  });
}

/** Says that a file was replaced while it was read. */
export function replaced(label: string): DatasetError {
  return new DatasetError("replaced-while-read", { file: label });
}

/** One attempt's signal, which follows the caller's until the attempt ends. */
class Attempt {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#outer = outer;
    outer?.addEventListener("abort", this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits no longer than that; what comes later is ignored. */
  async within<Result>(milliseconds: number, waiting: Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const { signal } = this.#controller;
    let onAbort: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener("abort", onAbort);
      timer = setTimeout(() => reject(new TransientFault(`no answer within ${milliseconds} ms`)), milliseconds);
    });
    waiting.catch(() => undefined);
    try {
      return await Promise.race([waiting, late]);
    } finally {
      clearTimeout(timer);
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
    }
  }

  /** Follows the caller's signal no longer. */
  release(): void {
    this.#outer?.removeEventListener("abort", this.#abort);
  }

  /** Ends the transfer: one that waits for bytes by its signal, another one by its own end. */
  end(idle?: AsyncIterator<Uint8Array>): void {
    this.release();
    if (idle === undefined) this.#controller.abort();
    else idle.return?.().catch(() => undefined);
  }
}
