/**
 * What every {@link VectorStore} must do, as test cases for any framework: `for (const { name, run } of vectorStoreCases(open)) it(name, run);`
 */
import type { Filter } from "../store/filter.js";
import type { StoreInfo, StoreItem, StoreQuery, VectorStore } from "../store/vector-store.js";
import { equal, expectCode, expectError, sorted } from "./assertions.js";

/** Metadata of the suite's items. */
export interface ConformanceMeta {
  readonly path: string;
  readonly year?: number;
  readonly tags?: readonly string[];
}

/** A store under test. */
export interface StoreUnderTest {
  /** An empty store. */
  readonly store: VectorStore<ConformanceMeta>;
  /** Opens what was written once more, after the first was closed; left out where nothing outlives it. */
  readonly reopen?: () => Promise<VectorStore<ConformanceMeta>>;
}

/** Opens an empty store of a model and a dimension. */
export type OpenStore = (info: Pick<StoreInfo, "fingerprint" | "dim">) => Promise<StoreUnderTest>;

/** A test: `run` rejects where the store fails it. */
export interface ConformanceCase {
  /** What the store must do. */
  readonly name: string;
  /** Opens a store of its own and closes it. */
  readonly run: () => Promise<void>;
}

type Test = (store: VectorStore<ConformanceMeta>, reopen: StoreUnderTest["reopen"]) => Promise<void>;

const INFO = { fingerprint: "model-a", dim: 4 };

/** Items with the four unit vectors and their neighbours, so that every score is known. */
const ITEMS: readonly StoreItem<ConformanceMeta>[] = [
  { id: "x", embedding: Float32Array.of(1, 0, 0, 0), meta: { path: "2023/x.jpg", year: 2023, tags: ["猫"] } },
  { id: "xy", embedding: Float32Array.of(0.5, 0.25, 0, 0), meta: { path: "2023/xy.jpg", year: 2023, tags: ["猫", "狗"] } },
  { id: "y", embedding: Float32Array.of(0, 1, 0, 0), meta: { path: "2024/y.jpg", year: 2024 } },
  { id: "-x", embedding: Float32Array.of(-1, 0, 0, 0), meta: { path: "z.jpg" } },
];
const X = Float32Array.of(1, 0, 0, 0);

