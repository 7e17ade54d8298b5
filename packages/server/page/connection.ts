/**
 * Requests to the server, with their errors as the page knows them.
 */
import { BackendError, type BackendErrorCode } from "@chinese-clip/search-page";

const KEY = "chinese-clip-key";

/** What images may be, of an answer that becomes an address of this page's origin: none that runs scripts. */
const IMAGES = /^image\/(?:jpeg|png|gif|webp|bmp|avif)$/u;

/** Codes of the server's errors that say more than their status. */
const CODES: Readonly<Record<string, BackendErrorCode>> = {
  "invalid-query": "invalid-query",
  "path-rejected": "invalid-query",
  "text-too-long": "invalid-query",
  "no-such-item": "not-found",
  "invalid-image": "unreadable-image",
  "image-too-large": "unreadable-image",
  "image-unreadable": "unreadable-image",
  "body-too-large": "unreadable-image",
};

/** A request's body and signal. */
interface RequestOptions {
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** The connection, with the key of this tab. */
export class Connection {
  #key = readKey();

  /** Whether requests give a key. */
  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** Gives a key from now on. */
  useKey(key: string): void {
    // What a header cannot hold is no key of any server.
    this.#key = /^[\x21-\x7e]+$/u.test(key) ? key : undefined;
    try {
      sessionStorage.setItem(KEY, this.#key ?? "");
    } catch {
      // For as long as the page lives.
    }
  }

  /** An answer's JSON. @throws BackendError; the signal's reason. */
  async json<Answer>(method: "GET" | "POST", path: string, { body, signal }: RequestOptions): Promise<Answer> {
    const response = await this.#fetch(path, {
      method,
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    try {
      return (await response.json()) as Answer;
    } catch (cause) {
      signal.throwIfAborted();
      throw new BackendError("unreachable", "the connection was closed", { cause });
    }
  }

  /** An address of an image's bytes; undefined where the server has none, or something else. */
  async image(path: string): Promise<string | undefined> {
    const response = await this.#fetch(path, {});
    const blob = await response.blob();
    return IMAGES.test(blob.type) ? URL.createObjectURL(blob) : undefined;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#key !== undefined) headers.set("authorization", `Bearer ${this.#key}`);
    const response = await fetch(path, { ...init, headers }).catch((cause: unknown) => {
      init.signal?.throwIfAborted();
      throw new BackendError("unreachable", "the connection failed", { cause });
    });
    if (response.ok) return response;
    throw await errorOf(response);
  }
}

async function errorOf(response: Response): Promise<BackendError> {
  const { status, headers } = response;
  const { error } = (await response.json().catch(() => ({}))) as {
    readonly error?: { readonly message?: unknown; readonly code?: unknown };
  };
  const message = typeof error?.message === "string" ? error.message : `HTTP ${status}`;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? 1000 * seconds : undefined;
  return new BackendError(codeOf(status, String(error?.code), message), message, { retryAfter });
}

function codeOf(status: number, code: string, message: string): BackendErrorCode {
  if (status === 401) return "unauthorized";
  if (status === 429 || (status >= 502 && status <= 504)) return "busy";
  if (status >= 500) return "server";
  const known = CODES[code] ?? "rejected";
  return known === "invalid-query" && message.startsWith("filter") ? "invalid-filter" : known;
}

function readKey(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) || undefined;
  } catch {
    return undefined;
  }
}
