import { MemoryStore } from "@chinese-clip/search";
import { expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { DIM, embeddingOf, FakeEmbedder, textEmbedding } from "../fake-embedder.js";
import { expectError, send } from "../requests.js";

const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1, 2]);
const HTML = new TextEncoder().encode("<script>alert(1)</script>");
const ID = "2024/a b/猫 #1?.jpg";

async function serverOf(options = {}) {
  const embedder = new FakeEmbedder();
  const store = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  const items = Array.from({ length: 40 }, (_, i) => ({
    id: `item ${i}`,
    embedding: textEmbedding(`text ${i}`),
    meta: { path: `${i}.jpg`, size: i },
  }));
  await store.upsert([...items, { id: ID, embedding: textEmbedding("猫"), meta: { path: ID } }]);
  const photos = {
    store,
    writable: true,
    readFile: async (id: string) => (id === ID ? JPEG : HTML),
    readThumbnail: async (id: string) => (id === ID ? JPEG : undefined),
  };
  const fixed = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  return { embedder, store, handler: createHandler({ embedder, stores: { photos, fixed }, ...options }) };
}

const item = (id: string): string => `/v1/indexes/photos/items/${encodeURIComponent(id)}`;

it("finds the items nearest to a text, an image, a query, a vector and another item", async () => {
  const { handler } = await serverOf();
  const byText = await send(handler, "POST", "/v1/search", { index: "photos", text: "猫", top: 3 });
  expect(byText.body).toMatchObject({ object: "list", index: "photos", offset: 0, count: 41, more: true });
  expect(byText.body.data).toHaveLength(3);
  expect(byText.body.data[0]).toEqual({ id: ID, rank: 1, score: expect.closeTo(1, 5), meta: { path: ID } });
  const search = async (wanted: object): Promise<string> =>
    (await send(handler, "POST", "/v1/search", { index: "photos", top: 1, ...wanted })).body.data[0].id;
  expect(await search({ query: "2:text 7" })).toBe("item 7");
  expect(await search({ vector: [...textEmbedding("text 9")] })).toBe("item 9");
  expect(await search({ image: Buffer.from("text 11").toString("base64") })).toBe("item 11");
  const similar = await send(handler, "POST", "/v1/search", { index: "photos", id: "item 9", top: 40 });
  expect(similar.body.data.map(({ id }: { id: string }) => id)).not.toContain("item 9");
  expect(similar.body.data).toHaveLength(40);
  expect(similar.body.more).toBe(false);
});

it("gives pages that make the whole", async () => {
  const { handler } = await serverOf();
  const whole = await send(handler, "POST", "/v1/search", { index: "photos", text: "x", top: 41 });
  const pages = [];
  for (let offset = 0; offset < 41; offset += 10) {
    const { body } = await send(handler, "POST", "/v1/search", { index: "photos", text: "x", offset, limit: 10 });
    expect(body.more).toBe(offset < 40);
    pages.push(...body.data);
  }
  expect(pages).toEqual(whole.body.data);
  const beyond = await send(handler, "POST", "/v1/search", { index: "photos", text: "x", offset: 100, limit: 10 });
  expect(beyond.body).toMatchObject({ data: [], more: false });
});

it("gives far pages of the same order, and counts all results where asked", async () => {
  const embedder = new FakeEmbedder();
  const store = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  const items = Array.from({ length: 1500 }, (_, i) => ({ id: `item ${i}`, embedding: textEmbedding(`text ${i}`), meta: { size: i } }));
  await store.upsert(items);
  const handler = createHandler({ embedder, stores: { many: store } });
  const search = async (wanted: object) =>
    (await send(handler, "POST", "/v1/search", { index: "many", query: "x", limit: 100, ...wanted })).body;
  const { data: vectorHits } = await search({ limit: undefined, top: 1000 });
  expect((await search({ offset: 900 })).data).toEqual(vectorHits.slice(900));
  const far = await search({ offset: 1450, total: true });
  expect(far).toMatchObject({ more: false, total: 1500, data: expect.objectContaining({ length: 50 }) });
  expect(
    new Set([...vectorHits, ...(await search({ offset: 1000, limit: 450 })).data, ...far.data].map(({ id }: { id: string }) => id)).size,
  ).toBe(1500);
  expect((await search({ total: true, filter: { field: "size", op: "lt", value: 200 } })).total).toBe(200);
  const near = await search({ total: true, minScore: 0.5 });
  expect(near.total).toBe((await search({ offset: 0, limit: 1000, minScore: 0.5 })).data.length);
  expect((await search({ query: undefined, id: "item 7", total: true })).total).toBe(1499);
  expect(await search({})).not.toHaveProperty("total");
});

it("follows filters and the smallest score", async () => {
  const { handler } = await serverOf();
  const { body } = await send(handler, "POST", "/v1/search", { index: "photos", text: "x", filter: { field: "size", op: "lt", value: 3 } });
  expect(body.data.map(({ meta }: { meta: { size: number } }) => meta.size).toSorted()).toEqual([0, 1, 2]);
  const near = await send(handler, "POST", "/v1/search", { index: "photos", text: "猫", minScore: 0.999 });
  expect(near.body.data.map(({ id }: { id: string }) => id)).toEqual([ID]);
});

