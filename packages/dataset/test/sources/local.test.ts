import { scratchFolder } from "@chinese-clip/scratch-folder";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { braceNames } from "../../src/bytes/brace-names.js";
import { openManifest, writeManifest } from "../../src/shards/manifest.js";
import { openSource } from "../../src/sources/open-source.js";
import type { DataSource, SourceItem } from "../../src/sources/source.js";
import { shardsOf } from "../shards/memory-source.js";
import { tarOf } from "../tar/write-tar.js";

const { path, write } = scratchFolder();
const keysOf = async (tars: string): Promise<string[]> => {
  const source = openSource(`webdataset:${tars}`);
  const keys: string[] = [];
  for (const shard of await shardsOf(source)) for await (const { key } of source.read(shard)) keys.push(key);
  return keys;
};
const readAll = async (source: DataSource, shardSize: number): Promise<SourceItem[][]> => {
  const shards: SourceItem[][] = [];
  for (const shard of await shardsOf(source, shardSize)) {
    const items: SourceItem[] = [];
    for await (const item of source.read(shard)) items.push(item);
    expect(items).toHaveLength(shard.count ?? -1);
    shards.push(items);
  }
  return shards;
};

describe("names by braces", () => {
  it("are ranges and lists, padded as Bash pads them", () => {
    expect([...braceNames("a{08..11}.tar")]).toEqual(["a08.tar", "a09.tar", "a10.tar", "a11.tar"]);
    expect([...braceNames("{9..11}")]).toEqual(["9", "10", "11"]);
    expect([...braceNames("{x,y}/{0..1}")]).toEqual(["x/0", "x/1", "y/0", "y/1"]);
    expect([...braceNames("plain")]).toEqual(["plain"]);
    for (const pattern of ["{5..1}", "{a}", "{", "a}b", "{0..999999999999}", "{0..99999}{0..99999}", "{}", "{1..2"])
      expect(() => [...braceNames(pattern)]).toThrow("expected ranges such as");
  });
});

describe("lines", () => {
  it("of a list are divided anywhere without a loss, whatever ends them", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-z猫 ]{0,6}$/u), { minLength: 1, maxLength: 30 }),
        fc.constantFrom("\n", "\r\n", "\0"),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (lines, end, size, isOpen) => {
          const expected = lines.filter((line) => line.trim() !== "");
          fc.pre(expected.length > 0);
          const file = write(`lists/${run++}.txt`, lines.join(end) + (isOpen ? "" : end));
          const shards = await readAll(openSource(`list:${file}`), size);
          expect(shards.flat().map(({ key }) => key)).toEqual(expected);
          expect(shards.slice(0, -1).every((items) => items.length === size)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("of cn_clip's files: images and captions; a line that is none is a failure with its number", async () => {
    const images = write("x_imgs.tsv", ["1\taGk=", "2\tnot base64!", "x\taGk=", "", "1\taGk=", "4\taGo="].join("\n"));
    expect((await readAll(openSource(`tsv:${images}`), 2)).flat()).toEqual([
      { key: "1", image: Buffer.from("hi") },
      { key: "line 2", error: expect.objectContaining({ code: "not-base64", details: expect.objectContaining({ line: 2 }) }) },
      { key: "line 3", error: expect.objectContaining({ code: "named-image", details: expect.objectContaining({ line: 3 }) }) },
      { key: "1", image: Buffer.from("hi") },
      { key: "4", image: Buffer.from("hj") },
    ]);
    expect((await readAll(openSource(images), 10)).flat()[3]).toMatchObject({ error: { code: "duplicate-key" } });
    const texts = write("x_texts.jsonl", '{"text_id": 7, "text": "猫\u2028"}\n{"text_id": "8"}\n');
    expect((await readAll(openSource(`jsonl:${texts}`), 1)).flat()).toMatchObject([
      { key: "7", caption: "猫\u2028" },
      { key: "line 2", error: { code: "quoted-id" } },
    ]);
  });

  it("of a file that has changed since are not read", async () => {
    const file = write("grown.txt", "a.jpg\nb.jpg\n");
    const source = openSource(`list:${file}`);
    const [shard] = await shardsOf(source);
    if (shard === undefined) throw new Error("no shard");
    appendFileSync(file, "c.jpg\n");
    await expect(source.read(shard).next()).rejects.toMatchObject({ code: "source-changed" });
    for (const part of [null, {}, { from: 0, to: 1e9, before: 0, size: 18 }, { from: -1, to: 1, before: 0, size: 18 }])
      await expect(source.read({ ...shard, part }).next()).rejects.toMatchObject({ code: "invalid-shard" });
  });

  it("I4 of a tar that is written while it is read are not read at the old places", async () => {
    const members = ["a", "b"].map((name) => ({ name: `${name}.jpg`, body: `image ${name}` }));
    const file = write("changing.tar", tarOf(members));
    const source = openSource(`webdataset:${file}`);
    const [shard] = await shardsOf(source);
    if (shard === undefined) throw new Error("no shard");
    const items = source.read(shard);
    expect((await items.next()).value).toMatchObject({ key: "a" });
    writeFileSync(file, tarOf(members.toReversed()));
    await expect(items.next()).rejects.toMatchObject({ code: "replaced-while-read" });
  });

  it("a path is a path, whatever would mean something in a URL", async () => {
    for (const name of ["a#1.tar", "a?x=1.tar", "100%41.tar", "c:d.tar", "http:e.tar"]) {
      const file = write(`odd/${name}`, tarOf([{ name: "a.jpg", body: name }]));
      expect(await keysOf(file)).toEqual(["a"]);
    }
    expect(await keysOf(`${path("odd")}/`)).toEqual(["a", "a", "a", "a", "a"]);
  });

  it("none at all, and files that are none, are errors", async () => {
    await expect(shardsOf(openSource(`list:${write("empty.txt", "\n\n")}`))).rejects.toMatchObject({ code: "no-paths" });
    await expect(shardsOf(openSource(`tsv:${write("empty.tsv", "")}`))).rejects.toMatchObject({ code: "no-tsv-images" });
    await expect(shardsOf(openSource(`list:${path("none.txt")}`))).rejects.toMatchObject({ code: "no-such-file" });
    await expect(shardsOf(openSource(`webdataset:${path("none")}`))).rejects.toMatchObject({ code: "no-such-file" });
    write("no-tars/x.txt", "x");
    await expect(shardsOf(openSource(`webdataset:${path("no-tars")}`))).rejects.toMatchObject({ code: "no-files" });
    for (const spec of ["", "photos", "zip:x", "folder:", "s4://x"])
      expect(() => openSource(spec)).toThrow("unknown source; expected folder:");
  });
});

