/** A handler on a port: addresses, connections that misbehave, and the end. */
import { connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createHandler, type HandlerOptions } from "../../src/index.js";
import { type RunningServer, serve, ServeError, type ServeOptions } from "../../src/node/index.js";
import { FakeEmbedder } from "../fake-embedder.js";

const servers: RunningServer[] = [];
afterEach(async () => void (await Promise.all(servers.splice(0).map((server) => server.close()))));

async function start(options: Partial<HandlerOptions> = {}, how: ServeOptions = {}) {
  const embedder = new FakeEmbedder();
  const server = await serve(createHandler({ embedder, ...options }), how);
  servers.push(server);
  return { embedder, server };
}

const embed = (url: string, input: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/v1/embeddings`, {
    method: "POST",
    body: JSON.stringify({ input }),
    headers: { "content-type": "application/json" },
    ...init,
  });

/** Sends bytes as they are; resolves with all that comes back until the connection ends. */
function raw(port: number, bytes: string, then?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(bytes);
      then?.(socket);
    });
    let text = "";
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.on("error", reject).on("close", () => resolve(text));
  });
}

it("listens on this machine alone unless it is told otherwise", async () => {
  const { server } = await start();
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  expect((await embed(server.url, "猫")).status).toBe(200);
});

it.each(["0.0.0.0", "::", "192.168.1.1", "example.org"])("does not listen on %s without a key", async (host) => {
  await expect(start({}, { host })).rejects.toThrow(expect.objectContaining({ name: "ServeError", code: "key-required" }));
});

it("listens there with a key, or where it is told that every caller is trusted", async () => {
  const { server } = await start({ apiKey: "k" }, { host: "0.0.0.0" });
  expect((await embed(`http://127.0.0.1:${server.port}`, "猫")).status).toBe(401);
  const open = await start({ allowedHosts: ["*"] }, { host: "0.0.0.0", allowUnauthenticated: true });
  expect((await embed(`http://127.0.0.1:${open.server.port}`, "猫")).status).toBe(200);
});

it("says that a port is in use", async () => {
  const { server } = await start();
  const failing = start({}, { port: server.port });
  await expect(failing).rejects.toThrow(ServeError);
  await expect(failing).rejects.toMatchObject({ code: "address-in-use", details: { host: "127.0.0.1", port: server.port } });
});

it("answers what is no HTTP in the shape of all errors", async () => {
  const { server } = await start();
  const { port } = server;
  const host = `host: 127.0.0.1:${port}\r\n`;
  for (const [bytes, status] of [
    ["nonsense\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\n${host}x: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n`, 400],
    [`GET http://evil.example/v1/models HTTP/1.1\r\n${host}connection: close\r\n\r\n`, 403],
    [`GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n`, 403],
    [`POST /v1/embeddings HTTP/1.1\r\n${host}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [
      `POST /v1/embeddings HTTP/1.1\r\n${host}connection: close\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n`,
      413,
    ],
  ] as const) {
    const text = await raw(port, bytes);
    expect(text.slice(0, 60)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const body: unknown = JSON.parse(/\{.*\}/.exec(text)?.[0] ?? "null");
    expect(body).toEqual({ error: { message: expect.any(String), type: expect.any(String), code: expect.any(String) } });
  }
});

it("closes connections above their number, and serves the others", async () => {
  const { server } = await start({}, { maxConnections: 2 });
  const idle = [connect(server.port, "127.0.0.1"), connect(server.port, "127.0.0.1")];
  try {
    await Promise.all(idle.map((socket) => new Promise((resolve) => void socket.once("connect", resolve))));
    expect(await raw(server.port, "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").catch(() => "")).toBe("");
    const answer = new Promise<string>((resolve) => void idle[0]?.setEncoding("utf8").once("data", resolve));
    idle[0]?.write("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
  } finally {
    for (const socket of idle) socket.destroy();
  }
});

it("counts a chunked body as it arrives", async () => {
  const { server } = await start({ limits: { bodyBytes: 1000 } });
  const head = `POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
  const text = await raw(server.port, head, (socket) => {
    for (let i = 0; i < 5; i++) socket.write(`190\r\n${" ".repeat(400)}\r\n`);
  });
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
});

it("drops the work of a caller that closes the connection", async () => {
  const { server, embedder } = await start();
  const started = new Promise<void>((resolve) => {
    embedder.wait = (signal) => {
      resolve();
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    };
  });
  const caller = new AbortController();
  const answer = embed(server.url, "猫", { signal: caller.signal });
  await started;
  caller.abort();
  await expect(answer).rejects.toThrow();
  await expect.poll(() => embedder.signals[0]?.aborted).toBe(true);
});

it("ends: stops listening, lets requests in flight finish, and closes connections", async () => {
  const ending = new AbortController();
  const { server, embedder } = await start({}, { signal: ending.signal });
  let release!: () => void;
  const started = new Promise<void>((resolve) => {
    embedder.wait = () => {
      resolve();
      return new Promise((done) => void (release = done));
    };
  });
  const answer = embed(server.url, "猫");
  await started;
  ending.abort();
  await expect(embed(server.url, "狗")).rejects.toThrow();
  release();
  expect((await answer).status).toBe(200);
  await server.closed;
  await server.close();
});

it("ends where a body never comes", async () => {
  const { server } = await start({ limits: { shutdownMilliseconds: 50 } });
  const head = `POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
  const text = raw(server.port, head).catch(() => "");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.close();
  expect(await text).toMatch(/^(?:HTTP\/1\.1 503 |$)/);
});
