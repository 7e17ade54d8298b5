/** A client of the server as a store and as an embedder: the conformance suite, a store over several servers, and servers that are none of ours. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { MemoryStore, type MissingPart, type SearchError, ShardedStore } from "@chinese-clip/search";
import { type ConformanceMeta, vectorStoreCases } from "@chinese-clip/search/conformance";
import { openRemoteEmbedder, openRemoteStore, type RemoteStore } from "@chinese-clip/search/remote";
import { afterEach, describe, expect, it } from "vitest";
import { createHandler, type Handler } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/node/index.js";
import { DIM, embeddingOf, FakeEmbedder, textEmbedding } from "../fake-embedder.js";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** An embedder of a test's dimension. */
const embedderOf = ({ fingerprint, dim }: { readonly fingerprint: string; readonly dim: number }): FakeEmbedder =>
  Object.assign(new FakeEmbedder(), { fingerprint, dim });
const fetchOf =
  (handler: Handler) =>
  (url: URL, init: RequestInit): Promise<Response> =>
    handler.fetch(new Request(url, init));

describe("RemoteStore conforms", () => {
  for (const { name, run } of vectorStoreCases(async (info) => {
    const store = new MemoryStore<ConformanceMeta>(info);
    const handler = createHandler({ embedder: embedderOf(info), stores: { photos: { store, writable: true } } });
    const open = (): Promise<RemoteStore<ConformanceMeta>> =>
      openRemoteStore<ConformanceMeta>({ url: "http://127.0.0.1", index: "photos", fetch: fetchOf(handler), ...info });
    return { store: await open(), reopen: open };
  }))
    it(name, run);
});

async function listen(handler: Handler): Promise<RunningServer> {
  const server = await serve(handler);
  ends.push(() => server.close());
  return server;
}

describe("ShardedStore over servers conforms", () => {
  for (const { name, run } of vectorStoreCases(async (info) => {
    const open = async (local: MemoryStore<ConformanceMeta>): Promise<RemoteStore<ConformanceMeta>> => {
      const server = await listen(createHandler({ embedder: embedderOf(info), stores: { photos: { store: local, writable: true } } }));
      return openRemoteStore<ConformanceMeta>({ url: server.url, index: "photos" });
    };
    const stores = await Promise.all([0, 1].map(() => open(new MemoryStore<ConformanceMeta>(info))));
    return { store: new ShardedStore<ConformanceMeta>([...stores, new MemoryStore<ConformanceMeta>(info)]) };
  }))
    it(name, run);
});

const INFO = { fingerprint: "model-a", dim: DIM };

