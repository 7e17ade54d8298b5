/** Small files: cached when they are what is expected, and bounded. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileCache } from "../../src/cache/file-cache.js";
import type { RemoteContext } from "../../src/cache/remote-file.js";
import { fetchText } from "../../src/cache/remote-text.js";
import { startServer } from "../http/bad-server.js";
import { stubCaches } from "./memory-caches.js";

const TEXT = '{"text":"杰尼龟"}';
const sha256 = createHash("sha256").update(TEXT).digest("hex");

let answer: (request: IncomingMessage, response: ServerResponse) => void;
let server: Awaited<ReturnType<typeof startServer>>;
let context: RemoteContext;
beforeEach(async () => {
  stubCaches();
  answer = (_, response) => void response.end(TEXT);
  server = await startServer((request, response) => answer(request, response));
  context = { client: { fetch: (url, init) => fetch(url, init), headers: {} }, cache: await FileCache.open(), signal: undefined };
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await server.stop();
});

describe("fetchText", () => {
  it("requests a file once", async () => {
    const onRequest = vi.fn<() => void>();
    expect(await fetchText(server.url, context, { onRequest })).toBe(TEXT);
    expect(await fetchText(server.url, context, { onRequest })).toBe(TEXT);
    expect(onRequest).toHaveBeenCalledTimes(1);
    expect(server.requests.length).toBe(1);
  });

  it("does not cache what is not accepted, nor what is not there", async () => {
    expect(await fetchText(server.url, context, { accepts: () => false })).toBeUndefined();
    answer = (_, response) => void response.writeHead(404).end();
    expect(await fetchText(server.url, context)).toBeUndefined();
    expect(server.requests.length).toBe(2);
  });

  it.each([
    ["size", { size: 7, sha256: undefined }],
    ["hash", { size: undefined, sha256: "0".repeat(64) }],
  ])("rejects another %s than is expected", async (_, expected) => {
    await expect(fetchText(server.url, context, { expected: Promise.resolve(expected) })).rejects.toMatchObject({ code: "integrity" });
    expect(await context.cache?.facts(server.url)).toBeUndefined();
  });

  it("requests a cached file again when another hash is expected than it was checked against", async () => {
    await fetchText(server.url, context);
    expect(await fetchText(server.url, context, { expected: Promise.resolve({ size: undefined, sha256 }) })).toBe(TEXT);
    expect(await fetchText(server.url, context, { expected: Promise.resolve({ size: undefined, sha256 }) })).toBe(TEXT);
    expect(server.requests.length).toBe(2);
  });

  it("I10: rejects a file of more than 64 MiB before it is read, and one that ends early", async () => {
    answer = (_, response) => void response.writeHead(200, { "Content-Length": 65 * 1024 * 1024 }).write("{");
    await expect(fetchText(server.url, context)).rejects.toMatchObject({ code: "integrity" });
    answer = (request, response) => {
      response.writeHead(200, { "Content-Length": 100 });
      response.write("{", () => setTimeout(() => request.socket.destroy(), 20));
    };
    await expect(fetchText(server.url, context)).rejects.toMatchObject({ code: "network" });
  });
});
