/** Finished shards into a store: each row once, and nothing of a shard that is not whole. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { MemoryStore } from "@chinese-clip/search";
import { expect, it } from "vitest";
import { findShards, loadShards } from "../../src/load/load-shards.js";
import { embedShard } from "../../src/shards/embed-shard.js";
import type { JsonObject } from "../../src/sources/source.js";
import { embeddingOf } from "../fake-embedder.js";
import { hashEmbedder, memorySource, shardsOf } from "../shards/memory-source.js";
import { INFO, makeShards, openStore, ROWS, sample, SOURCE } from "./loaded-source.js";

const { path } = scratchFolder();
const SHARDS = new URL("../../../../fixtures/shards/", import.meta.url);

it("puts every row with its metadata, finds it there when it is repeated, and takes captions, too", async () => {
  const output = await makeShards(path("whole"));
  await using store = await openStore(path("store"));
  const progress: number[] = [];
  const summary = await loadShards(output, store, { onProgress: ({ rows }) => progress.push(rows) });
  expect(summary).toEqual({ shards: 2, rows: ROWS, present: 0, unfinished: [] });
  expect(progress.at(-1)).toBe(ROWS);
  expect(store.info.count).toBe(ROWS);
  expect(await store.get(["图 0.jpg", "图 999.jpg"])).toEqual([
    {
      id: "图 0.jpg",
      embedding: embeddingOf("image 0"),
      meta: { path: "图 0.jpg", caption: "文本 0", width: 0, tags: '["a"]', url: "http://example.com/0" },
    },
    undefined,
  ]);
  expect((await store.get(["图 5198.jpg"]))[0]?.embedding).toEqual(embeddingOf("image 5198"));
  expect(await loadShards(output, store)).toMatchObject({ rows: ROWS, present: ROWS });
  expect(store.deadRows).toBe(0);
  const texts = new MemoryStore<JsonObject>(INFO);
  await loadShards(output, texts, { tower: "text" });
  expect((await texts.get(["图 7.jpg"]))[0]?.embedding).toEqual(embeddingOf("文本 7"));
});

it.each([
  ["that is no Parquet", (bytes: Buffer) => bytes.fill(0xff, bytes.length - 64, bytes.length - 8)], // the end of its footer
  ["whose levels the decoder reads without an end", () => readFileSync(new URL("endless-levels.parquet", SHARDS))],
])("rejects a table %s, and whose record says that it is the right one", async (_, damage) => {
  const output = path(`foreign ${_}`);
  const source = memorySource(Array.from({ length: 12 }, (__, i) => sample(i)));
  for (const shard of await shardsOf(source, 12)) await embedShard(hashEmbedder(), source, shard, { output });
  const [file, record] = [`${output}/metadata/metadata_0000.parquet`, `${output}/shards/shard_0000.json`];
  const bytes = damage(readFileSync(file));
  writeFileSync(file, bytes);
  const stated = JSON.parse(readFileSync(record, "utf8")) as { files: Record<string, object> };
  stated.files["metadata/metadata_0000.parquet"] = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  writeFileSync(record, JSON.stringify(stated));
  await expect(loadShards(output, new MemoryStore<JsonObject>(INFO), { parquet: { milliseconds: 2000 } })).rejects.toMatchObject({
    name: "DatasetError",
    code: "invalid-parquet",
    details: { file },
  });
});

it("leaves out a shard that is torn or not finished, names it, and rejects shards of two models and folders without any", async () => {
  const output = await makeShards(path("torn"));
  const file = `${output}/img_emb/img_emb_0001.npy`;
  const bytes = readFileSync(file);
  bytes[5000]! ^= 1;
  writeFileSync(file, bytes);
  const store = new MemoryStore<JsonObject>(INFO);
  expect(await loadShards(output, store)).toMatchObject({
    shards: 1,
    unfinished: [{ index: 1, state: "torn", reason: expect.stringContaining("img_emb_0001.npy") }],
  });
  rmSync(file);
  expect((await findShards(output)).unfinished).toMatchObject([{ index: 1, state: "missing" }]);
  writeFileSync(`${output}/shards/shard_0001.json`, "{}");
  expect((await findShards(output)).unfinished).toMatchObject([{ index: 1, state: "torn" }]);
  await expect(loadShards(output, new MemoryStore<JsonObject>({ ...INFO, fingerprint: "model-b" }))).rejects.toMatchObject({
    code: "fingerprint-mismatch",
  });
  await expect(findShards(path("nowhere"))).rejects.toMatchObject({ code: "no-shards" });
  const mixed = path("mixed");
  for (const [i, shard] of (await shardsOf(SOURCE, 2600)).entries())
    await embedShard(hashEmbedder(`model-${i}`), memorySource([sample(1)]), { ...shard, part: { from: 0, to: 1 } }, { output: mixed });
  await expect(findShards(mixed)).rejects.toMatchObject({ code: "foreign-shard" });
});
