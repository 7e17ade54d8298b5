/** A file by ranges from servers that break, change and lie, with a cache and without one. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileCache } from "../../src/cache/file-cache.js";
import { type RemoteContext, RemoteFile } from "../../src/cache/remote-file.js";
import type { HttpClient } from "../../src/http/request-range.js";
import { answerRange, startServer } from "../http/bad-server.js";
import { stubCaches } from "./memory-caches.js";

const SIZE = 300_000;
const content = Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) % 256);
const other = content.map((byte) => byte ^ 0xff);
const sha256 = createHash("sha256").update(content).digest("hex");
const client: HttpClient = { fetch: (url, init) => fetch(url, init), headers: {}, limits: { stallMs: 500, bytesPerSecond: 8192 } };

let answer: (request: IncomingMessage, response: ServerResponse) => void;
let server: Awaited<ReturnType<typeof startServer>>;
let state: ReturnType<typeof stubCaches>;
let context: RemoteContext;
beforeEach(async () => {
  state = stubCaches();
  answer = (request, response) => answerRange(request, response, content, { ETag: '"1"' });
  server = await startServer((request, response) => answer(request, response));
  context = { client, cache: await FileCache.open(), signal: undefined };
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await server.stop();
});

const open = async (
  from: RemoteContext = context,
  expected?: { size: number | undefined; sha256: string | undefined },
): Promise<RemoteFile> => {
  const file = await RemoteFile.open(server.url, from, expected);
  if (file === undefined) throw new Error("no file");
  return file;
};
/** `toEqual` compares byte by byte, which takes seconds here. */
const expectSame = (actual: Uint8Array, expected: Uint8Array): void => expect(Buffer.compare(actual, expected)).toBe(0);
const starts = (): (string | undefined)[] => server.requests.map(({ headers }) => headers.range);

