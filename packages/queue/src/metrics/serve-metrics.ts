/** A port of this machine where Prometheus reads a worker's metrics. */
import { createServer } from "node:http";
import { QueueError } from "../queue-error.js";
import type { WorkerMetrics } from "./worker-metrics.js";

/** Hosts that only this machine reaches. */
const LOOPBACK: readonly string[] = ["127.0.0.1", "::1", "localhost"];

/** A port that answers. */
export interface MetricsServer {
  /** `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  /** Closes the port. */
  close(): Promise<void>;
}

/**
 * Serves metrics under `/metrics`.
 *
 * @param options - `port`: 0 for any that is free. `host`: default `127.0.0.1`. `allowRemote`: listens also where other machines reach it.
 * @throws QueueError - `port-in-use`, `port-unavailable`, `not-loopback`.
 */
export async function serveMetrics(
  metrics: WorkerMetrics,
  {
    port,
    host = "127.0.0.1",
    allowRemote = false,
  }: { readonly port: number; readonly host?: string | undefined; readonly allowRemote?: boolean },
): Promise<MetricsServer> {
  if (!allowRemote && !LOOPBACK.includes(host)) throw new QueueError("not-loopback", { host });
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
    if (request.method !== "GET" || request.url?.split("?", 1)[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("GET /metrics\n");
      return;
    }
    metrics.expose().then(
      ({ text, contentType }) => response.writeHead(200, { "content-type": contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.maxConnections = 16;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const reason = cause.code ?? cause.message;
      reject(
        cause.code === "EADDRINUSE"
          ? new QueueError("port-in-use", { host, port }, { cause })
          : new QueueError("port-unavailable", { host, port, reason }, { cause }),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
