/**
 * Requests to a server of `@chinese-clip/server`: bounded in time and bytes, with its errors as ours. What is sent may be sent twice: a server that is
 * overloaded is asked again when it says.
 */
import { SearchError, type SearchErrorCode } from "../search-error.js";

/** Where a server is, and how it is asked. */
export interface RemoteOptions {
  /** The server's address, as `chinese-clip serve` prints it: `https://photos.example:8080`. */
  readonly url: string | URL;
  /** Its key. */
  readonly apiKey?: string | undefined;
  /** Milliseconds of a request, with the waits of an overloaded server; in a scan, of each of its blocks. Default 30,000. */
  readonly milliseconds?: number | undefined;
  /** What makes requests. Default the platform's. */
  readonly fetch?: ((url: URL, init: RequestInit) => Promise<Response>) | undefined;
}

/** One request. */
export interface RemoteCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the server's address: `/v1/search`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of an answer: a thousand items with long metadata have a tenth of them. */
const MAX_ANSWER = 256 * 2 ** 20;

/** Milliseconds before the second attempt where the server names none, doubled for each further one. */
const FIRST_WAIT = 200;

/** Answers after which the same request is sent again. */
const BUSY: readonly number[] = [429, 503];

/** What codes of the server mean to a caller of a store; others are `rejected`. */
const CODES: Readonly<Record<string, SearchErrorCode>> = {
  "invalid-query": "invalid-filter",
  "model-mismatch": "fingerprint-mismatch",
  "read-only": "read-only",
  "store-unavailable": "incomplete",
  overloaded: "unavailable",
  "queue-timeout": "unavailable",
  "timed-out": "unavailable",
  "shutting-down": "unavailable",
};

/** A server. */
export class ServerClient {
  /** Its address, for messages. */
  readonly url: string;
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #milliseconds: number;
  readonly #fetch: (url: URL, init: RequestInit) => Promise<Response>;

  /** @throws TypeError, RangeError - options that cannot be. */
  constructor({ url, apiKey, milliseconds = 30_000, fetch }: RemoteOptions, caller: string) {
    const isAddress = URL.canParse(String(url)) && /^https?:$/.test(new URL(url).protocol);
    const base = isAddress ? new URL(url) : undefined;
    if (base === undefined || base.username !== "" || base.password !== "")
      throw new TypeError(`${caller}: expected url to be an address that begins with http:// or https://, without a user's name`);
    if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
      throw new TypeError(`${caller}: expected apiKey to be printable ASCII without spaces`);
    if (!(Number.isFinite(milliseconds) && milliseconds > 0 && milliseconds < 2 ** 31))
      throw new RangeError(`${caller}: expected milliseconds to be a positive number, got ${String(milliseconds)}`);
    [base.search, base.hash] = ["", ""];
    const path = base.pathname;
    let end = path.length;
    while (path[end - 1] === "/") end--;
    base.pathname = path.slice(0, end);
    this.#base = base;
    this.url = base.href.replace(/\/$/, "");
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    this.#milliseconds = milliseconds;
    this.#fetch = fetch ?? ((to, init) => globalThis.fetch(to, init));
  }