describe("RemoteFile", () => {
  it("requests what is wanted once: the head, then each range that is not cached", async () => {
    const file = await open();
    expect(file).toMatchObject({ byteLength: SIZE, version: '"1"' });
    expect(await file.read(100, 200)).toEqual(content.slice(100, 200));
    expect(await file.read(200_000, 200_100)).toEqual(content.slice(200_000, 200_100));
    expect(await (await open()).read(200_010, 200_090)).toEqual(content.slice(200_010, 200_090));
    expect(starts()).toEqual(["bytes=0-32767", "bytes=200000-200099"]);
  });

  it("works without a cache, and keeps the head in memory", async () => {
    const file = await open({ ...context, cache: undefined });
    expect(await file.read(0, 1000)).toEqual(content.slice(0, 1000));
    expect(await file.read(100_000, 100_001)).toEqual(content.slice(100_000, 100_001));
    expect(starts()).toEqual(["bytes=0-32767", "bytes=100000-100000"]);
    expect(state.entries.size).toBe(0);
  });

  it("continues a broken connection from the last byte received", async () => {
    const file = await open();
    answer = (request, response) => {
      answer = (next, to) => answerRange(next, to, content, { ETag: '"1"' });
      response.writeHead(206, { "Content-Range": `bytes 50000-299999/${SIZE}`, "Content-Length": 250_000, ETag: '"1"' });
      response.write(content.subarray(50_000, 150_000), () => setTimeout(() => request.socket.destroy(), 50));
    };
    expectSame(await file.read(50_000, SIZE), content.slice(50_000));
    expect(starts().slice(1)).toEqual(["bytes=50000-299999", "bytes=150000-299999"]);
  });

  it("I10: gives up on a server that breaks every connection after a byte", async () => {
    const file = await open();
    answer = (request, response) => {
      const start = Number(/\d+/u.exec(request.headers.range ?? "")?.[0]);
      response.writeHead(206, { "Content-Range": `bytes ${start}-299999/${SIZE}`, "Content-Length": SIZE - start, ETag: '"1"' });
      response.write(content.subarray(start, start + 1), () => setTimeout(() => request.socket.destroy(), 5));
    };
    await expect(file.read(50_000, SIZE)).rejects.toMatchObject({ code: "network" });
    expect(server.requests.length).toBe(6);
    // What arrived is cached all the same.
    answer = (request, response) => answerRange(request, response, content, { ETag: '"1"' });
    expect(await file.read(50_000, 50_001)).toEqual(content.slice(50_000, 50_001));
  });

  it.each([
    ["another ETag", { ETag: '"2"' }],
    ["an ETag no longer", {}],
  ])("I14: never splices two versions: a later range has %s", async (_, headers) => {
    for (const cache of [context.cache, undefined]) {
      answer = (request, response) => answerRange(request, response, content, { ETag: '"1"' });
      const file = await open({ ...context, cache });
      answer = (request, response) => answerRange(request, response, other, headers);
      await expect(file.read(100_000, 100_010)).rejects.toMatchObject({
        code: "integrity",
        message: expect.stringContaining("has changed"),
      });
      expect(state.entries.size).toBe(0);
    }
  });

  it("I14: notices a version that comes whole because If-Range does not match, and one that changes between two attempts", async () => {
    const file = await open();
    answer = (_, response) => void response.writeHead(200, { "Content-Length": SIZE, ETag: '"2"' }).end(other);
    await expect(file.read(100_000, 100_010)).rejects.toMatchObject({ code: "integrity" });
    answer = (request, response) => answerRange(request, response, content, { ETag: '"1"' });
    const again = await open();
    answer = (request, response) => {
      answer = (next, to) => answerRange(next, to, other, { ETag: '"2"' });
      response.writeHead(206, { "Content-Range": `bytes 50000-299999/${SIZE}`, "Content-Length": 250_000, ETag: '"1"' });
      response.write(content.subarray(50_000, 150_000), () => setTimeout(() => request.socket.destroy(), 50));
    };
    await expect(again.read(50_000, SIZE)).rejects.toMatchObject({ code: "integrity" });
  });

  it("I14: notices another size behind a server that names no version", async () => {
    answer = (request, response) => answerRange(request, response, content);
    const file = await open();
    answer = (request, response) => answerRange(request, response, content.subarray(0, SIZE - 1));
    await expect(file.read(100_000, 100_010)).rejects.toMatchObject({ code: "integrity" });
  });

  it("I14: takes an ETag for no hash: only a SHA-256 that is expected, or that a hub says, is compared", async () => {
    answer = (request, response) => answerRange(request, response, content, { ETag: `"${"0".repeat(64)}"` });
    expectSame(await (await open()).read(0, SIZE), content);
    await context.cache?.clear("");
    answer = (request, response) => answerRange(request, response, content, { "X-Linked-ETag": `"${"0".repeat(64)}"` });
    await expect((await open()).read(0, SIZE)).rejects.toMatchObject({ code: "integrity", details: { actual: sha256 } });
  });

  it("compares a hash when the whole file is there, in whichever order it came", async () => {
    const expected = { size: SIZE, sha256 };
    answer = (request, response) => answerRange(request, response, other);
    await expect((await open(context, expected)).read(0, SIZE)).rejects.toMatchObject({ code: "integrity", details: { expected: sha256 } });
    expect(state.entries.size).toBe(0);
    answer = (request, response) => answerRange(request, response, content);
    const file = await open(context, expected);
    await file.read(150_000, SIZE);
    expectSame(await file.read(30_000, 150_000), content.slice(30_000, 150_000));
    expect(await context.cache?.facts(server.url)).toMatchObject({ isChecked: true, sha256 });
  });

  it("downloads a file of a server without ranges once", async () => {
    answer = (_, response) => void response.writeHead(200, { "Content-Length": SIZE, ETag: '"1"' }).end(content);
    const file = await open();
    expect(await file.read(200_000, 200_010)).toEqual(content.slice(200_000, 200_010));
    expect(await file.read(0, 10)).toEqual(content.slice(0, 10));
    expect(server.requests.length).toBe(1);
  });

  it("asks for the size of another origin's file that Content-Range does not show", async () => {
    answer = (request, response) => {
      if (request.method === "HEAD") response.writeHead(200, { "Content-Length": SIZE }).end();
      else response.writeHead(206, { "Content-Length": 32_768 }).end(content.subarray(0, 32_768));
    };
    expect((await open()).byteLength).toBe(SIZE);
    expect(server.requests.map(({ method }) => method)).toEqual(["GET", "HEAD"]);
  });

  it("rejects a file of unknown size, and one of another size than is expected", async () => {
    answer = (request, response) => void response.writeHead(request.method === "HEAD" ? 405 : 206).end(content.subarray(0, 32_768));
    await expect(open()).rejects.toMatchObject({ code: "integrity", message: expect.stringContaining("the file's size") });
    answer = (request, response) => answerRange(request, response, content);
    await expect(open(context, { size: 7, sha256: undefined })).rejects.toMatchObject({ code: "integrity", details: { expected: 7 } });
  });

  it("is undefined where there is none, and an error where it is gone later", async () => {
    const file = await open();
    answer = (_, response) => void response.writeHead(404).end();
    await expect(file.read(100_000, 100_010)).rejects.toMatchObject({ code: "not-found" });
    await context.cache?.clear("");
    expect(await RemoteFile.open(server.url, context)).toBeUndefined();
  });

  it("reports how much of the wanted bytes is there", async () => {
    const file = await open();
    const reports: (readonly [number, number])[] = [];
    const wanted = [
      { start: 0, end: 1000 },
      { start: 100_000, end: 101_000 },
    ];
    await file.readRanges(
      wanted,
      () => undefined,
      (loaded, total) => reports.push([loaded, total]),
    );
    expect(reports).toEqual([
      [1000, 2000],
      [2000, 2000],
    ]);
  });

  it("reports bytes as they arrive, those of an earlier visit first, and none twice after a break", async () => {
    await (await open()).read(100_000, 150_000);
    const reports: number[] = [];
    let halfIsThere = (): void => undefined;
    answer = (request, response) => {
      // Half of what is asked for; the connection breaks once it has been reported.
      response.writeHead(206, { "Content-Range": `bytes 150000-299999/${SIZE}`, "Content-Length": 150_000, ETag: '"1"' });
      response.write(content.subarray(150_000, 225_000));
      halfIsThere = () => {
        answer = (next, to) => answerRange(next, to, content, { ETag: '"1"' });
        request.socket.destroy();
      };
    };
    await (
      await open()
    ).readRanges(
      [{ start: 100_000, end: SIZE }],
      () => undefined,
      (loaded) => {
        reports.push(loaded);
        if (loaded === 125_000) halfIsThere();
      },
    );
    expect(reports[0]).toBe(50_000);
    expect(reports).toContain(125_000);
    expect(reports.at(-1)).toBe(200_000);
    expect(reports).toEqual([...new Set(reports)].toSorted((a, b) => a - b));
    expect(starts().at(-1)).toBe("bytes=225000-299999");
  });
});
