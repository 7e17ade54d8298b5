/** A store over several: the conformance suite, agreement with one store, and stores that hang or fail. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { type ConformanceMeta, vectorStoreCases } from "../../src/conformance/index.js";
import { openFolderStore } from "../../src/node/index.js";
import { shardOf } from "../../src/sharded/shard-of.js";
import { ShardedStore } from "../../src/sharded/sharded-store.js";
import { MemoryStore } from "../../src/store/memory-store.js";
import type { MissingPart, StoreItem, StoreQuery, VectorStore } from "../../src/store/vector-store.js";

const { path } = scratchFolder();
const INFO = { fingerprint: "model-a", dim: 4 };
let opened = 0;

describe.each([1, 3])("ShardedStore conforms, over %d stores in memory", (count) => {
  for (const { name, run } of vectorStoreCases(async (info) => ({
    store: new ShardedStore(Array.from({ length: count }, () => new MemoryStore<ConformanceMeta>(info))),
  })))
    it(name, run);
});

describe("ShardedStore conforms, over folders", () => {
  for (const { name, run } of vectorStoreCases(async (info) => {
    const folders = [0, 1, 2].map((i) => path(`${opened++}-${i}`));
    const open = async (): Promise<ShardedStore<ConformanceMeta>> =>
      new ShardedStore(await Promise.all(folders.map((folder) => openFolderStore<ConformanceMeta>(folder, info))));
    return { store: await open(), reopen: open };
  }))
    it(name, run);
});

/** A store whose searches go as a test says. */
class Odd extends MemoryStore<{ readonly n: number }> {
  asked = 0;
  readonly signals: (AbortSignal | undefined)[] = [];
  onSearch: () => Promise<void> = async () => undefined;

  override async search(query: StoreQuery): ReturnType<MemoryStore<{ readonly n: number }>["search"]> {
    this.asked++;
    this.signals.push(query.signal);
    await this.onSearch();
    return super.search(query);
  }

  override async refresh(): Promise<void> {
    await this.onSearch();
  }
}

const itemOf = (n: number): StoreItem<{ readonly n: number }> => ({
  id: `item ${n}`,
  embedding: Float32Array.from({ length: 4 }, (_, i) => Math.sin(n * 7 + i * 3)),
  meta: { n },
});
const X = Float32Array.of(1, 0, 0, 0);

async function filled(milliseconds = 50): Promise<{ readonly stores: Odd[]; readonly sharded: ShardedStore<{ readonly n: number }> }> {
  const stores = Array.from({ length: 3 }, () => new Odd(INFO));
  const sharded = new ShardedStore(stores, { milliseconds, names: ["a", "b", "c"] });
  await sharded.upsert(Array.from({ length: 60 }, (_, n) => itemOf(n)));
  return { stores, sharded };
}

const never = (): Promise<void> => new Promise(() => undefined);

