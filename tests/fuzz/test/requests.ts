/**
 * Requests of strangers as readers: each answer is a success, or an error in the shape that all errors have, which is thrown here so that the report
 * counts it by code. A status of 500 is a fault, whatever was sent.
 */
import { MemoryStore } from "../../../packages/search/src/index.js";
import { createHandler, type Handler, ServerError, type ServerErrorCode } from "../../../packages/server/src/index.js";
import { serve } from "../../../packages/server/src/node/index.js";
import { DIM, FakeEmbedder, textEmbedding } from "../../../packages/server/test/fake-embedder.js";
import { connect } from "node:net";
import type { Reader } from "./run-cases.js";

const ORIGIN = "http://127.0.0.1:8080";

/** Items that make the server's store a new one, so that a million requests do not fill the memory. */
const MAX_ITEMS = 2000;

const embedder = new FakeEmbedder();
let store: MemoryStore;
let handler: Handler | undefined;

async function currentHandler(): Promise<Handler> {
  // What it was asked for is of no interest, and would grow.
  embedder.texts.length = embedder.images.length = embedder.signals.length = 0;
  if (handler !== undefined && store.info.count <= MAX_ITEMS) return handler;
  store = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  const items = Array.from({ length: 50 }, (_, i) => ({
    id: `item ${i}`,
    embedding: textEmbedding(`${i}`),
    meta: { path: `${i}.jpg`, size: i },
  }));
  await store.upsert(items);
  const readFile = async (): Promise<Uint8Array> => new Uint8Array([0xff, 0xd8, 0xff]);
  handler = createHandler({
    embedder,
    stores: { photos: { store, writable: true, readFile, readThumbnail: readFile } },
    imageSize: (bytes) => (bytes.length > 4 ? { width: bytes[3] ?? 0, height: bytes[4] ?? 0 } : undefined),
    allowedOrigins: ["https://photos.example"],
    limits: { cacheBytes: 1_000_000 },
    onError: (error) => {
      throw error;
    },
  });
  return handler;
}

/** @throws ServerError - an error that was answered as errors are; Error - an answer that should not be. */
function checkAnswer(status: number, type: string | null, text: string): void {
  if (status < 400) return;
  const isJson = type?.startsWith("application/json") === true;
  const body = (isJson ? JSON.parse(text) : undefined) as { error: { message: string; type: string; code: string } } | undefined;
  const { message, code } = body?.error ?? {};
  if (typeof message !== "string" || typeof code !== "string" || Object.keys(body ?? {}).length !== 1)
    throw new Error(`answered ${status} with ${text.slice(0, 200)}`);
  if (status >= 500) throw new Error(`answered ${status}: ${message}`);
  throw new ServerError(code as ServerErrorCode, message);
}

async function send(
  method: string,
  path: string,
  body: string | Uint8Array | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  let request: Request;
  try {
    request = new Request(ORIGIN + path, { method, headers, ...(body === undefined ? {} : { body: body as string }) });
  } catch {
    throw new ServerError("invalid-request", "no request"); // what the platform makes no request of
  }
  const response = await (await currentHandler()).fetch(request);
  const text = await response.text();
  if (response.headers.get("x-content-type-options") !== "nosniff") throw new Error("an answer without nosniff");
  if (method === "HEAD") return;
  checkAnswer(response.status, response.headers.get("content-type"), text);
}

const PNG = `data:image/png;base64,${Buffer.from([137, 80, 78, 71, 9, 9, 1, 2, 3]).toString("base64")}`;

const json = (name: string, method: string, path: string, seeds: readonly unknown[]): Reader => ({
  name,
  weight: 3,
  kind: "json-text",
  seeds: seeds.map((seed) => JSON.stringify(seed)),
  read: (body) => send(method, path, body, { "content-type": "application/json" }),
});