const TESTS: Readonly<Record<string, Test>> = {
  "is empty at first": async (store) => {
    equal(store.info, { ...INFO, count: 0 });
    equal(await store.search({ vector: X }), []);
    equal(await idsOf(store), []);
    equal(await store.get(["x"]), [undefined]);
  },

  "gives back what was put in, as copies": async (store) => {
    const embedding = Float32Array.of(0.5, -0.25, 0, 3);
    await store.upsert([{ id: "猫/1", embedding, meta: { path: "a.jpg", tags: ["猫"] } }]);
    embedding.fill(9);
    const [item] = await store.get(["猫/1"]);
    equal(item && { ...item, embedding: [...item.embedding] }, {
      id: "猫/1",
      embedding: [0.5, -0.25, 0, 3],
      meta: { path: "a.jpg", tags: ["猫"] },
    });
    item?.embedding.fill(7);
    equal([...((await store.get(["猫/1"]))[0]?.embedding ?? [])], [0.5, -0.25, 0, 3]);
    equal(store.info.count, 1);
  },

  "gets items in the order of the ids": async (store) => {
    await store.upsert(ITEMS);
    equal(
      (await store.get(["y", "none", "x", "y"])).map((item) => item?.id),
      ["y", undefined, "x", "y"],
    );
  },

  "replaces an item of the same id": async (store) => {
    await store.upsert(ITEMS);
    await store.upsert([{ id: "x", embedding: Float32Array.of(0, 0, 1, 0), meta: { path: "new.jpg" } }]);
    equal(store.info.count, 4);
    equal((await store.search({ vector: Float32Array.of(0, 0, 1, 0), top: 1 }))[0], { id: "x", score: 1, meta: { path: "new.jpg" } });
    equal(
      (await store.search({ vector: X, top: 1 })).map(({ id }) => id),
      ["xy"],
    );
  },

  "lists items without their embeddings": async (store) => {
    await store.upsert(ITEMS);
    const listed = new Map<string, ConformanceMeta>();
    for await (const item of store.list()) {
      equal(Object.keys(item).sort(), ["id", "meta"]);
      listed.set(item.id, item.meta);
    }
    equal(
      ITEMS.map(({ id }) => listed.get(id)),
      ITEMS.map(({ meta }) => meta),
    );
    equal(listed.size, ITEMS.length);
  },

  "removes items and counts them": async (store) => {
    await store.upsert(ITEMS);
    equal(await store.delete(["x", "none", "x"]), 1);
    equal(store.info.count, 3);
    equal(await idsOf(store), ["-x", "xy", "y"]);
    equal(
      (await store.search({ vector: X })).map(({ id }) => id),
      ["xy", "y", "-x"],
    );
    await store.upsert(ITEMS.slice(0, 1));
    equal(store.info.count, 4);
  },

  "finds the best first, with their scores": async (store) => {
    await store.upsert(ITEMS);
    const hits = await store.search({ vector: X });
    equal(
      hits.map(({ id, score }) => [id, score]),
      [
        ["x", 1],
        ["xy", 0.5],
        ["y", 0],
        ["-x", -1],
      ],
    );
    equal(hits[1]?.meta, ITEMS[1]?.meta);
    equal(
      (await store.search({ vector: X, top: 2 })).map(({ id }) => id),
      ["x", "xy"],
    );
    equal(
      (await store.search({ vector: X, minScore: 0.5 })).map(({ id }) => id),
      ["x", "xy"],
    );
    equal(await store.search({ vector: X, minScore: 1.5 }), []);
  },

  "cuts relative to the best that matches": async (store) => {
    await store.upsert(ITEMS);
    const found = async (query: Omit<StoreQuery, "vector">): Promise<string[]> =>
      (await store.search({ vector: X, ...query })).map(({ id }) => id);
    equal(await found({ relativeScore: 0.6 }), ["x"]);
    equal(await found({ relativeScore: 0.5 }), ["x", "xy"]);
    equal(await found({ relativeScore: 0 }), ["x", "xy", "y", "-x"]);
    equal(await found({ relativeScore: 1, filter: { field: "tags", op: "contains", value: "狗" } }), ["xy"]);
    equal(await found({ relativeScore: 0.9, filter: { field: "path", op: "eq", value: "z.jpg" } }), ["-x"]);
    for (const relativeScore of [-0.1, 1.1, Number.NaN]) await expectError("RangeError", () => store.search({ vector: X, relativeScore }));
  },

  "filters before it counts": async (store) => {
    await store.upsert(ITEMS);
    const filter: Filter = { field: "year", op: "gte", value: 2024 };
    equal(
      (await store.search({ vector: X, top: 1, filter })).map(({ id }) => id),
      ["y"],
    );
    for (const [one, expected] of FILTERS) {
      equal(await idsOf(store, one), sorted(expected), JSON.stringify(one));
      equal(await listedIds(store, one), sorted(expected), JSON.stringify(one));
      equal(sorted((await store.search({ vector: X, filter: one })).map(({ id }) => id)), sorted(expected), JSON.stringify(one));
    }
  },

  "rejects a call as a whole": async (store) => {
    const [good] = ITEMS as [StoreItem<ConformanceMeta>];
    const bad = (change: Partial<StoreItem<ConformanceMeta>>): StoreItem<ConformanceMeta> => ({ ...good, id: "bad", ...change });
    await expectCode("dimension-mismatch", () => store.upsert([good, bad({ embedding: Float32Array.of(1) })]));
    await expectCode("non-finite", () => store.upsert([good, bad({ embedding: Float32Array.of(1, Number.NaN, 0, 0) })]));
    await expectCode("non-finite", () => store.upsert([good, bad({ embedding: Float32Array.of(1, Infinity, 0, 0) })]));
    await expectCode("invalid-id", () => store.upsert([good, bad({ id: "" })]));
    await expectCode("invalid-id", () => store.upsert([good, good]));
    await expectCode("fingerprint-mismatch", () => store.upsert([good], { fingerprint: "model-b" }));
    equal(store.info.count, 0);
    await store.upsert([good], { fingerprint: "model-a" });
    equal(store.info.count, 1);
  },

  "rejects queries that mean nothing": async (store) => {
    await store.upsert(ITEMS);
    await expectCode("dimension-mismatch", () => store.search({ vector: Float32Array.of(1) }));
    await expectCode("non-finite", () => store.search({ vector: Float32Array.of(1, Number.NaN, 0, 0) }));
    await expectCode("fingerprint-mismatch", () => store.search({ vector: X, fingerprint: "model-b" }));
    await expectCode("invalid-filter", () => store.search({ vector: X, filter: { field: "year", op: "about" } as unknown as Filter }));
    for (const top of [0, -1, 1.5, Number.NaN]) await expectError("RangeError", () => store.search({ vector: X, top }));
  },

  "survives compaction and refresh": async (store) => {
    await store.upsert(ITEMS);
    await store.delete(["xy"]);
    await store.compact();
    await store.refresh();
    equal(store.info.count, 3);
    equal(
      (await store.search({ vector: X })).map(({ id }) => id),
      ["x", "y", "-x"],
    );
    await store.upsert(ITEMS);
    equal(await idsOf(store), ["-x", "x", "xy", "y"]);
  },

  "holds several thousand items": async (store) => {
    const items = Array.from({ length: 3000 }, (_, i) => ({
      id: `item ${i}`,
      embedding: Float32Array.of(Math.sin(i), Math.cos(i), 0, 0),
      meta: { path: `${i}.jpg`, year: i % 10 },
    }));
    for (let start = 0; start < items.length; start += 1000) await store.upsert(items.slice(start, start + 1000));
    const scores = items.filter(({ meta }) => meta.year === 3).map(({ embedding }) => embedding[0] as number);
    const hits = await store.search({ vector: X, top: 20, filter: { field: "year", op: "eq", value: 3 } });
    equal(
      hits.map(({ score }) => score),
      scores.sort((a, b) => b - a).slice(0, 20),
    );
  },

  "keeps what was written when it is opened once more": async (store, reopen) => {
    await store.upsert(ITEMS);
    await store.delete(["y"]);
    if (reopen === undefined) return;
    await store.close();
    const again = await reopen();
    equal(again.info, { ...INFO, count: 3 });
    equal(await idsOf(again), ["-x", "x", "xy"]);
    equal((await again.search({ vector: X, top: 1 }))[0], { id: "x", score: 1, meta: ITEMS[0]?.meta });
    await again.close();
  },

  "rejects calls once it is closed": async (store) => {
    await store.close();
    await store.close();
    await expectCode("closed", () => store.search({ vector: X }));
    await expectCode("closed", () => store.upsert([]));
    await expectCode("closed", () => store.delete([]));
    await expectCode("closed", () => store.get([]));
    await expectCode("closed", () => idsOf(store));
  },
};

