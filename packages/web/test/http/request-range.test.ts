/** One request: what the headers say, and servers that stall, drip, or send without end. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { type HttpClient, parseContentRange, requestRange, requestSize } from "../../src/http/request-range.js";
import { answerRange, startServer } from "./bad-server.js";

const client: HttpClient = { fetch: (url, init) => fetch(url, init), headers: { "X-Test": "1" } };
const hasty: HttpClient = { ...client, limits: { stallMs: 150, bytesPerSecond: 8192 } };
const request = { maxBytes: 1000, signal: undefined };
const content = Uint8Array.from({ length: 300 }, (_, i) => i);

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  vi.unstubAllGlobals();
  await stop?.();
  stop = undefined;
});

const serve = async (...given: Parameters<typeof startServer>): ReturnType<typeof startServer> => {
  const server = await startServer(...given);
  ({ stop } = server);
  return server;
};

const bytesOf = async (
  from: HttpClient,
  url: string,
  of: Partial<Parameters<typeof requestRange>[2]> = {},
): Promise<number[] | undefined> => {
  const answer = await requestRange(from, url, { ...request, ...of });
  if (answer === undefined) return undefined;
  const bytes: number[] = [];
  for await (const chunk of answer.chunks) bytes.push(...chunk);
  return bytes;
};

describe("parseContentRange", () => {
  it.each([
    ["bytes 0-99/300", { start: 0, end: 100, size: 300 }],
    ["bytes 7-7/*", { start: 7, end: 8, size: undefined }],
    ["bytes */300", undefined],
    ["items 0-1/2", undefined],
    ["bytes 0-99999999999999999/3", undefined],
    ["", undefined],
    [null, undefined],
  ])("reads %j", (header, expected) => {
    expect(parseContentRange(header)).toEqual(expected);
  });
});

