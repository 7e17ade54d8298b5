import { scratchFolder } from "@chinese-clip/scratch-folder";
import { parseNpy } from "@chinese-clip/search";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DatasetError } from "../../src/dataset-error.js";
import { embedShard, type FailedItem } from "../../src/shards/embed-shard.js";
import { type FileStore, folderStore } from "../../src/store/file-store.js";
import { checkShard, readShardRecord } from "../../src/shards/shard-files.js";
import { folderSource } from "../../src/sources/folder-source.js";
import type { SourceItem } from "../../src/sources/source.js";
import { embeddingOf } from "../fake-embedder.js";
import { hashEmbedder, memorySource, shardsOf } from "./memory-source.js";

const { path, write } = scratchFolder();
const fault = (key: string): SourceItem => ({ key, error: new DatasetError("unreadable", { reason: "torn", file: key }) });
const sample = (i: number): SourceItem =>
  i % 7 === 3
    ? fault(`item ${i}`)
    : {
        key: `item ${i}`,
        image: Buffer.from(i % 5 === 4 ? `broken ${i}` : `image ${i}`),
        caption: `文本 ${i}`,
        meta: {
          url: `http://example.com/${i}`,
          width: i,
          score: i / 2,
          NSFW: i % 2 === 0,
          tags: ["a"],
          exif: { ISO: i === 0 ? "auto" : i },
        },
      };
const SOURCE = memorySource(Array.from({ length: 25 }, (_, i) => sample(i)));
const filesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [
        `${entry.parentPath.slice(folder.length)}/${entry.name}`,
        readFileSync(`${entry.parentPath}/${entry.name}`).toString("base64"),
      ]),
  );
const rowsOf = async (file: string): Promise<Record<string, unknown>[]> => parquetReadObjects({ file: await asyncBufferFromFile(file) });

