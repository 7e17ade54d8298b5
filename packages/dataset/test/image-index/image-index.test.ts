import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFolderStore } from "@chinese-clip/search/node";
import { describe, expect, it } from "vitest";
import { type ImageIndex, openImageIndex } from "../../src/index.js";
import { DIM, fakeEmbedder } from "../fake-embedder.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();
const SETTINGS = { model: "model A" };
const create = (name: string): Promise<ImageIndex> => openImageIndex(path(name), { embedder: fakeEmbedder(), settings: SETTINGS });

async function idsOf(index: ImageIndex): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of index.store.list()) ids.push(id.slice(path("").length + 1));
  return ids.sort();
}

describe("openImageIndex", () => {
  it("names the folder without an index, and makes one only for a named model", async () => {
    await expect(openImageIndex(path("none"))).rejects.toMatchObject({ code: "no-index", details: { file: path("none") } });
    await expect(openImageIndex(path("none"), { embedder: fakeEmbedder(), readOnly: true })).rejects.toMatchObject({ code: "no-index" });
    await expect(openImageIndex(path("none"), { embedder: fakeEmbedder() })).rejects.toThrow(TypeError);
    expect(readdirSync(path(""))).not.toContain("none");
  });

  it.each([null, 5])("%s is no options", async (value) => {
    await expect(openImageIndex(path("none"), value as never)).rejects.toThrow(/^openImageIndex: expected options to be an object, got/);
  });

  it("names a file that a part of its path is", async () => {
    write("photo.jpg", "jpg");
    await expect(openImageIndex(path("photo.jpg/index"))).rejects.toMatchObject({ code: "no-index" });
    await expect(openImageIndex(path("photo.jpg/index"), { readOnly: true })).rejects.toMatchObject({ code: "no-index" });
    await expect(create("photo.jpg/index")).rejects.toMatchObject({ name: "OutputError", details: { errno: "ENOTDIR" } });
    await expect(create("photo.jpg")).rejects.toMatchObject({ name: "OutputError" });
  });

  it("records its settings, and names both where a later run has others", async () => {
    const settings = { model: "model A", dtype: "q8", flavor: "cn_clip", decode: "fast" as const, orientation: false };
    await (await openImageIndex(path("settings"), { embedder: fakeEmbedder(), settings })).close();
    const again = await openImageIndex(path("settings"));
    expect([again.settings, again.folders, again.store.info]).toEqual([settings, [], { fingerprint: "model-a", dim: DIM, count: 0 }]);
    await expect(openImageIndex(path("settings"))).rejects.toMatchObject({ code: "locked" });
    await again.close();
    const other = (given: object): Promise<unknown> => openImageIndex(path("settings"), given).then((index) => index.close());
    await expect(other({ settings: { model: "model B" } })).rejects.toThrow("created with model model A; this run uses model model B");
    await expect(other({ settings: { dtype: "fp32" } })).rejects.toThrow("created with dtype q8; this run uses dtype fp32");
    await expect(other({ settings: { decode: "exact" } })).rejects.toThrow("created with decode fast; this run uses decode exact");
    await expect(other({ settings: { orientation: true } })).rejects.toMatchObject({ code: "index-setting" });
    await expect(other({ embedder: { fingerprint: "model-b", dim: 8 }, settings: { model: "model B" } })).rejects.toThrow("model model B");
    await expect(other({ embedder: { fingerprint: "model-b", dim: 8 }, settings: { model: "model A" } })).rejects.toThrow("(model-b)");
    // The same weights under another name are the same model.
    await other({ embedder: fakeEmbedder(), settings: { model: "/models/a" } });
  });

  it("goes on where its maker was killed between the store and its record", async () => {
    await (await create("killed")).close();
    rmSync(path("killed/images.json"));
    // To a run that does not know the model there is none yet, so that it asks for one.
    await expect(openImageIndex(path("killed"), { readOnly: true })).rejects.toMatchObject({ code: "no-index" });
    await expect(openImageIndex(path("killed"))).rejects.toMatchObject({ code: "no-index" });
    const index = await create("killed");
    expect(index.settings.model).toBe("model A");
    await index.close();
  });

  it("takes nothing for an index that is none", async () => {
    const store = await openFolderStore(path("plain"), { fingerprint: "model-a", dim: DIM });
    await store.upsert([{ id: "a", embedding: new Float32Array(DIM), meta: null }]);
    await store.close();
    await expect(openImageIndex(path("plain"))).rejects.toMatchObject({ code: "not-an-image-index" });
    await expect(create("plain")).rejects.toMatchObject({ code: "not-an-image-index" });
    write("foreign/images.json", '{"format":"other"}');
    await expect(create("foreign")).rejects.toMatchObject({ code: "foreign-output" });
    write("damaged/images.json", '{"format":"chinese-clip-images","version":1,"settings":{}}');
    await expect(create("damaged")).rejects.toMatchObject({ code: "invalid-index-record" });
  });
});