const form = (fields: Readonly<Record<string, string>>): Uint8Array =>
  new TextEncoder().encode(
    `${Object.entries(fields)
      .map(([name, value]) => `--xyz\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join("")}--xyz--\r\n`,
  );

let port: Promise<number> | undefined;

/** Sends bytes to a server on a port, and reads what comes back. */
async function sendRaw(bytes: Uint8Array): Promise<void> {
  port ??= currentHandler().then(async (current) => (await serve({ ...current, dispose: async () => undefined })).port);
  const target = await port;
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    const socket = connect(target, "127.0.0.1", () => socket.end(bytes));
    socket.setEncoding("latin1").on("data", (part: string) => (received += part));
    socket.on("close", () => resolve(received));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? resolve(received) : reject(error),
    );
  });
  const [, status, type, body] = /^HTTP\/1\.1 (\d{3}) (?:.*\r\n)*?content-type: (.*)\r\n(?:.*\r\n)*?\r\n([^]*)/i.exec(text) ?? [];
  if (status === undefined) return; // closed without an answer, as where no request was whole
  const end = body?.indexOf("HTTP/1.1 ") ?? -1;
  checkAnswer(Number(status), type ?? null, Buffer.from(end < 0 ? (body ?? "") : (body ?? "").slice(0, end), "latin1").toString());
}

const rawRequest = (text: string): Uint8Array => new TextEncoder().encode(text.replaceAll("\n", "\r\n"));

/** The readers. */
export const REQUESTS: readonly Reader[] = [
  json("server: embeddings", "POST", "/v1/embeddings", [
    { input: ["猫", { text: "狗" }, { image: PNG }], model: "chinese-clip", encoding_format: "base64", dimensions: 8, user: "u" },
    { input: "猫", encoding_format: "float" },
    { input: { image: PNG.slice(22) } },
  ]),
  json("server: TEI", "POST", "/embed", [
    { inputs: ["猫", "狗"], normalize: true, truncate: true, truncation_direction: "Right", prompt_name: null },
  ]),
  json("server: classify", "POST", "/v1/classify", [
    { input: [{ image: PNG }], labels: ["猫", "狗"], template: ["一张{}的照片", "{}"], top: 1, model: null },
    { input: { image: PNG }, labels: ["猫"] },
  ]),
  json("server: search", "POST", "/v1/search", [
    {
      index: "photos",
      text: "猫",
      top: 5,
      minScore: 0.1,
      filter: { and: [{ field: "size", op: "lt", value: 9 }, { not: { field: ["a", "b"], op: "in", value: ["c", 1, null] } }] },
    },
    { query: '2:猫 - 狗 + "a - b"', offset: 3, limit: 4 },
    { vector: [...textEmbedding("v")], top: 3 },
    { id: "item 3", filter: { or: [{ field: "path", op: "startsWith", value: "1" }] } },
    { image: PNG },
  ]),
  json("server: put", "PUT", "/v1/indexes/photos/items", [
    {
      items: [
        { id: "a", text: "a", meta: { path: "a.jpg", deep: { er: [1, null] } } },
        { id: "b", image: PNG },
        { id: "c", vector: [...textEmbedding("v")] },
      ],
    },
  ]),
  json("server: delete", "DELETE", "/v1/indexes/photos/items", [{ ids: ["a", "b", "item 49"] }]),
  {
    name: "server: immich's form",
    weight: 3,
    kind: "bytes",
    seeds: [
      form({ entries: '{"clip":{"textual":{"modelName":"m","options":{"language":"zh"}}}}', text: "猫" }),
      form({ entries: '{"clip":{"visual":{"modelName":"m"}}}', image: "\x89PNG 123" }),
    ],
    read: (body) => send("POST", "/predict", body, { "content-type": "multipart/form-data; boundary=xyz" }),
  },
  {
    name: "server: content types",
    weight: 1,
    kind: "text",
    seeds: ["multipart/form-data; boundary=xyz", 'multipart/form-data; charset=utf-8; boundary="xyz"', "application/json; charset=utf-8"],
    read: (type) =>
      send("POST", "/predict", form({ entries: '{"clip":{"textual":{}}}', text: "猫" }), { "content-type": type.slice(0, 4000) }),
  },
  {
    name: "server: paths and headers",
    weight: 3,
    kind: "text",
    seeds: [
      "GET /v1/indexes/photos/items/item%201/thumbnail\nhost: 127.0.0.1",
      'GET /v1/indexes/photos/items?offset=3&limit=5&filter={"field":"size","op":"lt","value":9}\norigin: https://photos.example',
      "GET /v1/models/chinese-clip\nauthorization: Bearer k\nhost: localhost:8080",
      "OPTIONS /v1/search\norigin: https://photos.example",
      "GET /v1/indexes/photos/duplicates?tier=image&offset=0&limit=3\nhost: 127.0.0.1",
      "GET /openapi.json\nhost: [::1]:8080",
      "HEAD /healthz\norigin: null",
    ],
    async read(text) {
      const [line = "", ...lines] = text.slice(0, 20_000).split("\n");
      const [method = "GET", path = ""] = line.split(" ");
      const headers = Object.fromEntries(
        lines.slice(0, 20).map((one) => [one.split(": ")[0], one.split(": ").slice(1).join(": ")] as const),
      );
      await send(method, path.startsWith("/") ? path : `/${path}`, undefined, headers as Record<string, string>);
    },
  },
  {
    name: "server: bytes on a port",
    weight: 1,
    kind: "bytes",
    seeds: [
      rawRequest("GET /healthz HTTP/1.1\nhost: 127.0.0.1\nconnection: close\n\n"),
      rawRequest(
        'POST /v1/embeddings HTTP/1.1\nhost: 127.0.0.1\nconnection: close\ncontent-type: application/json\ncontent-length: 13\n\n{"input":"a"}',
      ),
      rawRequest(
        'POST /embed HTTP/1.1\nhost: localhost\nconnection: close\ncontent-type: application/json\ntransfer-encoding: chunked\n\nE\n{"inputs":"a"}\n0\n\n',
      ),
    ],
    read: sendRaw,
  },
];
