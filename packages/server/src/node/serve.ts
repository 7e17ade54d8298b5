/**
 * A handler on a port. What Node's server itself answers (headers that are too large, too slow or no HTTP) has the shape of all other errors.
 */
import { getRequestListener } from "@hono/node-server";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { isLoopback } from "../admission/access.js";
import type { Handler } from "../handler.js";

/** Why a server cannot start: a closed set. */
export type ServeErrorCode =
  /** An address that others reach, and no key. */
  | "key-required"
  /** Another program listens there. */
  | "address-in-use"
  /** The machine has no such address, or does not let this user listen there. */
  | "address-unavailable";

/** A server that cannot start. */
export class ServeError extends Error {
  /** `"ServeError"`. */
  override readonly name: string = "ServeError";
  /** Why. */
  readonly code: ServeErrorCode;
  /** The address. */
  readonly details: { readonly host: string; readonly port: number };

  constructor(code: ServeErrorCode, message: string, details: { readonly host: string; readonly port: number }, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** Where to listen, and until when. */
export interface ServeOptions {
  /** Default `127.0.0.1`: this machine alone. Another address needs a handler with a key. */
  readonly host?: string | undefined;
  /** Default 0: any that is free. */
  readonly port?: number | undefined;
  /** Ends the server: it stops listening, and requests in flight finish. */
  readonly signal?: AbortSignal | undefined;
  /** Listens also where others reach it without a key, for a network where every caller is trusted. Default false. */
  readonly allowUnauthenticated?: boolean | undefined;
  /** Connections at a time; further ones are closed. Default 1024. */
  readonly maxConnections?: number | undefined;
}

/** A server that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Its port. */
  readonly port: number;
  /** Resolves when it has ended. */
  readonly closed: Promise<void>;
  /** The same as aborting the signal. @returns {@link RunningServer.closed}. */
  close(): Promise<void>;
}

/** Bytes of a request's headers. */
const MAX_HEADER_BYTES = 16_384;

/**
 * Milliseconds for a request's headers, for all of a request, and that a connection waits for its next one: longer than a proxy keeps its own, which is
 * a minute for nginx and most load balancers. A proxy that sends a request where the connection has just been closed answers 502.
 */
const [HEADERS_TIMEOUT, REQUEST_TIMEOUT, KEEP_ALIVE_TIMEOUT] = [10_000, 60_000, 65_000] as const;

/**
 * Listens.
 *
 * @throws ServeError.
 */
export async function serve(handler: Handler, options: ServeOptions = {}): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 0, signal, allowUnauthenticated = false, maxConnections = 1024 } = options;
  if (!handler.requiresKey && !allowUnauthenticated && !isLoopback(host)) {
    throw new ServeError("key-required", `${host}: expected a key, since others reach this address; or listen on 127.0.0.1`, {
      host,
      port,
    });
  }
  const listener = getRequestListener((request) => handler.fetch(request), {
    overrideGlobalObjects: false,
    errorHandler: () => errorResponse(400, "the request is no valid HTTP"),
  });
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT,
      headersTimeout: HEADERS_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  server.maxConnections = maxConnections;
  server.on("clientError", answerClientError);
  await listen(server, host, port);
  const address = server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;

  let ending: Promise<void> | undefined;
  const closed = new Promise<void>((resolve) => void server.on("close", resolve));
  const close = (): Promise<void> => {
    ending ??= (async () => {
      server.close(); // no further connections; those that are idle end
      await handler.dispose();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), 1000);
      await closed;
      clearTimeout(timer);
    })();
    return ending;
  };
  if (signal?.aborted === true) void close();
  else signal?.addEventListener("abort", () => void close(), { once: true });
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`, port: actual, closed, close };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === "EADDRINUSE";
      const message = inUse
        ? `port ${port} of ${host} is in use`
        : `cannot listen on port ${port} of ${host} (${cause.code ?? cause.message})`;
      reject(new ServeError(inUse ? "address-in-use" : "address-unavailable", message, { host, port }, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: number, words: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", `expected headers of at most ${MAX_HEADER_BYTES} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request arrives too slowly"],
};

function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, words, message] = CLIENT_ERRORS[error.code ?? ""] ?? [400, "Bad Request", "the request is no valid HTTP"];
  const body = errorBody(message);
  socket.end(
    `HTTP/1.1 ${status} ${words}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function errorResponse(status: number, message: string): Response {
  return new Response(errorBody(message), { status, headers: { "content-type": "application/json" } });
}

function errorBody(message: string): string {
  return JSON.stringify({ error: { message, type: "invalid_request_error", code: "invalid-request" } });
}