/** A server of any kind. */
async function fake(answer: (path: string, response: ServerResponse) => void): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => answer(request.url ?? "", response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

const INDEXES = JSON.stringify({ data: [{ name: "photos", ...INFO, count: 3 }] });

describe("a store over servers", () => {
  it("answers without one that hangs and one that died, says so, and a server in front of it says so, too", async () => {
    const stores = await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        const store = new MemoryStore(INFO);
        await store.upsert(
          Array.from({ length: 50 }, (__, i) => ({ id: `${n}/${i}`, embedding: textEmbedding(`${n} ${i}`), meta: { n } })),
        );
        return store;
      }),
    );
    const servers = await Promise.all(
      stores.slice(0, 2).map((store) => listen(createHandler({ embedder: new FakeEmbedder(), stores: { photos: store } }))),
    );
    let isHanging = false;
    const hanging = await fake((path, response) => {
      if (path === "/v1/indexes" && !isHanging) response.end(INDEXES); // else nothing, ever
    });
    const remotes = await Promise.all([...servers, hanging].map(({ url }) => openRemoteStore({ url, index: "photos" })));
    isHanging = true;
    const store = new ShardedStore([...remotes, stores[3] as MemoryStore], {
      milliseconds: 300,
      names: ["first", "second", "hangs", "here"],
    });
    await servers[1]?.close();
    const missing: MissingPart[] = [];
    const query = { vector: textEmbedding("0 7"), top: 100 };
    const hits = await store.search({ ...query, onMissing: (part) => missing.push(part) });
    const expected = new ShardedStore([stores[0] as MemoryStore, stores[3] as MemoryStore]);
    expect(hits).toEqual(await expected.search(query));
    expect(missing.map(({ name, error }) => [name, (error as SearchError).code])).toEqual([
      ["second", "unavailable"],
      ["hangs", "unavailable"],
    ]);
    await expect(store.search(query)).rejects.toMatchObject({ code: "incomplete" });

    const front = await listen(createHandler({ embedder: new FakeEmbedder(), stores: { photos: store } }));
    const response = await fetch(`${front.url}/v1/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "0 7", top: 5 }),
    });
    const body = (await response.json()) as { readonly data: readonly unknown[]; readonly missing: readonly { readonly name: string }[] };
    expect(body.data).toHaveLength(5);
    expect(body.missing.map(({ name }) => name)).toEqual(["second", "hangs"]);

    const through = await openRemoteStore({ url: front.url, index: "photos" });
    await expect(through.search(query)).rejects.toMatchObject({ code: "incomplete", details: { missing: ["second", "hangs"] } });
    const told: string[] = [];
    expect(await through.search({ ...query, onMissing: ({ name }) => told.push(name) })).toEqual(hits);
    expect(told).toEqual(["second", "hangs"]);
  });

  it("opens without a server that is down where the model is known, and uses it when it is back", async () => {
    const store = new MemoryStore(INFO);
    await store.upsert([{ id: "a", embedding: textEmbedding("a"), meta: {} }]);
    const handler = createHandler({ embedder: new FakeEmbedder(), stores: { photos: store } });
    let isUp = false;
    const fetch = async (url: URL, init: RequestInit): Promise<Response> => {
      if (!isUp) throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
      return fetchOf(handler)(url, init);
    };
    await expect(openRemoteStore({ url: "http://127.0.0.1", index: "photos", fetch })).rejects.toMatchObject({
      code: "unavailable",
      message: "http://127.0.0.1: connect ECONNREFUSED",
    });
    const remote = await openRemoteStore({ url: "http://127.0.0.1", index: "photos", fetch, ...INFO });
    expect(remote.info).toEqual({ ...INFO, count: 0 });
    isUp = true;
    expect(await remote.search({ vector: textEmbedding("a") })).toHaveLength(1);
    expect(remote.info.count).toBe(1);
  });
});

describe("RemoteStore", () => {
  it("reads more items and results than fit a request, and writes them", async () => {
    const local = new MemoryStore(INFO);
    const handler = createHandler({ embedder: new FakeEmbedder(), stores: { photos: { store: local, writable: true } } });
    const remote = await openRemoteStore<{ readonly n: number; readonly text: string }>({
      url: (await listen(handler)).url,
      index: "photos",
    });
    const items = Array.from({ length: 2500 }, (_, n) => ({
      id: `${n}`,
      embedding: textEmbedding(`${n}`),
      meta: { n, text: "猫".repeat(200) },
    }));
    await remote.upsert(items);
    expect(remote.info.count).toBe(2500);
    const scanned = new Map<string, unknown>();
    for await (const { id, ...item } of remote.scan()) scanned.set(id, item);
    expect(scanned).toEqual(new Map(items.map(({ id, ...item }) => [id, item])));
    const vector = textEmbedding("x");
    expect(await remote.search({ vector, top: 2400 })).toEqual(await local.search({ vector, top: 2400 }));
    expect(await remote.get(items.map(({ id }) => id))).toEqual(items);
    expect(await remote.delete(items.map(({ id }) => id).slice(0, 2000))).toBe(2000);
    expect(local.info.count).toBe(500);
  });

  it("is rejected with a wrong key, another model and an index that is not writable, without naming the key", async () => {
    const handler = createHandler({ embedder: new FakeEmbedder(), stores: { photos: new MemoryStore(INFO) }, apiKey: "secret-key" });
    const at = { url: "http://127.0.0.1/", index: "photos", fetch: fetchOf(handler) };
    const wrong = await openRemoteStore({ ...at, apiKey: "wrong-key" }).catch((error: unknown) => error as SearchError);
    expect(wrong).toMatchObject({ code: "rejected", details: { status: 401 } });
    expect(JSON.stringify(wrong) + (wrong as SearchError).message).not.toContain("wrong-key");
    await expect(openRemoteStore({ ...at, apiKey: "secret-key", index: "none" })).rejects.toMatchObject({ code: "missing-file" });
    await expect(openRemoteStore({ ...at, apiKey: "secret-key", fingerprint: "model-b" })).rejects.toMatchObject({
      code: "fingerprint-mismatch",
    });
    const remote = await openRemoteStore({ ...at, apiKey: "secret-key" });
    await expect(remote.upsert([{ id: "a", embedding: textEmbedding("a"), meta: {} }])).rejects.toMatchObject({ code: "read-only" });
    for (const url of ["ftp://a", "127.0.0.1", "http://user:word@a"])
      await expect(openRemoteStore({ url, index: "a" })).rejects.toThrow(TypeError);
  });

  it("does not take vectors of a model for those of the one that the server was restarted with", async () => {
    const store = new MemoryStore(INFO);
    let handler = createHandler({ embedder: new FakeEmbedder(), stores: { photos: { store, writable: true } } });
    const remote = await openRemoteStore({ url: "http://127.0.0.1", index: "photos", fetch: (url, init) => fetchOf(handler)(url, init) });
    const other = { ...INFO, fingerprint: "model-b" };
    handler = createHandler({ embedder: embedderOf(other), stores: { photos: { store: new MemoryStore(other), writable: true } } });
    const item = { id: "a", embedding: textEmbedding("a"), meta: {} };
    await expect(remote.upsert([item])).rejects.toMatchObject({ code: "fingerprint-mismatch" });
    await expect(remote.search({ vector: item.embedding })).rejects.toMatchObject({ code: "fingerprint-mismatch" });
    await expect(remote.refresh()).rejects.toMatchObject({ code: "fingerprint-mismatch" });
  });

  it.each([
    ["no JSON", "<html>"],
    ["another shape", "[]"],
    ["hits without an id", '{"count":3,"data":[{"score":1}]}'],
    ["hits without a score", '{"count":3,"data":[{"id":"a","score":"1"}]}'],
    ["more hits than asked for", JSON.stringify({ count: 3, data: Array.from({ length: 11 }, (_, i) => ({ id: `${i}`, score: 1 })) })],
    ["no count", '{"data":[]}'],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  ])("rejects an answer with %s", async (_, body) => {
    const { url } = await fake((path, response) => response.end(path === "/v1/indexes" ? INDEXES : body));
    const remote = await openRemoteStore({ url, index: "photos" });
    await expect(remote.search({ vector: textEmbedding("a") })).rejects.toMatchObject({ code: "unavailable" });
  });

  it("notices a scan that ends early, follows no redirect, and waits for one that is overloaded", async () => {
    let busy = 2;
    const { url } = await fake((path, response) => {
      if (path === "/v1/indexes") response.end(INDEXES);
      else if (path === "/v1/search" && busy-- > 0) response.writeHead(429, { "retry-after": "0" }).end("{}");
      else if (path === "/v1/search") response.end('{"count":3,"data":[]}');
      else if (path.endsWith("/scan")) response.end(`${JSON.stringify({ id: "a", meta: {} })}\n`);
      else response.writeHead(307, { location: "http://127.0.0.1:1/" }).end();
    });
    const remote = await openRemoteStore({ url, index: "photos", milliseconds: 5000 });
    expect(await remote.search({ vector: textEmbedding("a") })).toEqual([]);
    const list = async (): Promise<void> => {
      for await (const { id } of remote.list()) expect(id).toBe("a");
    };
    await expect(list()).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("ended early") });
    await expect(remote.get(["a"])).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("RemoteEmbedder", () => {
  it("embeds texts and images as the server's embedder does, and tells which image is none", async () => {
    const handler = createHandler({ embedder: new FakeEmbedder() });
    const embedder = await openRemoteEmbedder({ url: "http://127.0.0.1", fetch: fetchOf(handler) });
    expect(embedder).toMatchObject({ ...INFO, model: "chinese-clip" });
    const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
    const { data, count, dim } = await embedder.embedText(texts);
    expect([count, dim]).toEqual([300, DIM]);
    expect(data).toEqual(Float32Array.from(texts.flatMap((text) => [...textEmbedding(text)])));
    const images = Array.from({ length: 40 }, (_, i) => Uint8Array.of(i === 17 ? 0 : 1, i));
    const found: unknown[] = [];
    for await (const result of embedder.embedImages([...images.slice(1), new Blob([images[0] as Uint8Array<ArrayBuffer>])])) {
      expect(result.index).toBe(found.length);
      found.push("error" in result ? (result.error as SearchError).code : result.embedding);
    }
    expect(found).toEqual([...images.slice(1), images[0] as Uint8Array].map((image) => (image[0] === 0 ? "rejected" : embeddingOf(image))));
  });

  it("ends with the caller's signal", async () => {
    const embedder = new FakeEmbedder();
    const handler = createHandler({ embedder });
    const remote = await openRemoteEmbedder({ url: (await listen(handler)).url });
    embedder.wait = () => new Promise((resolve) => setTimeout(resolve, 200));
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    await expect(remote.embedText(["a"], { signal: controller.signal })).rejects.toBe(reason);
  });
});