describe("ImageIndex", () => {
  it("holds the images of its folders under their absolute paths, with metadata and thumbnails", async () => {
    write("basic/a/1.png", "one");
    write("basic/b/in/2.png", "two");
    write("basic/b/broken.png", "broken");
    const index = await create("basic.index");
    const summary = await index.sync(fakeEmbedder(), { folders: [path("basic/a"), `${path("basic/b")}//`] });
    expect([summary.counts.added, summary.counts.failed, summary.failures]).toEqual([2, 1, { corrupt: 1 }]);
    expect(index.folders).toEqual([path("basic/a"), path("basic/b")]);
    expect(await idsOf(index)).toEqual(["basic/a/1.png", "basic/b/in/2.png"]);
    const [item] = await index.store.get([path("basic/b/in/2.png")]);
    expect(item?.meta).toMatchObject({ path: "in/2.png", size: 3, width: 3, height: 2, camera: "Canon EOS R5" });
    expect(item?.meta).not.toHaveProperty("thumbnail");
    expect(readFileSync(index.fileOf(item ?? ""), "utf8")).toBe("two");
    expect(Buffer.from((await index.thumbnail(item?.meta ?? { sha256: "" })) ?? []).toString()).toBe("two");
    expect(await index.thumbnail({ sha256: "../../a" })).toBeUndefined();
    const reader = await openImageIndex(path("basic.index"), { readOnly: true });
    await expect(reader.sync(fakeEmbedder())).rejects.toMatchObject({ code: "read-only" });
    // An image that moves from one folder to the other is not embedded again.
    renameSync(path("basic/a/1.png"), path("basic/b/moved.png"));
    write("basic/a/3.png", "three");
    const embedder = fakeEmbedder();
    expect((await index.sync(embedder)).counts).toMatchObject({ moved: 1, added: 1, removed: 0, unchanged: 2 });
    expect(embedder.contents).toEqual(["three"]);
    await reader.refresh();
    expect([reader.store.info.count, reader.folders]).toEqual([3, index.folders]);
    await reader.close();
    rmSync(path("basic/a/3.png"));
    write("basic/a/4.png", "four");
    await index.sync(embedder);
    await index.compact();
    const thumbnails = readdirSync(path("basic.index/thumbnails"), { recursive: true, encoding: "utf8" });
    expect(thumbnails.filter((name) => name.endsWith(".webp"))).toHaveLength(3);
    await index.close();
    await index.close();
  });

  it("has one name for a folder, whatever link leads to it, and none within another", async () => {
    write("links/real/in/a.png", "a");
    write("links/real/b.png", "b");
    symlinkSync(path("links/real"), path("links/first"));
    symlinkSync(path("links/real"), path("links/second"));
    const index = await create("links.index");
    await index.sync(fakeEmbedder(), { folders: [path("links/real/in")] });
    expect(index.folders).toEqual([path("links/real/in")]);
    const embedder = fakeEmbedder();
    const summary = await index.sync(embedder, { folders: [path("links/first"), path("links/second"), path("links/real/in/")] });
    expect([embedder.contents, summary.counts.touched, index.folders]).toEqual([["b"], 1, [path("links/real")]]);
    expect((await index.store.get([path("links/real/in/a.png")]))[0]?.meta.path).toBe("in/a.png");
    expect((await index.sync(embedder, { folders: [path("links/real/in")] })).counts.unchanged).toBe(2);
    expect(index.folders).toEqual([path("links/real")]);
    // A link from one folder of the index into another leads nowhere: its images have an item already.
    write("links/other/c.png", "c");
    symlinkSync(path("links/real"), path("links/other/link"));
    await index.sync(embedder, { folders: [path("links/other")] });
    expect(await idsOf(index)).toEqual(["links/other/c.png", "links/real/b.png", "links/real/in/a.png"]);
    await index.close();
  });

  it("does not index its own thumbnails", async () => {
    write("inside/a.png", "a");
    const index = await create("inside/photos.index");
    await index.sync(fakeEmbedder(), { folders: [path("inside")] });
    expect((await index.sync(fakeEmbedder())).counts).toMatchObject({ added: 0, unchanged: 1 });
    await expect(index.sync(fakeEmbedder(), { folders: [path("inside/photos.index")] })).rejects.toMatchObject({ code: "folder-in-index" });
    mkdirSync(path("inside/photos.index/more"));
    await expect(index.sync(fakeEmbedder(), { folders: [path("inside/photos.index/more")] })).rejects.toMatchObject({
      code: "folder-in-index",
    });
    await index.close();
  });

  it("keeps the items of folders that are not mounted, and adds no folder that is missing or empty", async () => {
    write("drives/one/a.png", "a");
    write("drives/two/b.png", "b");
    mkdirSync(path("drives/empty"));
    const index = await create("drives.index");
    await index.sync(fakeEmbedder(), { folders: [path("drives/one"), path("drives/two")] });
    for (const folder of ["drives/none", "drives/empty", "drives/one/a.png"]) {
      await expect(index.sync(fakeEmbedder(), { folders: [path(folder)] })).rejects.toMatchObject({ name: "DatasetError" });
    }
    expect(index.folders).toHaveLength(2);
    renameSync(path("drives/two"), path("drives/away"));
    write("drives/one/c.png", "c");
    const summary = await index.sync(fakeEmbedder());
    expect([summary.counts.added, summary.counts.removed, summary.unreadableFolders]).toEqual([1, 0, [path("drives/two")]]);
    mkdirSync(path("drives/two"));
    expect((await index.sync(fakeEmbedder())).unreadableFolders).toEqual([path("drives/two")]);
    expect(index.store.info.count).toBe(3);
    // An empty folder in an indexed one, too.
    write("drives/one/nas/d.png", "d");
    await index.sync(fakeEmbedder());
    rmSync(path("drives/one/nas/d.png"));
    const vacant = await index.sync(fakeEmbedder());
    expect([vacant.counts.removed, vacant.vacantFolders, index.store.info.count]).toEqual([0, [path("drives/one/nas")], 4]);
    expect((await index.sync(fakeEmbedder(), { prune: true })).counts.removed).toBe(1);
    await expect(index.remove(path("drives/empty"))).rejects.toMatchObject({ code: "not-indexed" });
    expect(await index.remove(path("drives/two"))).toBe(1);
    expect([index.folders, await idsOf(index)]).toEqual([[path("drives/one")], ["drives/one/a.png", "drives/one/c.png"]]);
    await index.close();
  });

  it("follows changes until it is told to stop", async () => {
    write("watched/a.png", "a");
    const index = await create("watched.index");
    const stop = new AbortController();
    let next: (added: number) => void = () => undefined;
    const nextSync = (): Promise<number> => new Promise((resolve) => (next = resolve));
    const first = nextSync();
    const watching = index.watch(fakeEmbedder(), {
      folders: [path("watched")],
      quietMilliseconds: 20,
      onSync: ({ counts }) => next(counts.added),
      signal: stop.signal,
    });
    expect(await first).toBe(1);
    const second = nextSync();
    mkdirSync(path("watched/new"));
    writeFileSync(join(path("watched/new"), "b.png"), "b");
    expect(await second).toBe(1);
    const third = nextSync();
    writeFileSync(join(path("watched/new"), "c.png"), "c");
    expect(await third).toBe(1);
    stop.abort();
    await watching;
    expect(await idsOf(index)).toEqual(["watched/a.png", "watched/new/b.png", "watched/new/c.png"]);
    await index.close();
  });
});
