import { MemoryStore } from "@chinese-clip/search";
import { expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { DIM, FakeEmbedder, textEmbedding } from "../fake-embedder.js";
import { expectError, send } from "../requests.js";

async function serverOf() {
  const store = new MemoryStore({ fingerprint: "model-a", dim: DIM });
  const item = (id: string, content: string, width: number) => ({
    id,
    embedding: textEmbedding(content),
    meta: { path: id, sha256: content, width, height: width, size: width },
  });
  await store.upsert([item("small.jpg", "a", 10), item("large.jpg", "a", 20), item("b.jpg", "b", 10), item("other.jpg", "c", 10)]);
  return { store, handler: createHandler({ embedder: new FakeEmbedder(), stores: { photos: { store, writable: true } } }) };
}

const PATH = "/v1/indexes/photos/duplicates";

it("lists the groups of a tier, with the image to keep and why", async () => {
  const { handler } = await serverOf();
  const { body } = await send(handler, "GET", `${PATH}?tier=bytes`);
  expect(body).toMatchObject({ object: "list", index: "photos", tier: "bytes", isComplete: true, count: 4, total: 1 });
  expect(body.data).toMatchObject([
    {
      reason: "pixels",
      size: 2,
      keep: { id: "large.jpg", meta: { width: 20 } },
      others: [{ id: "small.jpg", score: expect.closeTo(1, 5) }],
    },
  ]);
  expect((await send(handler, "GET", `${PATH}?tier=bytes&offset=1`)).body).toMatchObject({ total: 1, data: [] });
  expect((await send(handler, "GET", `${PATH}?tier=image`)).body).toMatchObject({ isComplete: true, total: 0 });
});

it("sees a change of the index", async () => {
  const { handler } = await serverOf();
  await send(handler, "GET", PATH);
  await send(handler, "DELETE", "/v1/indexes/photos/items", { ids: ["small.jpg"] });
  expect((await send(handler, "GET", PATH)).body).toMatchObject({ count: 3, total: 0 });
});

it("says how far a search is that goes on, and ends it with the server", async () => {
  const { store, handler } = await serverOf();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const get = store.get.bind(store);
  store.get = async (ids) => {
    await held;
    return get(ids);
  };
  const [first, second] = await Promise.all([send(handler, "GET", PATH), send(handler, "GET", PATH)]);
  expect(first.body).toMatchObject({ isComplete: false, done: 0, count: 4, data: [] });
  expect(second.body).toMatchObject({ isComplete: false });
  release();
  await expect.poll(async () => (await send(handler, "GET", PATH)).body.isComplete).toBe(true);
  await handler.dispose();
});

it("rejects another tier, a page that is too large and an index that is not there", async () => {
  const { handler } = await serverOf();
  expectError(await send(handler, "GET", `${PATH}?tier=all`), 400, "invalid-request");
  expectError(await send(handler, "GET", `${PATH}?limit=100000`), 400, "invalid-request");
  expectError(await send(handler, "GET", "/v1/indexes/nothing/duplicates"), 404, "no-such-index");
});
