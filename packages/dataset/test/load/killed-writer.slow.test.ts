/** Finished shards into a store whose writer is killed: each row once. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { MemoryStore, ShardedStore, type StoreItem } from "@chinese-clip/search";
import { expect, it } from "vitest";
import { loadShards } from "../../src/load/load-shards.js";
import type { JsonObject } from "../../src/sources/source.js";
import { INFO, makeShards, openStore, ROWS } from "./loaded-source.js";

const { path } = scratchFolder();

it("is exact after a writer that was killed at any batch, in one store and in several", async () => {
  const output = await makeShards(path("killed"));
  for (let after = 0; after < 6; after++) {
    const store = await openStore(path(`killed store ${after}`));
    let [left, written] = [after, 0];
    const upsert = store.upsert.bind(store);
    store.upsert = async (items: readonly StoreItem<JsonObject>[], options) => {
      if (items.length > 0 && left-- === 0) throw new Error("killed");
      written += items.length;
      await upsert(items, options);
    };
    await expect(loadShards(output, store)).rejects.toThrow("killed");
    await store.close();
    await using again = await openStore(path(`killed store ${after}`));
    expect(again.info.count).toBe(written);
    expect(await loadShards(output, again)).toMatchObject({ rows: ROWS, present: written });
    expect([again.info.count, again.deadRows]).toEqual([ROWS, 0]);
  }
  const parts = [new MemoryStore<JsonObject>(INFO), new MemoryStore<JsonObject>(INFO)] as const;
  const upsert = parts[1].upsert.bind(parts[1]);
  parts[1].upsert = async (items) => {
    if (items.length > 0) throw new Error("the machine is gone");
  };
  const sharded = new ShardedStore<JsonObject>(parts);
  await expect(loadShards(output, sharded)).rejects.toMatchObject({ code: "incomplete" });
  parts[1].upsert = upsert;
  await loadShards(output, sharded);
  expect(sharded.info.count).toBe(ROWS);
});
