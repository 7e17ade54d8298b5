/**
 * One request to a hub: redirects followed by hand, so that the token stays with the host that it is for, and each failure told apart.
 */
import { HubError, isError } from "@chinese-clip/pipeline";
import type { HubFetch } from "./hub-fetch.js";
import { parseRetryAfter } from "./retry.js";

/** What every request of one load has in common. */
export interface HubClient {
  readonly fetch: HubFetch;
  readonly token: string | undefined;
  /** `Authorization` headers by origin, for where there is no token. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds until an answer must have begun, redirects included, and that JSON may stop for; all of it may take six times as long. */
  readonly timeout: number;
}

/** One request. */
export interface HubRequest {
  readonly method: "GET" | "HEAD";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Is shown each redirect before it is followed; with true, that answer is taken as the last. */
  readonly onRedirect?: ((response: Response, target: URL) => boolean) | undefined;
  /** Ends the request and the reading of its body. */
  readonly signal?: AbortSignal | undefined;
}

const MAX_REDIRECTS = 10;
const MAX_JSON_BYTES = 32 * 1024 * 1024;
/** How many times its timeout an answer in JSON may take. */
const LONGEST_JSON = 6;

/**
 * Sends a request and follows its redirects.
 *
 * @returns the first answer that is no redirect, whatever its status; its body is not read yet.
 * @throws HubError - `network`: no connection, no answer in time; `server`: redirects that lead nowhere. The signal's reason.
 */
export async function sendRequest(client: HubClient, request: HubRequest): Promise<Response> {
  const origin = new URL(request.url).origin;
  let url = new URL(request.url);
  const deadline = performance.now() + client.timeout;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await sendOnce(client, request, url, url.origin === origin, deadline);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return response;
    const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (target?.protocol !== "https:" && target?.protocol !== "http:") {
      throw new HubError("server", `${url.href}: expected a redirect to an http: or https: URL, got ${location.slice(0, 200)}`, {
        url: url.href,
        status: response.status,
      });
    }
    if (request.onRedirect?.(response, target) === true) return response;
    await discard(response);
    url = target;
  }
  throw new HubError("server", `${request.url}: expected at most ${MAX_REDIRECTS} redirects, got more`, { url: request.url });
}

async function sendOnce(client: HubClient, request: HubRequest, url: URL, isHub: boolean, deadline: number): Promise<Response> {
  const { fetch, token, passwords, timeout } = client;
  const authorization = isHub && token !== undefined ? `Bearer ${token}` : isHub ? passwords.get(url.origin) : undefined;
  const signal = request.signal ?? client.signal;
  signal?.throwIfAborted();
  // The time limit is for the answer's head only; a body may take as long as it keeps coming.
  const head = new AbortController();
  const left = Math.max(1, deadline - performance.now());
  const timer = setTimeout(() => head.abort(new Error(`no answer within ${timeout} ms`)), left);
  try {
    return await fetch(url.href, {
      method: request.method,
      redirect: "manual",
      signal: signal === undefined ? head.signal : AbortSignal.any([signal, head.signal]),
      headers: {
        // Sizes and hashes are those of the file itself.
        "accept-encoding": "identity",
        "user-agent": `chinese-clip; node/${process.versions.node}`,
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
  } catch (error) {
    client.signal?.throwIfAborted();
    throw networkError(url.href, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The error for a connection that could not be made or broke. */
export function networkError(url: string, cause: unknown): HubError {
  // fetch says only "fetch failed" or "terminated" and keeps what happened as the cause.
  const reasons: string[] = [];
  for (let error = cause; isError(error) && reasons.length < 3; error = error.cause) reasons.push(error.message);
  return new HubError(
    "network",
    `${url}: no connection (${reasons.filter(Boolean).join(": ") || String(cause)}). Set HF_ENDPOINT or the endpoint option to a mirror, ` +
      "HTTPS_PROXY to a proxy, or try modelscope:owner/name; with the files in the cache, HF_HUB_OFFLINE=1 makes no request",
    { url },
    { cause },
  );
}

/** The error for an answer that is no success. Reads nothing of its body. */
export function statusError(response: Response, url: string): HubError {
  const { status, headers } = response;
  const said = headers.get("x-error-message")?.slice(0, 200) ?? response.statusText;
  const reason = headers.get("x-error-code") ?? undefined;
  const details = { url, status, ...(reason === undefined ? {} : { reason }) };
  const got = `${url}: HTTP status ${status}${said ? ` (${said})` : ""}`;
  if (status === 401 || status === 403) {
    return new HubError(
      "unauthorized",
      `${got}. The model is private or gated, or there is none of this name: check the name, accept its conditions on its page, and set ` +
        "HF_TOKEN or the token option",
      details,
    );
  }
  if (status === 404 || status === 410) return new HubError("not-found", `${got}. Check the model's name and the revision`, details);
  if (status === 429) {
    const retryAfterMs = parseRetryAfter(headers.get("retry-after"));
    return new HubError(
      "rate-limited",
      `${got}. Too many requests: wait${retryAfterMs === undefined ? "" : ` ${Math.ceil(retryAfterMs / 1000)} s`}, or set HF_TOKEN, ` +
        "which has a higher limit, or HF_ENDPOINT to a mirror",
      { ...details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    );
  }
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"));
  return new HubError("server", `${got}. Try again later, or set HF_ENDPOINT or the endpoint option to a mirror`, {
    ...details,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/**
 * The JSON of a successful answer.
 *
 * @throws HubError - `server`: no JSON, or far too much of it; `network`: also for one that does not come to an end in time.
 */
export async function readJsonBody({ timeout, signal }: HubClient, response: Response, url: string): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  let isLate = false;
  const end = (): void => {
    isLate = true;
    void reader?.cancel().catch(() => undefined);
  };
  const stall = setTimeout(end, timeout);
  const total = setTimeout(end, LONGEST_JSON * timeout);
  try {
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      stall.refresh();
      parts.push(part.value);
      length += part.value.length;
      if (length > MAX_JSON_BYTES) {
        end();
        throw new HubError("server", `${url}: expected at most ${MAX_JSON_BYTES} bytes of JSON, got more`, { url });
      }
    }
  } catch (error) {
    if (error instanceof HubError) throw error;
    signal?.throwIfAborted();
    throw networkError(url, error);
  } finally {
    clearTimeout(stall);
    clearTimeout(total);
  }
  if (isLate)
    throw networkError(url, new Error(`no end of the answer within ${timeout} ms without a byte, or ${LONGEST_JSON * timeout} ms`));
  const text = Buffer.concat(parts).toString("utf8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HubError("server", `${url}: expected JSON, got ${JSON.stringify(text.slice(0, 60))}`, { url }, { cause });
  }
}

/** Lets go of an answer whose body nobody wants. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
