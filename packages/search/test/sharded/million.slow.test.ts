/** Four stores of 250,000 as one of a million: the same results, in the same order, with the same scores. */
import { expect, it } from "vitest";
import { ShardedStore } from "../../src/sharded/sharded-store.js";
import { MemoryStore } from "../../src/store/memory-store.js";
import type { StoreItem } from "../../src/store/vector-store.js";

const [COUNT, DIM, CLUSTERS, BATCH] = [1_000_000, 64, 2000, 10_000] as const;
const INFO = { fingerprint: "model-a", dim: DIM };

/** Numbers from -1 to 1, the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

it("finds in four stores of 250,000 what one of a million has", async () => {
  const next = random(7);
  const centres = Float32Array.from({ length: CLUSTERS * DIM }, next);
  const near = (cluster: number): Float32Array => {
    const vector = Float32Array.from({ length: DIM }, (_, i) => (centres[cluster * DIM + i] as number) + 0.3 * next());
    const norm = Math.hypot(...vector);
    return vector.map((value) => value / norm);
  };
  const one = new MemoryStore<{ readonly group: number }>(INFO);
  // A quarter each, whatever the hash: the number of the item says where.
  const parts = Array.from({ length: 4 }, () => new MemoryStore<{ readonly group: number }>(INFO));
  const four = new ShardedStore(parts, { milliseconds: 600_000, route: (id) => Number(id) % 4 });
  for (let start = 0; start < COUNT; start += BATCH) {
    const items = Array.from({ length: BATCH }, (_, i): StoreItem<{ readonly group: number }> => {
      return { id: String(start + i), embedding: near((start + i) % CLUSTERS), meta: { group: i % 1000 } };
    });
    await one.upsert(items);
    await four.upsert(items);
  }
  expect(parts.map(({ info }) => info.count)).toEqual([250_000, 250_000, 250_000, 250_000]);
  for (let i = 0; i < 50; i++) {
    const query = {
      vector: near((i * 37) % CLUSTERS),
      top: i % 5 === 0 ? 1000 : 10,
      ...(i % 3 === 0 ? { filter: { field: "group", op: "eq", value: i } as const } : {}),
      ...(i % 4 === 0 ? { relativeScore: 0.9 } : {}),
    };
    expect(await four.search(query)).toEqual(await one.search(query));
  }
}, 600_000);