  /**
   * The JSON object that answers a request.
   *
   * @throws SearchError - `unavailable`, `rejected`, and what the server says of queries and models; the signal's reason.
   */
  async json(call: RemoteCall): Promise<Readonly<Record<string, unknown>>> {
    return this.#within(call.signal, async (patience) => {
      const response = await this.#send(call, patience);
      return this.#parse(await this.#read(response, patience));
    });
  }

  /**
   * The lines of an answer, each a JSON object.
   *
   * @throws SearchError - as {@link ServerClient.json}; `unavailable` also where the answer ends early.
   */
  async *lines(call: RemoteCall): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
    const patience = new Patience(this.#milliseconds, call.signal);
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    try {
      const response = await this.#orUnavailable(patience, () => this.#send(call, patience));
      reader = response.body?.getReader();
      const decoder = new TextDecoder("utf-8", { fatal: true });
      let rest = "";
      for (;;) {
        patience.renew();
        const part = await this.#orUnavailable(patience, async () => reader?.read());
        if (part === undefined || part.done) break;
        const texts = (rest + this.#decode(decoder, part.value)).split("\n");
        rest = texts.pop() ?? "";
        if (rest.length > MAX_ANSWER) throw this.#unavailable("a line of its answer is too long");
        for (const text of texts) {
          const line = this.#parse(text);
          if (line["end"] === true) return;
          yield line;
        }
      }
      throw this.#unavailable("its answer ended early");
    } finally {
      patience.end();
      reader?.cancel().catch(() => undefined);
    }
  }

  /** The error for an answer that is not one of our server's. */
  unexpected(what: string): SearchError {
    return this.#unavailable(`expected ${what} in its answer`);
  }

  async #within<Answer>(signal: AbortSignal | undefined, run: (patience: Patience) => Promise<Answer>): Promise<Answer> {
    const patience = new Patience(this.#milliseconds, signal);
    try {
      return await this.#orUnavailable(patience, () => run(patience));
    } finally {
      patience.end();
    }
  }

  /** What did not succeed as the error that callers see. */
  async #orUnavailable<Answer>(patience: Patience, run: () => Promise<Answer>): Promise<Answer> {
    try {
      return await patience.orOver(run());
    } catch (cause) {
      patience.signal?.throwIfAborted();
      if (cause instanceof SearchError) throw cause;
      throw this.#unavailable(patience.isOver ? `no answer within ${this.#milliseconds} ms` : reasonOf(cause), cause);
    }
  }

  /** Sends a request until it is answered with success. */
  async #send({ method, path, body }: RemoteCall, patience: Patience): Promise<Response> {
    const headers = { ...this.#headers, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    for (let wait = FIRST_WAIT; ; wait *= 2) {
      const url = new URL(this.#base.pathname.replace(/\/$/, "") + path, this.#base);
      const response = await this.#fetch(url, { method, headers, ...text, redirect: "error", signal: patience.over });
      if (response.ok) return response;
      const error = this.#errorOf(response.status, await this.#read(response, patience));
      const stated = Number(response.headers.get("retry-after") ?? Number.NaN) * 1000;
      const pause = Number.isFinite(stated) && stated > 0 ? stated : wait;
      if (!BUSY.includes(response.status) || error.details.reason === "store-unavailable" || pause >= patience.left) throw error;
      await patience.pause(pause);
    }
  }

  async #read(response: Response, patience: Patience): Promise<string> {
    const reader = response.body?.getReader();
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const texts: string[] = [];
    let length = 0;
    try {
      for (;;) {
        const part = await patience.orOver(Promise.resolve(reader?.read()));
        if (part === undefined || part.done) break;
        length += part.value.length;
        if (length > MAX_ANSWER) throw this.#unavailable(`its answer has more than ${MAX_ANSWER} bytes`);
        texts.push(this.#decode(decoder, part.value));
      }
    } finally {
      reader?.cancel().catch(() => undefined);
    }
    return texts.join("");
  }

  #decode(decoder: TextDecoder, bytes: Uint8Array): string {
    try {
      return decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw this.#unavailable("expected UTF-8 in its answer", cause);
    }
  }

  #parse(text: string): Readonly<Record<string, unknown>> {
    const value = parseJsonObject(text);
    if (value === undefined) throw this.unexpected("a JSON object");
    return value;
  }

  #errorOf(status: number, text: string): SearchError {
    const found = parseJsonObject(text)?.["error"];
    const { message, code } = typeof found === "object" && found !== null ? (found as Readonly<Record<string, unknown>>) : {};
    const reason = typeof code === "string" ? code.slice(0, 60) : undefined;
    const said = typeof message === "string" ? message.slice(0, 500) : `HTTP ${status}`;
    const details = { url: this.url, status, ...(reason === undefined ? {} : { reason }) };
    const known = reason === undefined ? undefined : CODES[reason];
    return new SearchError(known ?? (status >= 500 ? "unavailable" : "rejected"), `${this.url}: ${said}`, details);
  }

  #unavailable(why: string, cause?: unknown): SearchError {
    return new SearchError("unavailable", `${this.url}: ${why}`, { url: this.url }, { cause });
  }
}

/** The time that a request has. */
class Patience {
  readonly signal: AbortSignal | undefined;
  readonly #milliseconds: number;
  readonly #controller = new AbortController();
  readonly #onAbort = (): void => this.#controller.abort(this.signal?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #deadline = 0;

  constructor(milliseconds: number, signal: AbortSignal | undefined) {
    this.signal = signal;
    this.#milliseconds = milliseconds;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
    this.renew();
  }

  /** Aborts when it is over. */
  get over(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.over.aborted;
  }

  /** Milliseconds. */
  get left(): number {
    return this.#deadline - performance.now();
  }

  /** Begins again. */
  renew(): void {
    clearTimeout(this.#timer);
    this.#deadline = performance.now() + this.#milliseconds;
    this.#timer = setTimeout(() => this.#controller.abort(), this.#milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.signal?.removeEventListener("abort", this.#onAbort);
  }

  pause(milliseconds: number): Promise<void> {
    return this.orOver(new Promise((resolve) => void setTimeout(resolve, milliseconds)));
  }

  /** A promise's value, or a rejection when the time is over: not every platform's reader ends with its request. */
  orOver<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const onOver = (): void => reject(this.over.reason);
      if (this.isOver) onOver();
      else this.over.addEventListener("abort", onOver, { once: true });
      void promise.then(resolve, reject).finally(() => this.over.removeEventListener("abort", onOver));
    });
  }
}

function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** Why a request failed: `fetch` says "fetch failed", and its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed";
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