describe("ShardedStore", () => {
  it("finds what one store with all items finds, whatever is put, removed and asked", async () => {
    const id = fc.integer({ min: 0, max: 40 }).map(String);
    const vector = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 4, maxLength: 4 });
    const items = fc.uniqueArray(fc.record({ id, vector }), { selector: (one) => one.id, maxLength: 20 });
    const query = fc.record({
      vector,
      top: fc.integer({ min: 1, max: 30 }),
      minScore: fc.integer({ min: -3, max: 3 }),
      relativeScore: fc.constantFrom(0, 0.5, 1),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(items, { maxLength: 4 }), fc.array(id, { maxLength: 10 }), query, async (puts, removed, asked) => {
        const one = new MemoryStore(INFO);
        const several = new ShardedStore([0, 1, 2, 3].map(() => new MemoryStore(INFO)));
        for (const store of [one, several] as const) {
          for (const put of puts)
            await store.upsert(put.map((item, n) => ({ id: item.id, embedding: Float32Array.from(item.vector), meta: { n } })));
        }
        expect(await several.delete(removed)).toBe(await one.delete(removed));
        expect(several.info).toEqual(one.info);
        const found = async (store: VectorStore<unknown>): Promise<[number, string][]> =>
          (await store.search({ ...asked, vector: Float32Array.from(asked.vector), top: 100 })).map((hit) => [hit.score, hit.id]);
        const sorted = (hits: [number, string][]): [number, string][] => hits.sort(([a, x], [b, y]) => b - a || (x < y ? -1 : 1));
        expect(sorted(await found(several))).toEqual(sorted(await found(one)));
        const best = (await several.search({ ...asked, vector: Float32Array.from(asked.vector) })).map(({ score }) => score);
        expect(best).toEqual((await one.search({ ...asked, vector: Float32Array.from(asked.vector) })).map(({ score }) => score));
        const ids = [...removed, "1", "2", "none"];
        expect(await several.get(ids)).toEqual(await one.get(ids));
      }),
      { numRuns: 60 },
    );
  });

  it("routes by a hash that stays the same, spreads, and can be replaced", async () => {
    expect(["", "a", "猫/1.jpg", "item 42", "\ud800"].map((id) => shardOf(id, 1000))).toEqual(SHARDS);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i++) counts[shardOf(`2024/${i}.jpg`, 4)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    const stores = [new MemoryStore(INFO), new MemoryStore(INFO)];
    const sharded = new ShardedStore(stores, { route: (id) => (id.startsWith("cats/") ? 0 : 1) });
    await sharded.upsert([
      { ...itemOf(1), id: "cats/1" },
      { ...itemOf(2), id: "dogs/1" },
      { ...itemOf(3), id: "dogs/2" },
    ]);
    expect(stores.map(({ info }) => info.count)).toEqual([1, 2]);
    const wrong = new ShardedStore(stores, { route: () => 2 });
    await expect(wrong.get(["a"])).rejects.toThrow(RangeError);
  });

  it("answers without a store that hangs or fails, in time, and says so", async () => {
    const { stores, sharded } = await filled();
    const [, b, c] = stores as [Odd, Odd, Odd];
    b.onSearch = never;
    c.onSearch = async () => {
      throw new Error("the disk is gone");
    };
    const missing: MissingPart[] = [];
    const hits = await sharded.search({ vector: X, top: 60, onMissing: (part) => missing.push(part) });
    expect(hits.map(({ id }) => id).sort()).toEqual(
      Array.from({ length: 60 }, (_, n) => `item ${n}`)
        .filter((id) => shardOf(id, 3) === 0)
        .sort(),
    );
    expect(missing.map(({ name, error }) => [name, (error as Error).message])).toEqual([
      ["b", "store b has not answered within 50 ms"],
      ["c", "the disk is gone"],
    ]);
    await expect(sharded.search({ vector: X })).rejects.toMatchObject({ code: "incomplete", details: { missing: ["b", "c"] } });
    expect(b.signals.every((signal) => signal?.aborted === true)).toBe(true);
    await sharded.refresh();
    expect(sharded.info.count).toBe(60);
  });

  it("does not pile up calls of a store that hangs, and asks it again when it answers", async () => {
    const { stores, sharded } = await filled(20);
    const b = stores[1] as Odd;
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    b.onSearch = () => gate;
    const ask = async (): Promise<string[]> => {
      const names: string[] = [];
      await sharded.search({ vector: X, onMissing: ({ name }) => names.push(name) });
      return names;
    };
    for (let i = 0; i < 20; i++) expect(await ask()).toEqual(["b"]);
    expect(b.asked).toBe(4);
    release();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await ask()).toEqual([]);
    expect(await sharded.search({ vector: X, top: 60 })).toHaveLength(60);
  });

  it("rejects where no store answers, also for a caller that takes less, and by the caller's signal", async () => {
    const { stores, sharded } = await filled(20);
    for (const store of stores) store.onSearch = never;
    await expect(sharded.search({ vector: X, onMissing: () => undefined })).rejects.toMatchObject({ code: "incomplete" });
    const reason = new Error("gone");
    await expect(sharded.search({ vector: X, signal: AbortSignal.abort(reason), onMissing: () => undefined })).rejects.toBe(reason);
  });

  it("names the stores that a write failed in, and completes it by the same call", async () => {
    const { stores, sharded } = await filled();
    const a = stores[0] as Odd;
    const upsert = a.upsert.bind(a);
    a.upsert = async () => {
      throw new Error("read-only file system");
    };
    const items = Array.from({ length: 30 }, (_, n) => itemOf(n + 100));
    await expect(sharded.upsert(items)).rejects.toMatchObject({ code: "incomplete", details: { missing: ["a"] } });
    a.upsert = upsert;
    await sharded.upsert(items);
    expect(sharded.info.count).toBe(90);
  });

  it("rejects stores of two models, none, and options that cannot be", () => {
    const one = new MemoryStore(INFO);
    expect(() => new ShardedStore([one, new MemoryStore({ ...INFO, fingerprint: "model-b" })])).toThrow("model-b");
    expect(() => new ShardedStore([one, new MemoryStore({ ...INFO, dim: 5 })])).toThrow("4 values");
    expect(() => new ShardedStore([])).toThrow(RangeError);
    expect(() => new ShardedStore([one], { milliseconds: 0 })).toThrow(RangeError);
    expect(() => new ShardedStore([one, one], { names: ["a", "a"] })).toThrow(RangeError);
  });
});

/** Numbers that clients in other languages and later releases have to give, too. */
const SHARDS = [923, 715, 410, 623, 858];