describe("a shard", () => {
  it("becomes clip-retrieval's files: rows for what could be read, in the source's order, and a list of the rest", async () => {
    const output = path("layout");
    const failed: FailedItem[] = [];
    const progress: number[] = [];
    for (const shard of await shardsOf(SOURCE)) {
      await embedShard(hashEmbedder(), SOURCE, shard, {
        output,
        towers: ["image", "text"],
        prepareText: (text) => `prepared ${text}`,
        onFailure: (failure) => failed.push(failure),
        onProgress: ({ done }) => progress.push(done),
      });
    }
    expect(Object.keys(filesOf(output)).sort()).toEqual(
      ["failed/failed_", "img_emb/img_emb_", "metadata/metadata_", "shards/shard_", "text_emb/text_emb_"].flatMap((name) =>
        [0, 1, 2].map(
          (i) =>
            `/${name}000${i}.${name.startsWith("failed") ? "jsonl" : name.startsWith("meta") ? "parquet" : name.startsWith("shard") ? "json" : "npy"}`,
        ),
      ),
    );
    expect(failed.map(({ key }) => key)).toEqual([3, 4, 9, 10, 14, 17, 19, 24].map((i) => `item ${i}`));
    expect(failed[1]).toMatchObject({ key: "item 4", code: "corrupt", reason: "no image", error: { message: "no image" } });
    expect(progress).toEqual([...Array(10).keys(), ...Array(10).keys(), ...Array(5).keys()].map((i) => i + 1));
    const rows = (await Promise.all([0, 1, 2].map((i) => rowsOf(`${output}/metadata/metadata_000${i}.parquet`)))).flat();
    const images = [0, 1, 2].map((i) => parseNpy(readFileSync(`${output}/img_emb/img_emb_000${i}.npy`), "npy"));
    const texts = parseNpy(readFileSync(`${output}/text_emb/text_emb_0000.npy`), "npy");
    expect(images.map(({ count }) => count)).toEqual([7, 6, 4]);
    expect(rows).toHaveLength(17);
    expect(rows[3]).toEqual({
      image_path: "item 5",
      caption: "文本 5",
      url: "http://example.com/5",
      width: 5n,
      score: 2.5,
      NSFW: false,
      tags: '["a"]',
      "exif.ISO": "5",
    });
    expect(images[0]?.data.subarray(24, 32)).toEqual(embeddingOf("image 5"));
    expect(texts.data.subarray(24, 32)).toEqual(embeddingOf("prepared 文本 5"));
    expect(readFileSync(`${output}/failed/failed_0000.jsonl`, "utf8").split("\n")[1]).toBe(
      '{"key":"item 4","code":"corrupt","reason":"no image"}',
    );
  });

  it("that is complete is skipped after a look at its files, and torn or missing ones make it again, byte by byte", async () => {
    const output = path("again");
    const [shard] = await shardsOf(SOURCE);
    if (shard === undefined) throw new Error("no shard");
    const run = () => embedShard(hashEmbedder(), SOURCE, shard, { output });
    expect(await run()).toEqual({ id: shard.id, index: 0, rows: 7, failed: 3, skipped: false });
    const whole = filesOf(output);
    expect(await run()).toMatchObject({ rows: 7, failed: 3, skipped: true });
    for (const name of [
      "img_emb/img_emb_0000.npy",
      "metadata/metadata_0000.parquet",
      "shards/shard_0000.json",
      "failed/failed_0000.jsonl",
    ]) {
      truncateSync(`${output}/${name}`, 10);
      expect(await run()).toMatchObject({ skipped: false });
      expect(filesOf(output)).toEqual(whole);
      if (name.startsWith("shards")) continue;
      rmSync(`${output}/${name}`);
      expect(await run()).toMatchObject({ skipped: false });
      expect(filesOf(output)).toEqual(whole);
    }
  });

  it("of another model, other settings or another list is rejected, and stays as it is", async () => {
    const output = path("foreign");
    const [shard, second] = await shardsOf(SOURCE);
    if (shard === undefined || second === undefined) throw new Error("no shard");
    await embedShard(hashEmbedder(), SOURCE, shard, { output, settings: { orientation: true } });
    const whole = filesOf(output);
    const options = { output, settings: { orientation: true } };
    for (const run of [
      () => embedShard(hashEmbedder("model-b"), SOURCE, shard, options),
      () => embedShard(hashEmbedder(), SOURCE, shard, { output, settings: { orientation: false } }),
      () => embedShard(hashEmbedder(), SOURCE, { ...second, index: 0 }, options),
      () => embedShard(hashEmbedder(), SOURCE, shard, { ...options, towers: ["text"] }),
    ])
      await expect(run()).rejects.toMatchObject({ code: "foreign-shard" });
    expect(filesOf(output)).toEqual(whole);
    // Somebody's files without a record.
    mkdirSync(path("mine/img_emb"), { recursive: true });
    writeFileSync(path("mine/img_emb/img_emb_0000.npy"), "mine");
    await expect(embedShard(hashEmbedder(), SOURCE, shard, { output: path("mine") })).rejects.toMatchObject({ code: "foreign-shard" });
  });

  it("leaves no mark wherever its run ends, and the next one makes it whole", async () => {
    const [shard] = await shardsOf(SOURCE);
    if (shard === undefined) throw new Error("no shard");
    await embedShard(hashEmbedder(), SOURCE, shard, { output: path("calm") });
    for (let puts = 0; puts < 4; puts++) {
      const output = path(`killed-${puts}`);
      const store = folderStore(output);
      let left = puts;
      const dying: FileStore = {
        ...store,
        put: async (...call) => (left-- > 0 ? store.put(...call) : Promise.reject(new Error("killed"))),
      };
      await expect(embedShard(hashEmbedder(), SOURCE, shard, { output: dying })).rejects.toThrow("killed");
      expect(existsSync(`${output}/img_emb/img_emb_0000.npy`)).toBe(false);
      expect(existsSync(`${output}/.staging`)).toBe(false);
      expect(await checkShard(store, { shard })).toEqual({ state: "missing" });
      // What a run of another model left does not matter either.
      expect(await embedShard(hashEmbedder(), SOURCE, shard, { output })).toMatchObject({ skipped: false });
      expect(filesOf(output)).toEqual(filesOf(path("calm")));
    }
  });

  it("is told from a damaged one by its content", async () => {
    const output = path("damaged");
    const [shard] = await shardsOf(SOURCE);
    if (shard === undefined) throw new Error("no shard");
    await embedShard(hashEmbedder(), SOURCE, shard, { output });
    const store = folderStore(output);
    const record = await readShardRecord(store, 0);
    expect(await checkShard(store, { shard }, { content: true })).toEqual({ state: "complete", record });
    expect(record).toMatchObject({ id: shard.id, rows: 7, failed: 3, towers: ["image"], dim: 8, fingerprint: "model-a", settings: {} });
    const file = `${output}/img_emb/img_emb_0000.npy`;
    const bytes = readFileSync(file);
    bytes[140] = (bytes[140] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect(await checkShard(store, { shard })).toMatchObject({ state: "complete" });
    expect(await checkShard(store, { shard }, { content: true })).toMatchObject({ state: "torn", file: "img_emb/img_emb_0000.npy" });
  });

  it("ends with the signal's reason and leaves nothing", async () => {
    const [shard] = await shardsOf(SOURCE);
    if (shard === undefined) throw new Error("no shard");
    const controller = new AbortController();
    const run = embedShard(hashEmbedder(), SOURCE, shard, {
      output: path("aborted"),
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 3) controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(Object.keys(filesOf(path("aborted")))).toEqual([]);
  });

  it("of captions alone is marked by its texts; what has none is a failure", async () => {
    const source = memorySource([{ key: "a", caption: "猫" }, { key: "b" }, { key: "c", caption: "狗" }]);
    const [shard] = await shardsOf(source);
    if (shard === undefined) throw new Error("no shard");
    const model = hashEmbedder();
    expect(await embedShard(model, source, shard, { output: path("texts"), towers: ["text"] })).toMatchObject({ rows: 2, failed: 1 });
    expect(model).toMatchObject({ images: 0, texts: 2 });
    expect(await rowsOf(path("texts/metadata/metadata_0000.parquet"))).toEqual([
      { image_path: "a", caption: "猫" },
      { image_path: "c", caption: "狗" },
    ]);
    expect(await embedShard(model, source, shard, { output: path("texts"), towers: ["text"] })).toMatchObject({ skipped: true });
  });

  it("fails where nothing at all could be fetched, and where it has more items than it may", async () => {
    const lost = memorySource([{ key: "a", error: new DatasetError("unreachable", { reason: "ENOTFOUND", file: "a" }) }]);
    const [shard] = await shardsOf(lost);
    if (shard === undefined) throw new Error("no shard");
    await expect(embedShard(hashEmbedder(), lost, shard, { output: path("lost") })).rejects.toMatchObject({ code: "all-unreachable" });
    const [first] = await shardsOf(SOURCE);
    if (first === undefined) throw new Error("no shard");
    await expect(embedShard(hashEmbedder(), SOURCE, first, { output: path("many"), limits: { items: 9 } })).rejects.toMatchObject({
      code: "too-many-items",
    });
  });

  it("without any row is complete too", async () => {
    const broken = memorySource([{ key: "a", image: Buffer.from("broken") }]);
    const [shard] = await shardsOf(broken);
    if (shard === undefined) throw new Error("no shard");
    expect(await embedShard(hashEmbedder(), broken, shard, { output: path("none") })).toMatchObject({ rows: 0, failed: 1 });
    expect(await rowsOf(path("none/metadata/metadata_0000.parquet"))).toEqual([]);
    expect(await embedShard(hashEmbedder(), broken, shard, { output: path("none") })).toMatchObject({ skipped: true });
  });
});

describe("metadata of strangers", () => {
  it("with more names than a table has columns is one column of JSON", async () => {
    const items = Array.from({ length: 30 }, (_, i) => ({
      key: `k${i}`,
      image: Buffer.from(`${i}`),
      meta: Object.fromEntries(Array.from({ length: 10 }, (__, j) => [`name ${i} ${j}`, j])),
    }));
    const source = memorySource(items);
    const [shard] = await shardsOf(source, 30);
    if (shard === undefined) throw new Error("no shard");
    await embedShard(hashEmbedder(), source, shard, { output: path("wide") });
    const rows = await rowsOf(path("wide/metadata/metadata_0000.parquet"));
    expect(Object.keys(rows[0] ?? {})).toEqual(["image_path", "metadata"]);
    expect(rows[29]?.["metadata"]).toBeDefined();
  });

  it("cannot take our columns, and its own keep the names of prototypes", async () => {
    const source = memorySource([
      {
        key: "a",
        image: Buffer.from("1"),
        meta: { image_path: "x", caption: "y", metadata: "z", __proto__x: 1, constructor: 2, big: 2 ** 60 },
      },
      { key: "b", image: Buffer.from("2"), meta: JSON.parse('{"__proto__": {"polluted": true}}') },
    ]);
    const [shard] = await shardsOf(source);
    if (shard === undefined) throw new Error("no shard");
    await embedShard(hashEmbedder(), source, shard, { output: path("names") });
    const [a] = await rowsOf(path("names/metadata/metadata_0000.parquet"));
    expect(a).toMatchObject({ image_path: "a", __proto__x: 1n, big: 2 ** 60 });
    expect(Object.hasOwn({}, "polluted")).toBe(false);
  });
});

describe("a folder", () => {
  it("is listed in shards that name its files, and read without leaving it", async () => {
    for (const name of ["a.png", "b/c.jpg", "b/d.txt", "图 1.png"]) write(`photos/${name}`, `image ${name}`);
    writeFileSync(Buffer.concat([Buffer.from(`${path("photos")}/`), Buffer.from([0xd6, 0xd0]), Buffer.from(".png")]), "image gbk");
    const source = folderSource(path("photos"));
    const shards = await shardsOf(source, 2);
    expect(shards.map(({ count }) => count)).toEqual([2, 2]);
    expect(shards[0]?.id).toMatch(/^00000-[0-9a-f]{12}$/);
    const keys: string[] = [];
    for (const shard of shards) for await (const { key } of source.read(shard)) keys.push(key);
    expect(keys).toEqual(["a.png", "\\xd6\\xd0.png", "图 1.png", "b/c.jpg"]);
    for (const part of [{ files: ["../x.png"] }, { files: ["/etc/passwd"] }, { files: ["b/../../x"] }, { files: [1] }, { rows: 1 }, null]) {
      const reading = source.read({ id: "x", index: 0, part });
      await expect(reading.next()).rejects.toMatchObject({ code: "invalid-shard" });
    }
    const output = path("photos-out");
    for (const shard of shards) await embedShard(hashEmbedder(), source, shard, { output });
    expect(parseNpy(readFileSync(`${output}/img_emb/img_emb_0001.npy`), "npy").count).toBe(2);
  });
});