/** Filters, and the ids of the items that match. */
const FILTERS: readonly (readonly [filter: Filter, ids: readonly string[]])[] = [
  [{ field: "path", op: "eq", value: "z.jpg" }, ["-x"]],
  [{ field: "year", op: "ne", value: 2023 }, ["y", "-x"]],
  [{ field: "year", op: "lt", value: 2024 }, ["x", "xy"]],
  [{ field: "path", op: "startsWith", value: "2023/" }, ["x", "xy"]],
  [{ field: "tags", op: "contains", value: "狗" }, ["xy"]],
  [{ field: "year", op: "exists", value: false }, ["-x"]],
  [{ field: "path", op: "in", value: ["z.jpg", "2024/y.jpg"] }, ["y", "-x"]],
  [{ field: ["year"], op: "eq", value: "2023" }, []],
  [{ and: [{ field: "year", op: "eq", value: 2023 }, { not: { field: "tags", op: "contains", value: "狗" } }] }, ["x"]],
  [{ or: [] }, []],
  [{ and: [] }, ["x", "xy", "y", "-x"]],
];

/**
 * The cases.
 *
 * @param open - opens an empty store for each case.
 */
export function vectorStoreCases(open: OpenStore): ConformanceCase[] {
  return Object.entries(TESTS).map(([name, test]) => ({
    name,
    run: async () => {
      const { store, reopen } = await open(INFO);
      try {
        await test(store, reopen);
      } finally {
        await store.close();
      }
    },
  }));
}

async function idsOf(store: VectorStore<ConformanceMeta>, filter?: Filter): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of store.scan(filter)) ids.push(id);
  return sorted(ids);
}

async function listedIds(store: VectorStore<ConformanceMeta>, filter?: Filter): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of store.list(filter)) ids.push(id);
  return sorted(ids);
}