it.each([
  ["no index's name where there are two", { text: "a" }, 404, "no-such-index"],
  ["another index", { index: "x", text: "a" }, 404, "no-such-index"],
  ["__proto__", { index: "__proto__", text: "a" }, 404, "no-such-index"],
  ["nothing to search for", { index: "photos" }, 400, "invalid-request"],
  ["two things to search for", { index: "photos", text: "a", id: "b" }, 400, "invalid-request"],
  ["a path in a query", { index: "photos", query: "@/etc/passwd" }, 400, "path-rejected"],
  ["an open quote", { index: "photos", query: '"a' }, 400, "invalid-query"],
  ["a query that cancels out", { index: "photos", query: "a - a" }, 400, "invalid-query"],
  ["an empty text in a query", { index: "photos", query: "" }, 400, "invalid-query"],
  ["a vector of another length", { index: "photos", vector: [1] }, 409, "model-mismatch"],
  ["a vector beyond float32", { index: "photos", vector: Array(8).fill(1e300) }, 400, "invalid-request"],
  ["a vector of strings", { index: "photos", vector: ["1"] }, 400, "invalid-request"],
  ["another item", { index: "photos", id: "nobody" }, 404, "no-such-item"],
  ["top 0", { index: "photos", text: "a", top: 0 }, 400, "invalid-request"],
  ["top 1.5", { index: "photos", text: "a", top: 1.5 }, 400, "invalid-request"],
  ["too many at a time", { index: "photos", text: "a", top: 1001 }, 400, "invalid-request"],
  ["results too far down", { index: "photos", text: "a", offset: 100_000, limit: 1 }, 400, "invalid-request"],
  ["a negative offset", { index: "photos", text: "a", offset: -1 }, 400, "invalid-request"],
  ["a filter of another language", { index: "photos", text: "a", filter: { sql: "1=1" } }, 400, "invalid-query"],
])("rejects %s", async (_, body, status, code) => {
  const { handler } = await serverOf();
  expectError(await send(handler, "POST", "/v1/search", body), status, code);
});

it("needs no index's name where there is one", async () => {
  const embedder = new FakeEmbedder();
  const store = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  const handler = createHandler({ embedder, stores: { only: store } });
  expect((await send(handler, "POST", "/v1/search", { text: "a" })).body).toMatchObject({ index: "only", data: [], more: false, count: 0 });
});

it("rejects a store of another model when it is made", () => {
  const store = new MemoryStore({ fingerprint: "model-b", dim: DIM });
  expect(() => createHandler({ embedder: new FakeEmbedder(), stores: { photos: store } })).toThrow(
    expect.objectContaining({ code: "fingerprint-mismatch" }),
  );
  const own = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  expect(() => createHandler({ embedder: new FakeEmbedder(), stores: { "a/b": own } })).toThrow(/expected names of stores/);
});

it("lists indexes and items", async () => {
  const { handler } = await serverOf();
  const { body } = await send(handler, "GET", "/v1/indexes");
  expect(body.data).toEqual([
    { object: "index", name: "photos", count: 41, dim: 8, fingerprint: "model-a", writable: true, files: true, thumbnails: true },
    { object: "index", name: "fixed", count: 0, dim: 8, fingerprint: "model-a", writable: false, files: false, thumbnails: false },
  ]);
  const page = await send(handler, "GET", "/v1/indexes/photos/items?offset=39&limit=5");
  expect(page.body).toMatchObject({ total: 41, offset: 39, data: [{ id: "item 39" }, { id: ID }] });
  const filter = encodeURIComponent(JSON.stringify({ field: "size", op: "gte", value: 38 }));
  expect((await send(handler, "GET", `/v1/indexes/photos/items?filter=${filter}`)).body).toMatchObject({ total: 2 });
  expectError(await send(handler, "GET", "/v1/indexes/photos/items?limit=x"), 400, "invalid-request");
  expectError(await send(handler, "GET", "/v1/indexes/photos/items?filter=%7B"), 400, "invalid-json");
  expectError(await send(handler, "GET", "/v1/indexes/other/items"), 404, "no-such-index");
});

it("gives an item, its thumbnail and its file by any id", async () => {
  const { handler, store } = await serverOf();
  expect((await send(handler, "GET", item(ID))).body).toEqual({ id: ID, meta: { path: ID } });
  const thumbnail = await handler.fetch(new Request(`http://127.0.0.1${item(ID)}/thumbnail`));
  expect(new Uint8Array(await thumbnail.arrayBuffer())).toEqual(JPEG);
  expect(Object.fromEntries(thumbnail.headers)).toMatchObject({
    "content-type": "image/jpeg",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
  });
  for (const id of ["100%", "%2F", "%252F", "a/../b", "a\\b", "ü\u0301", "?", "#", "a+b c", "items", "thumbnail", "__proto__"]) {
    await store.upsert([{ id, embedding: textEmbedding(id), meta: { id } }]);
    expect((await send(handler, "GET", item(id))).body).toEqual({ id, meta: { id } });
  }
});