describe("a manifest", () => {
  it("lists a source once, and gives the same shards to everybody", async () => {
    const list = write("many.txt", Array.from({ length: 95 }, (_, i) => `${i}.jpg`).join("\n"));
    const source = openSource(`list:${list}`);
    const file = path("run/manifest.jsonl");
    expect(await writeManifest(file, source, { shardSize: 10 })).toEqual({ shards: 10, items: 95 });
    const manifest = await openManifest(file);
    expect(manifest).toMatchObject({ source: `list:${list}`, shardSize: 10 });
    const shards = [];
    for await (const shard of manifest.shards()) shards.push(shard);
    expect(shards).toEqual(await shardsOf(source, 10));
    const before = readFileSync(file);
    await expect(writeManifest(file, source)).rejects.toMatchObject({ code: "manifest-exists" });
    expect(readFileSync(file)).toEqual(before);
  });

  it("that is cut, changed or something else is rejected with its line", async () => {
    const file = path("run/manifest.jsonl");
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    const read = async (changed: readonly string[]): Promise<unknown> => {
      writeFileSync(path("changed.jsonl"), `${changed.join("\n")}\n`);
      try {
        for await (const _ of (await openManifest(path("changed.jsonl"))).shards());
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(await read(lines)).toBeUndefined();
    expect(await read(lines.slice(0, -1))).toMatchObject({ code: "manifest-cut" });
    expect(await read([...lines.slice(0, 4), ...lines.slice(5)])).toMatchObject({ code: "not-a-manifest", details: { line: 5 } });
    expect(await read([...lines, lines[1] ?? ""])).toMatchObject({ code: "not-a-manifest" });
    expect(await read(lines.slice(1))).toMatchObject({ code: "not-a-manifest", details: { line: 1 } });
    expect(await read(lines.with(2, (lines[2] ?? "").replace(/"id":"[^"]*"/u, '"id":"../x"')))).toMatchObject({ details: { line: 3 } });
    expect(
      await read(lines.with(2, (lines[2] ?? "").replace(/"id":"[^"]*"/u, /"id":"[^"]*"/u.exec(lines[1] ?? "")?.[0] ?? ""))),
    ).toMatchObject({
      details: { line: 3 },
    });
    expect(await read(["my notes"])).toMatchObject({ code: "not-a-manifest", details: { line: 1 } });
    expect(await read([""])).toMatchObject({ code: "not-a-manifest" });
    expect(await read(lines.with(0, (lines[0] ?? "").replace('"version":1', '"version":2')))).toMatchObject({ details: { line: 1 } });
  });
});
