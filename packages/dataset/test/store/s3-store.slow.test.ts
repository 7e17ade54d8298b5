import { scratchFolder } from "@chinese-clip/scratch-folder";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { embedShard } from "../../src/shards/embed-shard.js";
import { checkShard } from "../../src/shards/shard-files.js";
import { openSource } from "../../src/sources/open-source.js";
import type { SourceItem } from "../../src/sources/source.js";
import { openStore } from "../../src/store/open-store.js";
import { parseS3Address, s3File, s3Store } from "../../src/store/s3-store.js";
import { hashEmbedder, shardsOf } from "../shards/memory-source.js";
import { tarOf } from "../tar/write-tar.js";
import { CREDENTIALS, fail, type S3Server, startS3 } from "./s3-server.js";

const { path, write } = scratchFolder();
const NETWORK = { pauseMilliseconds: 5, stallMilliseconds: 400, attempts: 4 };
let server: S3Server;
let data: Map<string, Buffer>;
beforeAll(async () => {
  server = await startS3();
});
afterAll(() => server.close());
beforeEach(() => {
  data = new Map();
  server.buckets.set("data", data);
  server.seen.length = 0;
  server.fault = undefined;
  server.uploads.clear();
});

const options = () => ({ endpoint: server.endpoint, credentials: CREDENTIALS, network: NETWORK });
const bytesOf = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
};
const read = async (spec: string): Promise<SourceItem[]> => {
  const source = openSource(spec, { s3: options(), network: NETWORK });
  const items: SourceItem[] = [];
  for (const shard of await shardsOf(source)) for await (const item of source.read(shard)) items.push(item);
  return items;
};

describe("an address", () => {
  it("has a bucket, a prefix and how the store is reached", () => {
    expect(parseS3Address("s3://data/a/b?endpoint=http://minio:9000&pathStyle=false")).toEqual({
      bucket: "data",
      key: "a/b",
      options: { endpoint: "http://minio:9000", region: undefined, forcePathStyle: false },
    });
    for (const address of [
      "s3://",
      "s3://A/b",
      "s3:/data",
      "s3://data/x?color=red",
      "s3://data?endpoint=file:///etc",
      "s3://data?pathStyle=1",
    ])
      expect(() => parseS3Address(address)).toThrow("expected s3://bucket/prefix");
  });
});

