/**
 * A request's body, counted as it arrives: what its headers say of its length is believed only when it is too much.
 */
import type { AllLimits } from "../limits.js";
import { ServerError } from "../server-error.js";

/** Bytes of bodies in flight, of all requests of a server. */
export class BodyMemory {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws ServerError - `overloaded`. */
  take(bytes: number): void {
    if (this.#used + bytes > this.#limit)
      throw new ServerError("overloaded", "too many bytes of requests in flight", { "retry-after": "1" });
    this.#used += bytes;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/** A body that has arrived. */
export interface ReadBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives its memory back to the others. */
  release(): void;
}

/**
 * Reads a body.
 *
 * @throws ServerError - `body-too-large`, `body-timeout`, `overloaded`, `unsupported-media-type` (a compressed body), `client-closed`; the signal's
 * reason.
 */
export async function readBody(
  request: Request,
  { bodyBytes, bodyMilliseconds }: Pick<AllLimits, "bodyBytes" | "bodyMilliseconds">,
  memory: BodyMemory,
  signal: AbortSignal,
): Promise<ReadBody> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new ServerError("unsupported-media-type", "expected a body without content-encoding", { "accept-encoding": "identity" });
  }
  const tooLarge = (): ServerError => new ServerError("body-too-large", `expected a body of at most ${bodyBytes} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > bodyBytes) throw tooLarge();
  const reader = request.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let over: unknown;
  const end = (reason: unknown): void => {
    over = reason;
    reader?.cancel(reason).catch(() => undefined);
  };
  const onAbort = (): void => end(signal.reason);
  const timer = setTimeout(() => end(new ServerError("body-timeout", `expected the body within ${bodyMilliseconds} ms`)), bodyMilliseconds);
  signal.addEventListener("abort", onAbort);
  try {
    signal.throwIfAborted();
    for (;;) {
      const part = await reader?.read();
      if (over !== undefined) throw over;
      if (part === undefined || part.done) break;
      memory.take(part.value.length);
      length += part.value.length;
      if (length > bodyBytes) throw tooLarge();
      chunks.push(part.value);
    }
    return { bytes: joined(chunks, length), release: () => memory.release(length) };
  } catch (error) {
    memory.release(length);
    reader?.cancel(error).catch(() => undefined);
    if (over !== undefined) throw over;
    throw error instanceof ServerError ? error : new ServerError("client-closed", "the body ended early", {}, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
