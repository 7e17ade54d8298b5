/**
 * One HTTP request for a byte range of a file, or, from a server that does not support ranges, for the whole file.
 */
import { HubError } from "@chinese-clip/pipeline";
import type { ByteRange } from "./byte-ranges.js";
import { networkError, readBody, REQUEST_LIMITS, type RequestLimits, withTimeout } from "./response-body.js";

/** How requests are made. */
export interface HttpClient {
  /** The platform's `fetch`, or the caller's. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Headers of every request, such as an authorization. */
  readonly headers: Readonly<Record<string, string>>;
  /** Default: {@link REQUEST_LIMITS}. */
  readonly limits?: RequestLimits;
}

/** What is asked for besides the address. */
export interface RangeRequest {
  /** Default: the whole file. */
  readonly range?: ByteRange | undefined;
  /** The version whose other bytes are there already: a strong ETag is sent as `If-Range`, so that another version comes whole. */
  readonly version?: string | undefined;
  /** The most bytes that are accepted of a whole file. */
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** A response whose body has not been read. */
export interface HttpAnswer {
  /** The range that the body is of. */
  readonly range: ByteRange;
  /** Whether the server sends the whole file, asked for or not. */
  readonly isWhole: boolean;
  /** Bytes of the whole file; undefined where the server does not say. */
  readonly size: number | undefined;
  /** The server's name for this version of the file: its `ETag`, else `Last-Modified`. It is no hash of the content. */
  readonly version: string | undefined;
  /** SHA-256 of the whole file, where a hub says it (`X-Linked-ETag`); not behind a redirect, whose headers a page never sees. */
  readonly sha256: string | undefined;
  /** The body; to be read or cancelled. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Ends the request unread. */
  cancel(): Promise<void>;
}

/**
 * Requests a range, or all.
 *
 * @returns undefined where the server has no such file.
 * @throws HubError - `unauthorized`, `rate-limited`, `server`, `network`, `integrity`; the signal's reason.
 */
export async function requestRange(
  client: HttpClient,
  url: string,
  { range, version: wanted, maxBytes, signal }: RangeRequest,
): Promise<HttpAnswer | undefined> {
  const { limits = REQUEST_LIMITS } = client;
  const response = await request(client, url, rangeHeaders(url, range, wanted), signal);
  const { status, headers, body } = response;
  // A server of a single-page application answers with its page whatever is asked for.
  const isPage = /^text\/html\b/iu.test(headers.get("content-type") ?? "");
  if (status === 404 || status === 410 || (response.ok && isPage)) {
    await body?.cancel();
    return undefined;
  }
  if (!response.ok || body === null) {
    await body?.cancel();
    throw statusError(url, status);
  }
  const about = {
    version: headers.get("etag") ?? headers.get("last-modified") ?? undefined,
    sha256: /^"?([0-9a-f]{64})"?$/u.exec(headers.get("x-linked-etag") ?? "")?.[1],
  };
  const answer = (of: ByteRange, isWhole: boolean, size: number | undefined, stream: typeof body): HttpAnswer => ({
    ...about,
    range: of,
    isWhole,
    size,
    chunks: readBody(url, stream, of.end - of.start, limits, signal),
    cancel: () => stream.cancel(),
  });
  if (range === undefined || status !== 206) {
    const length = headers.has("content-encoding") ? undefined : byteLengthOf(headers);
    if (length !== undefined && length > maxBytes) {
      await body.cancel();
      throw new HubError("integrity", `${url}: expected at most ${maxBytes} bytes, got ${length}`, { url, expected: maxBytes });
    }
    if (length !== undefined) return answer({ start: 0, end: length }, true, length, body);
    // The length is not said, or is that of the compressed file.
    const blob = await new Response(streamOf(readBody(url, body, maxBytes, limits, signal))).blob();
    return answer({ start: 0, end: blob.size }, true, blob.size, blob.stream());
  }
  // Another origin may hide the header; the answer to a range is that range then.
  const { start, end, size } = parseContentRange(headers.get("content-range")) ?? { ...range, size: undefined };
  if (start !== range.start || end > range.end || end <= start) {
    await body.cancel();
    throw new HubError("integrity", `${url}: expected bytes ${range.start}-${range.end - 1}, got ${start}-${end - 1}`, { url });
  }
  return answer({ start, end }, false, size, body);
}

/**
 * Bytes of a file, by a HEAD request: for a range of another origin's file, whose size `Content-Range` hides from the page. Undefined where the
 * server does not say.
 */
export async function requestSize(client: HttpClient, url: string, signal: AbortSignal | undefined): Promise<number | undefined> {
  const { ok, headers } = await request(client, url, { method: "HEAD", headers: {} }, signal);
  return ok ? byteLengthOf(headers) : undefined;
}

/** Parses `bytes first-last/size`. Undefined for anything else; size undefined for `*`. */
export function parseContentRange(header: string | null): (ByteRange & { readonly size: number | undefined }) | undefined {
  const [, first, last, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/u.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined) return undefined;
  return { start: Number(first), end: Number(last) + 1, size: size === "*" ? undefined : Number(size) };
}

async function request(client: HttpClient, url: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
  const { fetch, headers, limits = REQUEST_LIMITS } = client;
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await withTimeout(
      // What is cached is cached in one place.
      fetch(url, { ...init, headers: { ...headers, ...init.headers }, cache: "no-store", signal: controller.signal }),
      limits.stallMs,
      () => {
        const error = networkError(url, new Error(`no response within ${limits.stallMs / 1000} s`));
        controller.abort(error);
        return error;
      },
    );
  } catch (cause) {
    signal?.throwIfAborted();
    throw networkError(url, cause);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function rangeHeaders(url: string, range: ByteRange | undefined, version: string | undefined): { headers: Record<string, string> } {
  if (range === undefined) return { headers: {} };
  const headers: Record<string, string> = { Range: `bytes=${range.start}-${range.end - 1}` };
  // For another origin `If-Range` would cost a preflight that its CORS may reject; there the versions are only compared.
  if (version?.startsWith('"') === true && new URL(url).origin === globalThis.location?.origin) headers["If-Range"] = version;
  return { headers };
}

function byteLengthOf(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length !== null && /^\d{1,15}$/u.test(length) ? Number(length) : undefined;
}

function streamOf(chunks: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: () => chunks.return().then(() => undefined),
  });
}

function statusError(url: string, status: number): HubError {
  if (status === 401 || status === 403)
    return new HubError("unauthorized", `${url}: HTTP status ${status}. A private or gated model needs the option token`, { url, status });
  if (status === 429)
    return new HubError("rate-limited", `${url}: HTTP status 429. Try again later, or use a mirror (endpoint)`, { url, status });
  return new HubError("server", `${url}: expected a successful response, got HTTP status ${status}`, { url, status });
}
