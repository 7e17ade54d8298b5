/** Files behind URLs: what breaks off, drips, redirects, or lies about its length. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readBytes } from "../../src/bytes/byte-file.js";
import { httpFile } from "../../src/bytes/http-file.js";
import { openSource } from "../../src/sources/open-source.js";
import type { SourceItem } from "../../src/sources/source.js";
import { shardsOf } from "../shards/memory-source.js";
import { tarOf } from "../tar/write-tar.js";

const { path, write } = scratchFolder();
const NETWORK = { attempts: 3, pauseMilliseconds: 5, stallMilliseconds: 300 };
const CONTENT = randomBytes(1 << 20);
let server: Server;
let origin: string;
let seen: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen = [];
});

/** Answers with a content, also a part of it. */
function serve(content: Uint8Array, request: IncomingMessage, response: ServerResponse, etag = '"1"'): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/u.exec(request.headers.range ?? "") ?? [];
  if (from === undefined) response.writeHead(200, { etag, "content-length": content.length }).end(content);
  else {
    const [start, end] = [Number(from), to === "" || to === undefined ? content.length - 1 : Math.min(Number(to), content.length - 1)];
    response.writeHead(206, { etag, "content-range": `bytes ${start}-${end}/${content.length}`, "content-length": end - start + 1 });
    response.end(content.subarray(start, end + 1));
  }
}
const file = (name: string) => httpFile(new URL(name, origin), { allowPrivateAddresses: true, network: NETWORK });
const whole = (name: string, signal?: AbortSignal) => readBytes(file(name), 1 << 30, { signal });

