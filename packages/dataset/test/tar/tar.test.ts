import { scratchFolder } from "@chinese-clip/scratch-folder";
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { DatasetError } from "../../src/dataset-error.js";
import { openSource } from "../../src/sources/open-source.js";
import type { SourceItem } from "../../src/sources/source.js";
import { readTar, type TarMember } from "../../src/tar/read-tar.js";
import { localSamples, streamedSamples } from "../../src/sources/tar-samples.js";
import { shardsOf } from "../shards/memory-source.js";
import { type TarFile, tarOf } from "./write-tar.js";

const FIXTURES = new URL("../../../../fixtures/shards/", import.meta.url).pathname;
const { path, write } = scratchFolder();
const LIMITS = { maxMemberBytes: 1 << 20 };

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
/** The bytes in chunks that end anywhere. */
async function* chunksOf(bytes: Uint8Array, length = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
const membersOf = (bytes: Uint8Array, maxMemberBytes = 1 << 20): Promise<TarMember[]> =>
  all(readTar(chunksOf(bytes), { file: "x.tar", maxMemberBytes }));
const read = async (spec: string): Promise<SourceItem[]> => {
  const source = openSource(spec);
  const items: SourceItem[] = [];
  for (const shard of await shardsOf(source)) items.push(...(await all(source.read(shard))));
  return items;
};
const plain = (item: SourceItem): unknown =>
  "error" in item ? { ...item, error: item.error.code } : { ...item, image: item.image?.toString() };

describe("tars of other programs", () => {
  const expected = Array.from({ length: 8 }, (_, i) => ({
    key: `0000${i}000${i}`,
    image: `image ${i}`,
    caption: `一只猫，第 ${i} 张`,
    meta: { url: `http://example.com/${i}.jpg`, width: 100 + i, key: `0000${i}000${i}` },
  }));

  it.each(readdirSync(FIXTURES).filter((name) => /^img2dataset|shuffled/.test(name)))("%s: every sample with its members", async (name) => {
    const items = (await read(`${FIXTURES}${name}`)).map(plain) as { key: string }[];
    expect(items.sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(expected);
    // As a stream from elsewhere, too.
    if (name.endsWith(".gz")) return;
    const streamed = (await all(streamedSamples(chunksOf(readFileSync(FIXTURES + name)), name, LIMITS))).map(plain) as { key: string }[];
    expect(streamed.sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(expected);
  });

  it.each(["gnu-names.tar", "pax-names.tar"])("%s: long names whole, names that leave the folder as keys, links left out", async (name) => {
    const folder = "很长的文件夹".repeat(20);
    expect((await read(`${FIXTURES}${name}`)).map(plain)).toEqual([
      { key: `${folder}/猫`, image: "cat", caption: "猫" },
      { key: "../../outside", image: "outside" },
      { key: "plain", image: "plain" },
    ]);
  });

  it.each(["gnu-sparse.tar", "pax-sparse.tar"])("%s: the sparse file is rejected, and the next one is read", async (name) => {
    const items = await read(`${FIXTURES}${name}`);
    expect(items.map(plain)).toEqual(
      [
        { key: "sparse", error: "tar-sparse" },
        { key: "a", image: "cat\n" },
      ].map((item) => expect.objectContaining(item)),
    );
    expect((items[0] as { error: DatasetError }).error.message).toMatch(/sparse\.jpg \(at byte \d+\) is a sparse file/);
  });
});

describe("a tar", () => {
  const files: TarFile[] = [
    { name: "a.jpg", body: "image a" },
    { name: "b.jpg", body: "image b" },
    { name: "a.txt", body: "猫" },
  ];

  it("cut anywhere names the member and where it is; at its end it must have an end", async () => {
    const bytes = tarOf(files);
    for (let length = 1; length < bytes.length - 1024; length += 97) {
      const error = await membersOf(bytes.subarray(0, length)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "DatasetError", code: "tar-cut" });
    }
    await expect(membersOf(bytes.subarray(0, 1024 + 515))).rejects.toThrow(/^x\.tar: ends within b\.jpg \(at byte 1024\)/);
    await expect(membersOf(bytes.subarray(0, bytes.length - 1024))).rejects.toMatchObject({ code: "tar-cut" });
    await expect(membersOf(new Uint8Array())).rejects.toMatchObject({ code: "not-a-tar" });
    await expect(membersOf(Buffer.alloc(4096, "no tar"))).rejects.toMatchObject({ code: "not-a-tar" });
  });

  it("with a damaged header loses that member alone, and says where", async () => {
    const bytes = tarOf(files);
    bytes[1024 + 3] = 0x7f;
    expect((await membersOf(bytes)).map(({ name, body }) => [name, body instanceof DatasetError ? body.code : body?.toString()])).toEqual([
      ["a.jpg", "image a"],
      ["offset 1024", "tar-header"],
      ["a.txt", "猫"],
    ]);
    write("damaged.tar", bytes);
    expect((await all(localSamples(path("damaged.tar"), LIMITS))).map(plain)).toEqual([
      { key: "a", image: "image a", caption: "猫" },
      { key: "offset 1024", error: "tar-header" },
    ]);
  });

  it("that states absurd sizes allocates nothing", async () => {
    for (const size of ["77777777777", Buffer.from([0x80, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])]) {
      const bytes = tarOf([{ name: "a.jpg", body: "x", size }]);
      await expect(membersOf(bytes)).rejects.toMatchObject({ code: "tar-cut" });
      await expect(membersOf(bytes, Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: "tar-cut" });
    }
    for (const type of ["x", "L"])
      await expect(membersOf(tarOf([{ name: "n", body: "y", type, size: "77777777777" }, ...files]))).rejects.toMatchObject({
        code: "tar-extension",
      });
    const large = await membersOf(tarOf([{ name: "a.jpg", body: "x".repeat(2000) }, ...files]), 1000);
    expect(large[0]?.body).toMatchObject({ code: "member-too-large", details: { name: "a.jpg", offset: 0, got: 2000, maximum: 1000 } });
    expect(large).toHaveLength(4);
  });

  it("with records that are none is rejected", async () => {
    for (const body of ["9999999999 path=x\n", "0 path=x\n", "12 path=x", "x", "11 path=abcd", "-5 a=b\n"])
      await expect(membersOf(tarOf([{ name: "p", body, type: "x" }, ...files]))).rejects.toMatchObject({ code: "tar-pax" });
    const sized = await membersOf(
      tarOf([
        { name: "p", body: "9 size=3\n", type: "x" },
        { name: "a.jpg", body: "abc", size: "7" },
      ]),
    );
    expect(sized[0]?.body?.toString()).toBe("abc");
  });

  it("whose samples are broken goes on: JSON and text that are none, names twice, members that are too large", async () => {
    write(
      "broken.tar",
      tarOf([
        { name: "a.jpg", body: "image a" },
        { name: "a.json", body: "{" },
        { name: "b.jpg", body: "image b" },
        { name: "b.txt", body: Buffer.from([0xff, 0xfe]) },
        { name: "c.jpg", body: "image c" },
        { name: "c.jpg", body: "image c again" },
        { name: "d.jpg", body: "d".repeat(LIMITS.maxMemberBytes + 1) },
        { name: "e.json", body: `${"[".repeat(100_000)}${"]".repeat(100_000)}` },
        { name: "f.json", body: `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}` },
        { name: "g.jpg", body: "image g" },
        { name: "g.json", body: '{"caption":"来自 json"}' },
        { name: "readme.md", body: "ignored" },
      ]),
    );
    const expected = [
      { key: "a", error: "sample-json" },
      { key: "b", error: "not-utf8" },
      { key: "c", error: "duplicate-key" },
      { key: "d", error: "member-too-large" },
      { key: "e", error: "sample-json" },
      { key: "f", error: "sample-json" },
      { key: "g", image: "image g", caption: "来自 json", meta: { caption: "来自 json" } },
    ];
    expect((await all(localSamples(path("broken.tar"), LIMITS))).map(plain)).toEqual(expected);
    expect((await all(streamedSamples(chunksOf(readFileSync(path("broken.tar")), 1 << 16), "s", LIMITS))).map(plain)).toEqual(expected);
  });

  it("as a stream whose samples are scattered beyond the window says so", async () => {
    const far = Array.from({ length: 1500 }, (_, i) => ({ name: `k${i}.jpg`, body: `${i}` }));
    const bytes = tarOf([...far, { name: "k0.txt", body: "late" }]);
    await expect(all(streamedSamples(chunksOf(bytes, 1 << 16), "s", LIMITS))).rejects.toMatchObject({ code: "tar-scattered" });
    write("far.tar", bytes);
    expect((await all(localSamples(path("far.tar"), LIMITS)))[0]).toMatchObject({ key: "k0", caption: "late" });
  });

  it("that is a gzip bomb, or damaged gzip, ends early", async () => {
    const bomb = tarOf([{ name: "a.bin", body: Buffer.alloc(96 << 20) }, ...files]); // 73 MiB may come of so few bytes
    write("bomb.tar.gz", gzipSync(bomb));
    await expect(read(path("bomb.tar.gz"))).rejects.toMatchObject({ code: "expands-too-far" });
    const torn = gzipSync(tarOf(files));
    write("torn.tar.gz", torn.subarray(0, torn.length - 20));
    await expect(read(path("torn.tar.gz"))).rejects.toMatchObject({ name: "DatasetError" });
    write("no.tar.gz", "not gzip");
    await expect(read(path("no.tar.gz"))).rejects.toMatchObject({ code: "not-a-tar" });
  });

  it("that is another file than when it was listed is rejected, and so is a shard that names files elsewhere", async () => {
    write("set/00000.tar", tarOf(files));
    write("set/00001.tar", tarOf(files));
    const source = openSource(`webdataset:${path("set")}/{00000..00001}.tar`);
    const folder = openSource(`webdataset:${path("set")}`);
    expect((await shardsOf(source)).map(({ part }) => part)).toEqual([{ file: "00000.tar" }, { file: "00001.tar" }]);
    const [shard] = await shardsOf(folder);
    if (shard === undefined) throw new Error("no shard");
    expect(await all(openSource(`webdataset:${path("set")}`).read(shard))).toHaveLength(2);
    write("set/00000.tar", tarOf([...files, { name: "c.jpg", body: "c" }]));
    await expect(folder.read(shard).next()).rejects.toMatchObject({ code: "source-changed" });
    for (const file of ["../secret.tar", "/etc/passwd", "http://127.0.0.1/x.tar", "..\\x.tar", 1])
      await expect(source.read({ ...shard, part: { file } }).next()).rejects.toMatchObject({ code: "invalid-shard" });
  });
});
