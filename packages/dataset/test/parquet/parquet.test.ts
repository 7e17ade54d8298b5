import { scratchFolder } from "@chinese-clip/scratch-folder";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localFile } from "../../src/bytes/byte-file.js";
import { ParquetDecoder } from "../../src/parquet/parquet-reader.js";
import { createParquet } from "../../src/parquet/write-parquet.js";
import { openSource } from "../../src/sources/open-source.js";
import type { SourceItem } from "../../src/sources/source.js";
import { shardsOf } from "../shards/memory-source.js";

const FIXTURES = new URL("../../../../fixtures/shards/", import.meta.url).pathname;
const { path, write } = scratchFolder();
let server: Server;
let origin: string;
beforeAll(async () => {
  server = createServer((request, response) => void response.end(`image ${request.url?.slice(1)}`));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const options = { allowPrivateAddresses: true, network: { attempts: 1 } };
const read = async (spec: string, shardSize: number, more: object = {}): Promise<SourceItem[][]> => {
  const source = openSource(spec, { ...options, ...more });
  const shards: SourceItem[][] = [];
  for (const shard of await shardsOf(source, shardSize)) {
    const items: SourceItem[] = [];
    for await (const item of source.read(shard)) items.push(item);
    expect(items).toHaveLength(shard.count ?? -1);
    shards.push(items);
  }
  return shards;
};

describe("Parquet of pyarrow", () => {
  it.each(readdirSync(FIXTURES).filter((name) => name.startsWith("urls-")))(
    "%s: rows of each row group, in any compression",
    async (name) => {
      using decoder = new ParquetDecoder();
      const reader = await decoder.open(localFile(FIXTURES + name));
      expect(reader.groups).toEqual([4, 4, 2]);
      expect(reader.columns.map((column) => column.name)).toEqual(["URL", "TEXT", "similarity", "width", "hash"]);
      const rows: unknown[] = [];
      for await (const row of reader.rows(3, 9, ["URL", "TEXT", "similarity", "width", "hash"])) rows.push(row);
      expect(rows).toHaveLength(6);
      expect(rows[0]).toEqual({
        URL: "http://127.0.0.1:PORT/3.jpg",
        TEXT: null,
        similarity: 0.3,
        width: 3,
        hash: String(2n ** 62n + 3n),
      });
      expect(rows[5]).toMatchObject({ TEXT: "图 8", width: 8 });
    },
  );

  it("images.parquet: encoded images of a struct, as Hugging Face's data sets have them", async () => {
    const [items] = await read(`${FIXTURES}images.parquet`, 10);
    expect(items).toEqual(
      [
        ...[0, 1].map((i) => ({ key: `row ${i}`, caption: `图 ${i}`, meta: { id: `row ${i}` }, image: Buffer.from(`image ${i}`) })),
        { key: "row 2", caption: "图 2", meta: { id: "row 2" } },
        ...[3, 4].map((i) => ({ key: `row ${i}`, caption: `图 ${i}`, meta: { id: `row ${i}` }, image: Buffer.from(`image ${i}`) })),
      ].map((item) => ("image" in item ? { ...item, image: expect.objectContaining({ length: 7 }) } : item)),
    );
    expect(items?.[4]).toMatchObject({ key: "row 4", image: Uint8Array.from(Buffer.from("image 4")) });
  });
});

describe("Parquet of URLs", () => {
  it("is divided within its row groups, and each URL is fetched; what is no URL is a failure", async () => {
    const file = await createParquet(path("urls.parquet"), [
      { name: "url", type: "STRING" },
      { name: "caption", type: "STRING" },
      { name: "NSFW", type: "BOOLEAN" },
    ]);
    const urls = Array.from({ length: 7 }, (_, i) => (i === 2 ? "/etc/passwd" : i === 5 ? "s3://data/x.jpg" : `${origin}/${i}`));
    await file.write([urls.slice(0, 4), ["a", "b", null, "d"], [true, false, null, true]]);
    await file.write([urls.slice(4), ["e", "f", "g"], [true, true, true]]);
    await file.finish();
    await file.close();
    const shards = await read(`parquet:${path("urls.parquet")}`, 3);
    expect(shards.map((items) => items.length)).toEqual([3, 1, 3]);
    expect(shards.flat().map((item) => ("error" in item ? item.error.code : item.image?.toString()))).toEqual([
      "image 0",
      "image 1",
      "not-a-url",
      "image 3",
      "image 4",
      "not-a-url",
      "image 6",
    ]);
    expect(shards[1]?.[0]).toMatchObject({ key: "urls.parquet#3", caption: "d", meta: { url: urls[3], NSFW: true } });
    await expect(read(`parquet:${path("urls.parquet")}`, 3, { columns: { url: "URL" } })).rejects.toMatchObject({ code: "no-column" });
    const renamed = await read(`parquet:${path("urls.parquet")}`, 9, { columns: { key: "url" } });
    expect(renamed.flat()[0]?.key).toBe(urls[0]);
  });
});

describe("Parquet of strangers", () => {
  it("that is none, is cut, or lies about its lengths is an error that names the file", async () => {
    const whole = readFileSync(`${FIXTURES}urls-snappy.parquet`);
    const changed = (edit: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(whole);
      edit(bytes);
      return bytes;
    };
    const cases: readonly (readonly [string, Uint8Array])[] = [
      ["empty", new Uint8Array()],
      ["short", Buffer.from("PAR1")],
      ["text", Buffer.from("these are my notes\n".repeat(10))],
      ["cut", whole.subarray(0, whole.length - 9)],
      ["footer of 4 GB", changed((bytes) => bytes.writeUInt32LE(0xffffffff, bytes.length - 8))],
      ["footer of nothing", changed((bytes) => bytes.writeUInt32LE(0, bytes.length - 8))],
      ["pages of zeros", changed((bytes) => bytes.fill(0, 4, 600))],
      ["pages of ones", changed((bytes) => bytes.fill(0xff, 4, 600))],
    ];
    for (const [name, bytes] of cases) {
      const file = write(`${name}.parquet`, bytes);
      await expect(read(file, 100), name).rejects.toMatchObject({ name: "DatasetError", code: "invalid-parquet", details: { file } });
    }
  });

  it("that makes the decoder run without an end, or allocate without a bound, costs its own process alone", async () => {
    const whole = readFileSync(`${FIXTURES}urls-none.parquet`);
    // A run of 2^30 equal levels in two bytes where the first column's definition levels are: "\x02\x00\x00\x00 \x08\x01".
    const at = whole.indexOf(Buffer.from([2, 0, 0, 0, 8, 1]));
    expect(at).toBeGreaterThan(0);
    const bytes = Buffer.from(whole);
    bytes.set([6, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1], at);
    write("run.parquet", bytes);
    const memory = process.memoryUsage().rss;
    await expect(read(path("run.parquet"), 100, { parquet: { milliseconds: 2500 } })).rejects.toMatchObject({ code: "invalid-parquet" });
    expect(process.memoryUsage().rss - memory).toBeLessThan(1.6 * 2 ** 30);
    await expect(read(`${FIXTURES}urls-snappy.parquet`, 100, { parquet: { maxBytes: 100 } })).rejects.toMatchObject({
      code: "invalid-parquet",
    });
  });

  it("ends with the signal's reason", async () => {
    using decoder = new ParquetDecoder();
    await expect(decoder.open(localFile(`${FIXTURES}images.parquet`), AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    const controller = new AbortController();
    const rows = (await decoder.open(localFile(`${FIXTURES}urls-snappy.parquet`), controller.signal)).rows(0, 10, ["width"]);
    for (let i = 0; i < 4; i++) expect((await rows.next()).value).toEqual({ width: i });
    controller.abort(new Error("between two row groups"));
    await expect(rows.next()).rejects.toThrow("between two row groups");
  });
});
