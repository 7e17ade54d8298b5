/**
 * A byte range of a file, in as many requests as it takes: a connection that breaks is continued from the last byte received.
 */
import { HubError } from "@chinese-clip/pipeline";
import { type HttpAnswer, type HttpClient, requestRange } from "./request-range.js";
import { networkError } from "./response-body.js";

const ATTEMPTS = 5;
/** Milliseconds before the second attempt; doubled for each further one. */
const RETRY_MS = 200;
/** An attempt that brought fewer bytes made no progress: a server that breaks every connection after a byte must not be asked for ever. */
const PROGRESS_BYTES = 1 << 16;
/** The most that is accepted of a whole file whose size nobody says. */
const MAX_UNKNOWN_BYTES = 2 ** 32;

/** Where the bytes go, in order. */
export interface DownloadTarget {
  /** The offset of the next byte. */
  readonly position: number;
  /** Continues at another offset. */
  restart(position: number): void;
  /** Takes the next bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Checks a response before its body is read.
   *
   * @returns bytes of the whole file.
   * @throws HubError - `integrity`: it is not of the file that was begun.
   */
  accept(answer: HttpAnswer): Promise<number>;
  /** The version that earlier bytes are of. */
  readonly version: string | undefined;
  /** Bytes of the whole file, where known. */
  readonly size: number | undefined;
}

/**
 * Downloads from the target's position to `end`, or, from a server without ranges, the whole file from its beginning.
 *
 * @returns false where the server has no such file.
 * @throws HubError - as {@link requestRange}; `network` and `server` only after five attempts without progress; what the target throws.
 */
export async function download(
  client: HttpClient,
  url: string,
  wantedEnd: number,
  target: DownloadTarget,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let end = wantedEnd;
  let isWhole = false;
  for (let attempt = 1; target.position < end;) {
    const before = target.position;
    try {
      const maxBytes = target.size ?? MAX_UNKNOWN_BYTES;
      const answer = await requestRange(client, url, { range: { start: before, end }, version: target.version, maxBytes, signal });
      if (answer === undefined) return false;
      const size = await target.accept(answer).catch(async (error: unknown) => {
        await answer.cancel().catch(() => undefined);
        throw error;
      });
      if (!isWhole && answer.isWhole) target.restart(0);
      isWhole ||= answer.isWhole;
      end = isWhole ? size : Math.min(end, size);
      let skip = target.position - answer.range.start;
      for await (const chunk of answer.chunks) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        await target.write(fresh);
      }
      if (target.position < end) throw networkError(url, new Error("the connection was closed"));
    } catch (error) {
      signal?.throwIfAborted();
      const isLasting = !(error instanceof HubError) || (error.code !== "network" && error.code !== "server");
      if (target.position - before >= PROGRESS_BYTES) attempt = 1;
      if (isLasting || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** (attempt - 1)));
      attempt++;
    }
  }
  return true;
}