describe("a bucket", () => {
  it("is a store: files appear whole, are listed in pages, and are removed", async () => {
    const store = s3Store("s3://data/run/1", options());
    expect(await store.stat("a/x.bin")).toBeUndefined();
    await store.put("a/x y+猫.bin", write("x.bin", "content"));
    expect(await store.stat("a/x y+猫.bin")).toEqual({ name: "a/x y+猫.bin", size: 7 });
    expect((await bytesOf(store.read("a/x y+猫.bin"))).toString()).toBe("content");
    for (let i = 0; i < 2500; i++) data.set(`run/1/many/${String(i).padStart(5, "0")}`, Buffer.from("x"));
    data.set("run/1/manyother", Buffer.from("x"));
    const names: string[] = [];
    for await (const { name } of store.list("many")) names.push(name);
    expect(names).toHaveLength(2500);
    expect(names[2499]).toBe("many/02499");
    expect(server.seen.filter(({ query }) => query.get("list-type") === "2")).toHaveLength(3);
    await store.remove("a/x y+猫.bin");
    await store.remove("a/x y+猫.bin");
    expect([...data.keys()].some((key) => key.startsWith("run/1/a"))).toBe(false);
    await expect(bytesOf(store.read("a/none"))).rejects.toMatchObject({ code: "no-such-file" });
  });

  it("gets large files in parts, and no parts are left where that fails", async () => {
    const store = openStore(`s3://data?endpoint=${server.endpoint}`, { s3: { credentials: CREDENTIALS, network: NETWORK } });
    const large = randomBytes((40 << 20) + 123);
    writeFileSync(path("large.bin"), large);
    let rejected = 0;
    server.fault = ({ query }, response) => {
      if (query.get("partNumber") !== "2" || rejected++ > 0) return false;
      fail(response, 503, "SlowDown", "Reduce your request rate.");
      return true;
    };
    await store.put("large.bin", path("large.bin"));
    expect(rejected).toBe(2);
    expect(data.get("large.bin")?.equals(large)).toBe(true);
    expect(server.uploads.size).toBe(0);
    server.fault = ({ query }, response) => {
      if (query.get("partNumber") !== "2") return false;
      fail(response, 403, "AccessDenied", "no");
      return true;
    };
    await expect(store.put("second.bin", path("large.bin"))).rejects.toMatchObject({ code: "s3-denied" });
    expect(server.uploads.size).toBe(0);
    expect(data.has("second.bin")).toBe(false);
  });

  it("that completed an upload and whose answer was lost has the file; another file of its name is no proof", async () => {
    const store = openStore(`s3://data?endpoint=${server.endpoint}`, { s3: { credentials: CREDENTIALS, network: NETWORK } });
    const large = randomBytes((20 << 20) + 7);
    writeFileSync(path("lost.bin"), large);
    let lost = 0;
    server.fault = ({ method, query }, response) => {
      if (method === "POST" && query.has("uploadId") && lost++ === 0) response.end = () => response.destroy();
      return false;
    };
    await store.put("lost.bin", path("lost.bin"));
    expect(lost).toBe(2);
    expect(data.get("lost.bin")?.equals(large)).toBe(true);
    data.set("other.bin", Buffer.alloc(large.length));
    server.fault = ({ method, query }, response) => {
      if (method !== "POST" || !query.has("uploadId")) return false;
      fail(response, 404, "NoSuchUpload", "No such upload");
      return true;
    };
    await expect(store.put("other.bin", path("lost.bin"))).rejects.toMatchObject({ code: "unreachable" });
  });

  it("that is busy is asked again; one that stays busy is reported", async () => {
    const store = s3Store("s3://data", options());
    data.set("x", Buffer.from("content"));
    let busy = 2;
    server.fault = (_, response) => {
      if (busy-- <= 0) return false;
      fail(response, 503, "SlowDown", "Reduce your request rate.");
      return true;
    };
    expect((await bytesOf(store.read("x"))).toString()).toBe("content");
    busy = 2;
    expect(await store.stat("x")).toEqual({ name: "x", size: 7 });
    busy = 2;
    await store.put("y", write("y", "y"));
    busy = Infinity;
    await expect(store.put("y", path("y"))).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("SlowDown") as string,
    });
  });

  it("says what is wrong with credentials, bucket and endpoint, and nothing of the secret", async () => {
    const wrong = { ...options(), credentials: { ...CREDENTIALS, secretAccessKey: "guessed-secret" } };
    for (const run of [
      () => s3Store("s3://data", wrong).put("x", write("p", "x")),
      () => bytesOf(s3Store("s3://data", wrong).read("x")),
      async () => {
        for await (const _ of s3Store("s3://data", wrong).list("a")) expect.unreachable();
      },
      () => s3Store("s3://data", { ...options(), credentials: { ...CREDENTIALS, accessKeyId: "nobody" } }).put("x", path("p")),
    ]) {
      const error = (await run().catch((thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ name: "DatasetError", code: "s3-denied" });
      expect(error.message).toMatch(/SignatureDoesNotMatch|InvalidAccessKeyId/);
      expect(error.message).not.toContain("guessed-secret");
    }
    await expect(s3Store("s3://other", options()).put("x", path("p"))).rejects.toMatchObject({ code: "no-bucket" });
    const nowhere = s3Store("s3://data", { ...options(), endpoint: "http://127.0.0.1:1" });
    await expect(nowhere.stat("x")).rejects.toMatchObject({ code: "unreachable" });
  });

  it("that breaks off or drips is read from where it was; one that always drips is given up", async () => {
    const content = randomBytes(3 << 20);
    data.set("x.bin", content);
    let cuts = 3;
    server.fault = ({ method, headers }, response) => {
      if (method !== "GET" || cuts-- <= 0) return false;
      const from = Number(/bytes=(\d+)/u.exec(headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206, { "content-length": content.length - from, etag: '"1"' });
      response.write(content.subarray(from, from + 500_000), () => (cuts === 1 ? undefined : response.destroy())); // the second one hangs
      return true;
    };
    const patient = s3Store("s3://data", { ...options(), network: { ...NETWORK, attempts: 6 } });
    // The store's own tag is another one than the faulty answers': the object was replaced meanwhile.
    await expect(bytesOf(patient.read("x.bin"))).rejects.toMatchObject({ code: "replaced-while-read" });
    cuts = 3;
    const { fault } = server;
    const { createHash } = await import("node:crypto");
    const tag = `"${createHash("md5").update(content).digest("hex")}"`;
    server.fault = (request, response) => {
      const writeHead = response.writeHead.bind(response);
      response.writeHead = ((status: number, headers: Record<string, string>) =>
        writeHead(status, "etag" in headers ? { ...headers, etag: tag } : headers)) as never;
      return fault?.(request, response) ?? false;
    };
    server.seen.length = 0;
    expect((await bytesOf(patient.read("x.bin"))).equals(content)).toBe(true);
    expect(server.seen.map(({ headers }) => headers.range)).toEqual([undefined, "bytes=500000-", "bytes=1000000-", "bytes=1500000-"]);

    server.fault = ({ method }, response) => {
      if (method !== "GET") return false;
      response.writeHead(200, { "content-length": 1000, etag: tag });
      const timer = setInterval(() => response.write("x"), 50);
      response.on("close", () => clearInterval(timer));
      return true;
    };
    await expect(bytesOf(s3Store("s3://data", { ...options(), network: { ...NETWORK, attempts: 2 } }).read("x.bin"))).rejects.toMatchObject(
      {
        code: "unreachable",
      },
    );
  });

  it("ends at once with the signal's reason", async () => {
    data.set("x", randomBytes(1 << 20));
    server.fault = () => true; // never answers
    const store = s3Store("s3://data", { ...options(), network: { stallMilliseconds: 60_000 } });
    const reading = bytesOf(store.read("x", { signal: AbortSignal.timeout(50) }));
    await expect(reading).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("from a bucket to a bucket", () => {
  it("shards of tars become the files that a folder would have, byte by byte, and are complete afterwards", async () => {
    for (const tar of [0, 1])
      data.set(
        `tars/0000${tar}.tar`,
        tarOf(
          [0, 1, 2].flatMap((i) => [
            { name: `${tar}${i}.jpg`, body: i === 1 ? "broken" : `image ${i}` },
            { name: `${tar}${i}.txt`, body: "猫" },
          ]),
        ),
      );
    const source = openSource("webdataset:s3://data/tars/", { s3: options() });
    const shards = await shardsOf(source);
    expect(shards.map(({ part }) => part)).toEqual(
      [0, 1].map((i) => ({ file: `0000${i}.tar`, size: data.get(`tars/0000${i}.tar`)?.length })),
    );
    const store = openStore("s3://data/out", { s3: options() });
    for (const shard of shards) {
      expect(await embedShard(hashEmbedder(), source, shard, { output: store })).toMatchObject({ rows: 2, failed: 1, skipped: false });
      expect(await embedShard(hashEmbedder(), source, shard, { output: store })).toMatchObject({ rows: 2, failed: 1, skipped: true });
      await embedShard(hashEmbedder(), source, shard, { output: path("out") });
      expect(await checkShard(store, { shard }, { content: true })).toMatchObject({ state: "complete" });
    }
    const files = readdirSync(path("out"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files).toHaveLength(8);
    for (const { parentPath, name } of files) {
      const below = `${parentPath.slice(path("out").length + 1)}/${name}`;
      expect(data.get(`out/${below}`)?.equals(readFileSync(`${parentPath}/${name}`))).toBe(true);
    }
    // The pattern names the same tars without asking for a listing.
    const named = openSource("webdataset:s3://data/tars/{00000..00001}.tar", { s3: options() });
    expect((await shardsOf(named)).map(({ part }) => part)).toEqual([{ file: "00000.tar" }, { file: "00001.tar" }]);
  });

  it("loose images are fetched several at a time and come in order; a lost one is a failure", async () => {
    for (let i = 0; i < 40; i++) data.set(`photos/${String(i).padStart(2, "0")}.jpg`, Buffer.from(`image ${i}`));
    data.set("photos/notes.txt", Buffer.from("x"));
    const source = openSource("s3://data/photos/", { s3: options(), network: NETWORK });
    const [shard] = await shardsOf(source, 100);
    if (shard === undefined) throw new Error("no shard");
    expect(shard.count).toBe(40);
    data.delete("photos/07.jpg");
    const items: SourceItem[] = [];
    for await (const item of source.read(shard)) items.push(item);
    expect(items.map(({ key }) => key)).toEqual(Array.from({ length: 40 }, (_, i) => `${String(i).padStart(2, "0")}.jpg`));
    expect(items[7]).toMatchObject({ error: { code: "no-such-file" } });
    expect(items[39]).toMatchObject({ image: Buffer.from("image 39") });
    expect(await read("s3://data/photos")).toHaveLength(39);
  });
});

describe("a store that does not keep to the protocol", () => {
  const content = Buffer.from("0123456789");

  it("without ranges or lengths gives the bytes that were asked for", async () => {
    data.set("a.bin", content);
    server.fault = ({ method }, response) => {
      if (method !== "GET") return false;
      response.writeHead(200, { "transfer-encoding": "chunked" });
      response.end(content);
      return true;
    };
    const file = s3File("s3://data/a.bin", options());
    expect((await bytesOf(file.stream())).toString()).toBe("0123456789");
    expect((await bytesOf(file.stream({ start: 3, end: 7 }))).toString()).toBe("3456");
  });

  it.each([
    ["goes round in one page", 1, 12],
    ["goes round in three pages", 3, 12],
    ["has ever new pages without a name", Infinity, 1010],
  ])("whose listing %s is an error", async (_, pages, most) => {
    let page = 0;
    server.fault = ({ query }, response) => {
      if (query.get("list-type") !== "2") return false;
      const token = `t${page++ % pages}`;
      response.writeHead(200, { "content-type": "application/xml" });
      response.end(
        `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken></ListBucketResult>`,
      );
      return true;
    };
    const names: string[] = [];
    const listing = (async () => {
      for await (const { name } of s3Store("s3://data/run", options()).list("")) names.push(name);
    })();
    await expect(listing).rejects.toMatchObject({ code: "unreachable" });
    expect(page).toBeLessThan(most);
  });
});