describe("requestRange", () => {
  it("reads a range, its file's size and version", async () => {
    const { url, requests } = await serve((from, to) =>
      answerRange(from, to, content, { ETag: '"v1"', "X-Linked-ETag": `"${"a".repeat(64)}"` }),
    );
    const answer = await requestRange(client, url, { ...request, range: { start: 10, end: 20 } });
    expect(answer).toMatchObject({ range: { start: 10, end: 20 }, isWhole: false, size: 300, version: '"v1"', sha256: "a".repeat(64) });
    await answer?.cancel();
    expect(requests[0]?.headers).toMatchObject({ range: "bytes=10-19", "x-test": "1" });
    expect(await bytesOf(client, url, { range: { start: 298, end: 400 } })).toEqual([298 % 256, 299 % 256]);
  });

  it.each([
    ["a strong ETag of the page's own origin", '"v1"', true, '"v1"'],
    ["a weak one", 'W/"v1"', true, undefined],
    ["a date", "Mon, 01 Jan 2024 00:00:00 GMT", true, undefined],
    ["another origin's", '"v1"', false, undefined],
  ])("sends If-Range for %s", async (_, version, isOwn, expected) => {
    const { url, requests } = await serve((from, to) => answerRange(from, to, content));
    if (isOwn) vi.stubGlobal("location", { origin: new URL(url).origin });
    await bytesOf(client, url, { range: { start: 0, end: 9 }, version });
    expect(requests[0]?.headers["if-range"]).toBe(expected);
  });

  it.each([
    [404, undefined, undefined],
    [410, undefined, undefined],
    [200, "text/html; charset=utf-8", undefined],
  ])("finds no file at status %i, type %s", async (status, type, expected) => {
    const { url } = await serve((_, to) => void to.writeHead(status, type === undefined ? {} : { "Content-Type": type }).end("<html>"));
    expect(await bytesOf(client, url)).toBe(expected);
  });

  it.each([
    [401, "unauthorized"],
    [403, "unauthorized"],
    [429, "rate-limited"],
    [500, "server"],
    [416, "server"],
  ])("rejects status %i as %s", async (status, code) => {
    const { url } = await serve((_, to) => void to.writeHead(status).end());
    await expect(bytesOf(client, url)).rejects.toMatchObject({ code, details: { status } });
  });

  it("rejects another range than the one that was asked for", async () => {
    const { url } = await serve((_, to) => void to.writeHead(206, { "Content-Range": "bytes 5-9/300" }).end("abcde"));
    await expect(bytesOf(client, url, { range: { start: 0, end: 5 } })).rejects.toMatchObject({ code: "integrity" });
  });

  it("I10: rejects a whole file that is larger than is accepted, whether its length is said, unsaid or compressed", async () => {
    const big = Buffer.alloc(1 << 20);
    const said = await serve((_, to) => void to.writeHead(200, { "Content-Length": big.length }).end(big));
    await expect(bytesOf(client, said.url)).rejects.toMatchObject({
      code: "integrity",
      message: expect.stringContaining("at most 1000 bytes"),
    });
    await said.stop();
    const unsaid = await serve((_, to) => {
      const timer = setInterval(() => to.write(Buffer.alloc(4096)), 1);
      to.on("close", () => clearInterval(timer));
    });
    await expect(bytesOf(client, unsaid.url)).rejects.toMatchObject({ code: "integrity" });
    await unsaid.stop();
    const { gzipSync } = await import("node:zlib");
    const gzip = await serve((_, to) => void to.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(big)));
    await expect(bytesOf(client, gzip.url)).rejects.toMatchObject({ code: "integrity" });
  });

  it("reads a compressed or chunked file of unknown length whole", async () => {
    const { gzipSync } = await import("node:zlib");
    const { url } = await serve((_, to) => void to.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(content)));
    expect(await requestRange(client, url, request)).toMatchObject({ isWhole: true, size: 300, range: { start: 0, end: 300 } });
    expect(await bytesOf(client, url)).toEqual([...content]);
  });

  it("I10: ends a request without a response, one that stalls, and one that drips", async () => {
    const silent = await serve(() => undefined);
    await expect(bytesOf(hasty, silent.url)).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("no response within"),
    });
    await silent.stop();
    const stalled = await serve((_, to) => void to.writeHead(200, { "Content-Length": 300 }).write("a"));
    await expect(bytesOf(hasty, stalled.url)).rejects.toMatchObject({ code: "network", message: expect.stringContaining("1 bytes in") });
    await stalled.stop();
    const drip = await serve((_, to) => {
      to.writeHead(200, { "Content-Length": 300 });
      const timer = setInterval(() => to.write("a"), 10);
      to.on("close", () => clearInterval(timer));
    });
    await expect(bytesOf(hasty, drip.url)).rejects.toMatchObject({ code: "network" });
  });

  it("ends with the signal's reason, before the response and in its body", async () => {
    const silent = await serve(() => undefined);
    const reason = new Error("enough");
    const before = new AbortController();
    setTimeout(() => before.abort(reason), 50);
    await expect(bytesOf(client, silent.url, { signal: before.signal })).rejects.toBe(reason);
    await silent.stop();
    const stalled = await serve((_, to) => void to.writeHead(200, { "Content-Length": 300 }).write("a"));
    const during = new AbortController();
    setTimeout(() => during.abort(reason), 100);
    await expect(bytesOf(client, stalled.url, { signal: during.signal })).rejects.toBe(reason);
  });
});

describe("requestSize", () => {
  it("asks for headers only", async () => {
    const { url, requests } = await serve((_, to) => void to.writeHead(200, { "Content-Length": 123 }).end());
    expect(await requestSize(client, url, undefined)).toBe(123);
    expect(requests[0]?.method).toBe("HEAD");
  });

  it("is undefined where the server does not say", async () => {
    const { url } = await serve((_, to) => void to.writeHead(405).end());
    expect(await requestSize(client, url, undefined)).toBeUndefined();
  });
});
