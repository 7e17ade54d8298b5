/**
 * Bytes of a file over HTTP, as a stream: the range that is asked for, or, from a server that knows no ranges, the whole file.
 */
import { HubError } from "@chinese-clip/pipeline";
import type { ByteRange } from "./byte-ranges.js";

/** What makes requests, and what goes with each. */
export interface HttpClient {
  /** The platform's `fetch`, or the caller's. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Headers of every request, such as an authorization. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer whose body has not been read. */
export interface HttpAnswer {
  /** The range that the body is of. */
  readonly range: ByteRange;
  /** Whether the server gave the whole file, asked for or not. */
  readonly isWhole: boolean;
  /** Bytes of the whole file; undefined where the server does not say. */
  readonly size: number | undefined;
  /** What the server calls this version of the file. */
  readonly version: string | undefined;
  /** sha256 of the whole file, where a hub says it; not behind a redirect, whose headers a page never sees. */
  readonly sha256: string | undefined;
  /** The body. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Asks for a range, or for all.
 *
 * @returns undefined where the server has no such file.
 * @throws HubError - `unauthorized`, `rate-limited`, `server`, `network`, `integrity`; the signal's reason.
 */
export async function requestRange(
  { fetch, headers }: HttpClient,
  url: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer | undefined> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { ...headers, ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }) },
      // What is kept is kept in one place.
      cache: "no-store",
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof HubError ? cause : networkError(url, cause);
  }
  const { status, body } = response;
  // A server of a single-page application answers with its page whatever is asked for.
  const isPage = /^text\/html\b/iu.test(response.headers.get("content-type") ?? "");
  if (status === 404 || status === 410 || (response.ok && isPage)) {
    await body?.cancel();
    return undefined;
  }
  if (!response.ok || body === null) {
    await body?.cancel();
    throw statusError(url, status);
  }
  const version = response.headers.get("etag") ?? response.headers.get("last-modified") ?? undefined;
  const sha256 = /^"?([0-9a-f]{64})"?$/u.exec(response.headers.get("x-linked-etag") ?? "")?.[1];
  const said = { version, sha256 };
  if (range === undefined || status !== 206) {
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    if (!response.headers.has("content-encoding") && Number.isSafeInteger(length))
      return { ...said, range: { start: 0, end: length }, isWhole: true, size: length, body };
    // The length is not said, or is that of the compressed file.
    const bytes = await wholeBody(url, response, signal);
    const { body: stream } = new Response(bytes);
    return { ...said, range: { start: 0, end: bytes.size }, isWhole: true, size: bytes.size, body: stream ?? body };
  }
  const place = /^bytes (\d+)-(\d+)\/(\d+|\*)$/u.exec(response.headers.get("content-range") ?? "");
  // Another origin may hide the header; the answer to a range is that range then.
  const start = place === null ? range.start : Number(place[1]);
  const end = place === null ? range.end : Number(place[2]) + 1;
  if (start !== range.start || end > range.end) {
    await body.cancel();
    throw new HubError("integrity", `${url}: expected bytes ${range.start}-${range.end - 1}, got ${start}-${end - 1}`, { url });
  }
  return { ...said, range: { start, end }, isWhole: false, size: place === null || place[3] === "*" ? undefined : Number(place[3]), body };
}

/** The error of a connection that could not be made, or that broke. */
export function networkError(url: string, cause: unknown): HubError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HubError(
    "network",
    `${url}: could not be fetched (${why}). Check the connection, and that the server allows this page by CORS; what has come is kept`,
    { url },
    { cause },
  );
}

async function wholeBody(url: string, response: Response, signal: AbortSignal | undefined): Promise<Blob> {
  try {
    return await response.blob();
  } catch (cause) {
    signal?.throwIfAborted();
    throw networkError(url, cause);
  }
}

function statusError(url: string, status: number): HubError {
  if (status === 401 || status === 403)
    return new HubError("unauthorized", `${url}: HTTP status ${status}. A private or gated model needs the option token`, { url, status });
  if (status === 429)
    return new HubError("rate-limited", `${url}: HTTP status 429. Come back later, or use a mirror (endpoint)`, { url, status });
  return new HubError("server", `${url}: expected a successful answer, got HTTP status ${status}`, { url, status });
}