describe("a file behind a URL", () => {
  it("is read whole or in part, and its length is asked for", async () => {
    answer = (request, response) => serve(CONTENT, request, response);
    expect((await whole("/x")).equals(CONTENT)).toBe(true);
    expect((await readBytes(file("/x"), 100, { start: 1000, end: 1100 })).equals(CONTENT.subarray(1000, 1100))).toBe(true);
    expect(await file("/x").size()).toBe(CONTENT.length);
    await expect(readBytes(file("/x"), 1000)).rejects.toMatchObject({ code: "too-large" });
  });

  it("that breaks off is read on from there, also from a server without ranges", async () => {
    for (const hasRanges of [true, false]) {
      let cuts = 2;
      seen = [];
      answer = (request, response) => {
        if (cuts-- <= 0)
          return hasRanges ? serve(CONTENT, request, response) : serve(CONTENT, { headers: {} } as IncomingMessage, response);
        const from = hasRanges ? Number(/bytes=(\d+)/u.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
        response.writeHead(from > 0 ? 206 : 200, {
          etag: '"1"',
          "content-length": CONTENT.length - from,
          ...(from > 0 ? { "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
        });
        response.write(CONTENT.subarray(from, from + 300_000), () => response.destroy());
      };
      expect((await whole("/x")).equals(CONTENT)).toBe(true);
      expect(seen).toHaveLength(3);
      expect(seen[1]?.headers).toMatchObject({ range: "bytes=300000-", "if-range": '"1"' });
    }
  });

  it("that is replaced meanwhile is not pieced together", async () => {
    let first = true;
    answer = (request, response) => {
      if (!first) return serve(CONTENT, request, response, '"2"');
      first = false;
      response.writeHead(200, { etag: '"1"', "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 1000), () => response.destroy());
    };
    await expect(whole("/x")).rejects.toMatchObject({ code: "replaced-while-read" });
  });

  it("is asked for again when its server is busy, and not when it is not there", async () => {
    let busy = 2;
    answer = (request, response) => {
      if (busy-- > 0) response.writeHead(503, { "retry-after": "0" }).end();
      else serve(CONTENT, request, response);
    };
    expect((await whole("/x")).length).toBe(CONTENT.length);
    for (const [status, code] of [
      [404, "no-such-file"],
      [410, "no-such-file"],
      [403, "http-status"],
      [500, "unreachable"],
    ] as const) {
      seen = [];
      answer = (_, response) => void response.writeHead(status).end("secret");
      const error = await whole("/x?token=hunter2").catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "DatasetError", code });
      expect(String(error)).not.toContain("hunter2");
      expect(seen).toHaveLength(status === 500 ? 3 : 1);
    }
    answer = (_, response) => void response.writeHead(429, { "retry-after": "3600" }).end();
    seen = [];
    await expect(whole("/x")).rejects.toMatchObject({ code: "unreachable" });
    expect(seen).toHaveLength(1);
  });

  it("that hangs, drips or promises more than it sends is given up", async () => {
    answer = () => {};
    await expect(whole("/x")).rejects.toThrow("no answer within 300 ms");
    answer = (_, response) => {
      response.writeHead(200, { "content-length": 100_000 });
      const timer = setInterval(() => response.write("xx"), 20);
      response.on("close", () => clearInterval(timer));
    };
    // On a busy machine even the first bytes may be late.
    await expect(whole("/x")).rejects.toThrow(/only \d+ bytes in|within 300 ms/);
    answer = (_, response) => {
      response.writeHead(200, { "transfer-encoding": "chunked" });
      response.write("xx", () => response.destroy());
    };
    await expect(whole("/x")).rejects.toMatchObject({ code: "unreachable" });
  });

  it("is not on this machine unless that is allowed, nor behind a redirect", async () => {
    answer = (request, response) => serve(CONTENT, request, response);
    const strict = { network: NETWORK };
    for (const url of [origin, "http://localhost:1/x", "http://[::1]/x", "http://169.254.169.254/latest"])
      await expect(readBytes(httpFile(new URL(url), strict), 100)).rejects.toMatchObject({ code: "private-address" });
    expect(seen).toHaveLength(0);
    answer = (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end();
    await expect(whole("/x")).rejects.toThrow("expected a redirect to http: or https:");
  });

  it("ends at once with the signal's reason", async () => {
    answer = () => {};
    await expect(whole("/x", AbortSignal.timeout(20))).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("sources behind URLs", () => {
  const options = { allowPrivateAddresses: true, network: NETWORK };
  const read = async (spec: string): Promise<SourceItem[]> => {
    const source = openSource(spec, options);
    const items: SourceItem[] = [];
    for (const shard of await shardsOf(source, 4)) for await (const item of source.read(shard)) items.push(item);
    return items;
  };

  it("tars by a range of names, without a request before they are read", async () => {
    answer = (request, response) => serve(tarOf([{ name: `${request.url?.slice(1, 4)}.jpg`, body: "x" }]), request, response);
    const source = openSource(`${origin}/{000..002}.tar?token=hunter2`, options);
    const shards = await shardsOf(source);
    expect(seen).toHaveLength(0);
    expect(source.spec).not.toContain("hunter2");
    expect(shards.map(({ part }) => part)).toEqual(["000.tar", "001.tar", "002.tar"].map((name) => ({ file: name })));
    const [, second] = shards;
    if (second === undefined) throw new Error("no shard");
    for await (const item of source.read(second)) expect(item).toMatchObject({ key: "001" });
    expect(seen.map(({ url }) => url)).toEqual(["/001.tar?token=hunter2"]);
  });

  it("a list of paths and URLs, in its order whatever comes first, each failure with its reason", async () => {
    answer = (request, response) => {
      const number = Number(/\d+/u.exec(request.url ?? "")?.[0]);
      if (number === 3) response.writeHead(404).end();
      else setTimeout(() => serve(Buffer.from(`image ${number}`), request, response), (number * 7) % 40);
    };
    const local = write("local.jpg", "local");
    const lines = [...Array.from({ length: 30 }, (_, i) => `${origin}/${i}.jpg`), "", local, "http://[bad", "ftp://x/y"];
    write("list.txt", `\uFEFF${lines.join("\r\n")}`);
    const items = await read(`list:${path("list.txt")}`);
    expect(items.map(({ key }) => key)).toEqual(lines.filter((line) => line !== ""));
    expect(items[3]).toMatchObject({ error: { code: "no-such-file" } });
    expect(items[29]).toMatchObject({ image: Buffer.from("image 29") });
    expect(items[30]).toEqual({ key: local, image: local });
    expect(items[31]).toMatchObject({ error: { code: "unknown-source" } });
    // The list itself behind a URL.
    const list = Buffer.from(lines.slice(0, 6).join("\n"));
    const images = answer;
    answer = (request, response) => (request.url === "/list.txt" ? serve(list, request, response) : images(request, response));
    expect((await read(`list:${origin}/list.txt`)).map(({ key }) => key)).toEqual(lines.slice(0, 6));
  });

  it("may be of a private network themselves while the URLs in them may not", async () => {
    const list = Buffer.from(`${origin}/1.jpg`);
    answer = (request, response) => serve(request.url === "/list.txt" ? list : Buffer.from("secret"), request, response);
    const found: unknown[] = [];
    for (const allowPrivateAddresses of [true, "location"] as const) {
      const source = openSource(`list:${origin}/list.txt`, { ...options, allowPrivateAddresses });
      for (const shard of await shardsOf(source))
        for await (const item of source.read(shard)) found.push("error" in item ? item.error.code : item.image?.toString());
    }
    expect(found).toEqual(["secret", "private-address"]);
  });

  it("an image that takes too long, or is too large, is a failure of that image", async () => {
    answer = (request, response) => {
      if (request.url === "/slow") return;
      serve(request.url === "/large" ? CONTENT : Buffer.from("x"), request, response);
    };
    write("hard.txt", ["/slow", "/large", "/x"].map((name) => origin + name).join("\n"));
    const source = openSource(`list:${path("hard.txt")}`, { ...options, maxImageBytes: 1000, imageMilliseconds: 200 });
    const [shard] = await shardsOf(source);
    if (shard === undefined) throw new Error("no shard");
    const found: unknown[] = [];
    for await (const item of source.read(shard)) found.push("error" in item ? item.error.code : item.image?.toString());
    expect(found).toEqual(["unreachable", "too-large", "x"]);
    // Ending early ends the transfers.
    for await (const _ of source.read(shard)) break;
  });
});