it("declares nothing an image that is none", async () => {
  const { handler } = await serverOf();
  const { headers } = await send(handler, "GET", `${item("item 1")}/file`);
  expect(headers.get("content-type")).toBe("application/octet-stream");
  expect(headers.get("content-disposition")).toBe("attachment");
});

it("gives no file that is not of an item", async () => {
  const { handler } = await serverOf();
  for (const id of ["../../etc/passwd", "/etc/passwd", "nobody", "..%2f..%2fetc%2fpasswd"]) {
    expectError(await send(handler, "GET", `${item(id)}/file`), 404, "no-such-item");
  }
  expectError(await send(handler, "GET", `${item("item 1")}/thumbnail`), 404, "no-such-item");
  expectError(await send(handler, "GET", "/v1/indexes/fixed/items/x/file"), 404, "no-such-item");
});

it("adds, replaces and removes items of a writable index", async () => {
  const { handler } = await serverOf();
  const path = "/v1/indexes/photos/items";
  const items = [
    { id: "new", text: "新", meta: { path: "new.jpg" } },
    { id: "image", image: Buffer.from("pixels").toString("base64") },
    { id: "vector", vector: [...textEmbedding("v")] },
  ];
  expect((await send(handler, "PUT", path, { items })).body).toEqual({ index: "photos", upserted: 3, count: 44 });
  for (const [id, embedding] of [
    ["new", textEmbedding("新")],
    ["image", embeddingOf(Buffer.from("pixels"))],
    ["vector", textEmbedding("v")],
  ] as const) {
    const { body } = await send(handler, "POST", "/v1/search", { index: "photos", vector: [...embedding], top: 1 });
    expect(body.data[0].id).toBe(id);
  }
  expect((await send(handler, "DELETE", path, { ids: ["new", "nobody"] })).body).toEqual({ index: "photos", deleted: 1, count: 43 });
  expectError(await send(handler, "GET", item("new")), 404, "no-such-item");
});

it.each([
  ["an index that is not writable", "/v1/indexes/fixed/items", { items: [{ id: "a", text: "a" }] }, 403, "read-only"],
  [
    "an id twice",
    "/v1/indexes/photos/items",
    {
      items: [
        { id: "a", text: "a" },
        { id: "a", text: "b" },
      ],
    },
    400,
    "invalid-request",
  ],
  ["an empty id", "/v1/indexes/photos/items", { items: [{ id: "", text: "a" }] }, 400, "invalid-request"],
  ["nothing to embed", "/v1/indexes/photos/items", { items: [{ id: "a" }] }, 400, "invalid-request"],
  ["two things to embed", "/v1/indexes/photos/items", { items: [{ id: "a", text: "a", vector: [1] }] }, 400, "invalid-request"],
  ["a path", "/v1/indexes/photos/items", { items: [{ id: "a", image: "/etc/passwd" }] }, 400, "path-rejected"],
  [
    "too many texts",
    "/v1/indexes/photos/items",
    { items: Array.from({ length: 257 }, (_, i) => ({ id: `${i}`, text: "a" })) },
    413,
    "too-many-inputs",
  ],
  ["a vector of another length", "/v1/indexes/photos/items", { items: [{ id: "a", vector: [1, 2] }] }, 409, "model-mismatch"],
])("rejects to add to %s", async (_, path, body, status, code) => {
  const { handler, store } = await serverOf();
  expectError(await send(handler, "PUT", path, body), status, code);
  expect(store.info.count).toBe(41);
});

it("classifies images", async () => {
  const { handler } = await serverOf({ logitScale: 10 });
  const input = { image: Buffer.from("狗").toString("base64") };
  const { body } = await send(handler, "POST", "/v1/classify", { input, labels: ["猫", "狗", "鸟"] });
  expect(body.data[0]).toMatchObject({ object: "classification", index: 0 });
  const [best] = body.data[0].labels;
  expect(best).toMatchObject({ label: "狗", similarity: expect.closeTo(1, 5) });
  expect(body.data[0].labels.reduce((sum: number, { score }: { score: number }) => sum + score, 0)).toBeCloseTo(1, 5);
  const top = await send(handler, "POST", "/v1/classify", {
    input: [input, input],
    labels: ["猫", "狗"],
    template: ["一张{}的照片", "{}"],
    top: 1,
  });
  expect(top.body.data.map(({ labels }: { labels: unknown[] }) => labels.length)).toEqual([1, 1]);
  expectError(await send(handler, "POST", "/v1/classify", { input, labels: [] }), 400, "invalid-request");
  expectError(await send(handler, "POST", "/v1/classify", { input, labels: ["猫"], template: "照片" }), 400, "invalid-request");
  expectError(await send(handler, "POST", "/v1/classify", { input: "猫", labels: ["猫"] }), 400, "invalid-request");
  expectError(await send(handler, "POST", "/v1/classify", { input, labels: Array(257).fill("a") }), 413, "too-many-inputs");
});
