import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MemoryStore } from "@chinese-clip/search";
import { describe, expect, it } from "vitest";
import { type ImageMeta, syncFolder, type SyncOptions, type SyncSummary } from "../../src/index.js";
import { fakeEmbedder } from "../fake-embedder.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();
const INFO = { fingerprint: "model-a", dim: 8 };
const NONE = { added: 0, changed: 0, moved: 0, touched: 0, removed: 0, failed: 0, unchanged: 0 };
const sha256Of = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
async function contentOf(store: MemoryStore<ImageMeta>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { id, embedding, meta } of store.scan()) {
    found.set(id, meta.sha256);
    expect(meta.path).toBe(id);
    expect(embedding).toEqual(Float32Array.from(Buffer.from(meta.sha256, "hex").subarray(0, 8)));
  }
  return found;
}

/** Runs, and expects the store to have the folder's images. */
async function run(
  store: MemoryStore<ImageMeta>,
  folder: string,
  files: Readonly<Record<string, string>>,
  options?: SyncOptions,
): Promise<SyncSummary & { readonly contents: readonly string[] }> {
  const embedder = fakeEmbedder();
  const summary = await syncFolder(store, embedder, path(folder), options);
  const expected = Object.entries(files).map(([name, text]) => [name, sha256Of(text)] as const);
  expect(await contentOf(store)).toEqual(new Map(expected));
  expect(summary.embedded).toBe(embedder.contents.length);
  return { ...summary, contents: embedder.contents };
}

describe("syncFolder", () => {
  it("tells a call without types what it lacks", async () => {
    const given = (...args: readonly unknown[]): Promise<unknown> =>
      (syncFolder as (...args: readonly unknown[]) => Promise<unknown>)(...args);
    const store = new MemoryStore<ImageMeta>(INFO);
    await expect(given()).rejects.toThrow("syncFolder: expected a store to have upsert");
    await expect(given(store, {})).rejects.toThrow("syncFolder: expected an embedder to have embedImages");
    await expect(given(store, fakeEmbedder())).rejects.toThrow("syncFolder: expected the folder's path, got undefined");
  });

  it("embeds what was added and changed, finds what was moved, and removes what is gone", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    for (const name of ["a", "b", "c", "sub/d", "sub/e"]) write(`basic/${name}.png`, `image ${name}`);
    write("basic/notes.txt", "no image");
    const all = Object.fromEntries(["a", "b", "c", "sub/d", "sub/e"].map((name) => [`${name}.png`, `image ${name}`]));
    const first = await run(store, "basic", all);
    expect([first.counts, first.skipped.get(".txt")]).toEqual([{ ...NONE, added: 5 }, 1]);
    expect((await run(store, "basic", all)).counts).toEqual({ ...NONE, unchanged: 5 });

    write("basic/a.png", "image a, changed");
    renameSync(path("basic/b.png"), path("basic/sub/moved.png"));
    rmSync(path("basic/c.png"));
    write("basic/new.png", "image new");
    write("basic/copy.png", "image sub/d");
    utimesSync(path("basic/sub/e.png"), 1000, 1000);
    const events: string[] = [];
    const second = await run(
      store,
      "basic",
      {
        "a.png": "image a, changed",
        "sub/moved.png": "image b",
        "new.png": "image new",
        "copy.png": "image sub/d",
        "sub/d.png": "image sub/d",
        "sub/e.png": "image sub/e",
      },
      { onEvent: ({ type, path: name, done, total }) => events.push(`${type} ${name} ${done}/${total}`) },
    );
    expect(second.counts).toEqual({ added: 2, changed: 1, moved: 1, touched: 1, removed: 1, failed: 0, unchanged: 1 });
    expect([...second.contents].sort()).toEqual(["image a, changed", "image new"]);
    expect(events).toHaveLength(6);
    expect(events.at(-1)).toBe("removed c.png 5/5");
    const [item] = await store.get(["sub/e.png"]);
    expect(item?.meta).toMatchObject({ size: 11, mtime: 1_000_000, sha256: sha256Of("image sub/e") });
  });

  it("embeds nothing twice: copies, exchanged names, names that move on by one", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const files: Record<string, string> = {};
    for (let i = 0; i < 40; i++) write(`twice/${i}.png`, (files[`${i}.png`] = `content ${i % 10}`));
    expect((await run(store, "twice", files)).contents).toHaveLength(10);
    for (let i = 0; i < 40; i++) write(`twice/${i}.png`, (files[`${i}.png`] = `content ${(i + 1) % 10}`));
    for (let i = 0; i < 40; i++) utimesSync(path(`twice/${i}.png`), 5000 + i, 5000 + i);
    const moved = await run(store, "twice", files);
    expect([moved.contents, moved.counts.changed]).toEqual([[], 40]);
    for (let i = 39; i >= 0; i--) renameSync(path(`twice/${i}.png`), path(`twice/${i + 1}.png`));
    write("twice/0.png", "a new first");
    const next = Object.fromEntries([
      ...Object.entries(files).map(([name, text]) => [`${parseInt(name) + 1}.png`, text]),
      ["0.png", "a new first"],
    ]);
    expect((await run(store, "twice", next as Record<string, string>)).contents).toEqual(["a new first"]);
  });

  it("counts what cannot be read by reason, and tries it again once it has changed", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const options = { failures: path("failures.jsonl") };
    write("broken/good.png", "good");
    write("broken/1.png", "broken 1");
    write("broken/2.png", "broken 2");
    const first = await run(store, "broken", { "good.png": "good" }, options);
    expect([first.counts.failed, first.failures]).toEqual([2, { corrupt: 2 }]);
    const second = await run(store, "broken", { "good.png": "good" }, options);
    expect([second.contents, second.failures, second.counts.unchanged]).toEqual([[], { corrupt: 2 }, 3]);
    write("broken/1.png", "repaired");
    rmSync(path("broken/2.png"));
    const third = await run(store, "broken", { "good.png": "good", "1.png": "repaired" }, options);
    expect([third.contents, third.failures]).toEqual([["repaired"], {}]);
    write("broken/good.png", "broken now");
    expect((await run(store, "broken", { "1.png": "repaired" }, options)).failures).toEqual({ corrupt: 1 });
    await expect(syncFolder(store, fakeEmbedder(), path("broken"), { failures: path("broken/1.png") })).rejects.toMatchObject({
      code: "foreign-output",
    });
    expect(readFileSync(path("broken/1.png"), "utf8")).toBe("repaired");
  });

  it("reads no content of an unchanged folder", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const files: Record<string, string> = {};
    for (let i = 0; i < 600; i++) write(`many/${i % 30}/${i}.png`, (files[`${i % 30}/${i}.png`] = `image ${i}`));
    expect((await run(store, "many", files)).counts.added).toBe(600);
    // Other bytes of the same length with the same time: who reads the content would notice.
    const at = new Date(1_700_000_000_000);
    utimesSync(path("many/0/0.png"), at, at);
    await run(store, "many", files);
    writeFileSync(path("many/0/0.png"), "IMAGE 0");
    utimesSync(path("many/0/0.png"), at, at);
    const unchanged = await run(store, "many", files);
    expect(unchanged.counts).toEqual({ ...NONE, unchanged: 600 });
  });

  it("gives the same index as an undisturbed run when it is killed on the way", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const files: Record<string, string> = {};
    for (let i = 0; i < 1000; i++) write(`killed/${i}.png`, (files[`${i}.png`] = `image ${i % 900}`));
    let embedded = 0;
    for (let kill = 0; kill < 10; kill++) {
      const embedder = fakeEmbedder(90 + kill);
      await expect(syncFolder(store, embedder, path("killed"))).rejects.toThrow("killed");
      embedded += embedder.contents.length;
      if (kill === 4) renameSync(path("killed/7.png"), path("killed/seven.png"));
    }
    files["seven.png"] = "image 7";
    delete files["7.png"];
    const last = await run(store, "killed", files);
    expect(embedded + last.embedded).toBeLessThanOrEqual(900 + 10 * 67); // what was not yet written at a kill
  });

  it("leaves the images of other folders and of folders that cannot be read", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    write("two/one/a.png", "a");
    write("two/two/b.png", "b");
    await syncFolder(store, fakeEmbedder(), path("two/one"), { prefix: "one:" });
    await syncFolder(store, fakeEmbedder(), path("two/two"), { prefix: "two:" });
    expect(store.info.count).toBe(2);
    write("locked/a.png", "a");
    write("locked/in/b.png", "b");
    const locked = new MemoryStore<ImageMeta>(INFO);
    await run(locked, "locked", { "a.png": "a", "in/b.png": "b" });
    if (process.getuid?.() === 0) return; // root reads everything
    chmodSync(path("locked/in"), 0);
    try {
      const summary = await run(locked, "locked", { "a.png": "a", "in/b.png": "b" });
      expect(summary.unreadableFolders).toEqual([join(path("locked"), "in")]);
    } finally {
      chmodSync(path("locked/in"), 0o755);
    }
  });

  it("does not empty the store for a folder without images, and takes no other model", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    write("empty/a.png", "a");
    await run(store, "empty", { "a.png": "a" });
    rmSync(path("empty/a.png"));
    await expect(syncFolder(store, fakeEmbedder(), path("empty"))).rejects.toMatchObject({ code: "no-images" });
    expect(store.info.count).toBe(1);
    mkdirSync(path("other"));
    await expect(syncFolder(store, { ...fakeEmbedder(), fingerprint: "model-b" }, path("other"))).rejects.toMatchObject({
      code: "fingerprint-mismatch",
    });
  });

  it("keeps the images of a drive within the folder that is not mounted, unless it is told to remove them", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const [mounted, drive] = [path("mounts/nas"), path("mounts-nas")];
    const images = ["1.png", "2019/2.png", "2019/in/3.png"];
    for (const name of images) write(`mounts-nas/${name}`, `image ${name}`);
    write("mounts-usb/usb.png", "image usb");
    write("mounts/own.png", "own");
    write("mounts/nas-2/near.png", "near");
    symlinkSync(path("mounts-usb"), path("mounts/usb"));
    const isMounted = (is: boolean): void => {
      rmSync(mounted, { recursive: true, force: true });
      if (is) cpSync(drive, mounted, { recursive: true, preserveTimestamps: true });
      else mkdirSync(mounted);
    };
    isMounted(true);
    const own = { "own.png": "own", "nas-2/near.png": "near" };
    const nas = Object.fromEntries(images.map((name) => [`nas/${name}`, `image ${name}`]));
    const all = { ...own, ...nas, "usb/usb.png": "image usb" };
    expect((await run(store, "mounts", all)).vacantFolders).toEqual([]);

    isMounted(false);
    write("mounts/nas/.not-mounted", "");
    renameSync(path("mounts-usb"), path("mounts-usb-away")); // the link now leads nowhere
    const without = await run(store, "mounts", all);
    expect([without.counts, without.vacantFolders]).toEqual([{ ...NONE, unchanged: 2 }, [mounted, path("mounts/usb")]]);
    // A folder that was deleted, beside them, is gone.
    rmSync(path("mounts/nas-2"), { recursive: true });
    const kept = { "own.png": "own", ...nas, "usb/usb.png": "image usb" };
    expect((await run(store, "mounts", kept)).counts).toEqual({ ...NONE, removed: 1, unchanged: 1 });

    isMounted(true);
    renameSync(path("mounts-usb-away"), path("mounts-usb"));
    const again = await run(store, "mounts", kept);
    expect([again.counts, again.contents, again.vacantFolders]).toEqual([{ ...NONE, unchanged: 5 }, [], []]);

    // Images that were moved out of a folder leave it empty, and are not in it any more.
    isMounted(false);
    for (const name of images) write(`mounts/moved/${name}`, `image ${name}`);
    const moved = Object.fromEntries(images.map((name) => [`moved/${name}`, `image ${name}`]));
    const after = { "own.png": "own", "usb/usb.png": "image usb", ...moved };
    const summary = await run(store, "mounts", after);
    expect([summary.counts, summary.vacantFolders]).toEqual([{ ...NONE, moved: 3, unchanged: 2 }, []]);

    rmSync(path("mounts/moved"), { recursive: true });
    mkdirSync(path("mounts/moved"));
    rmSync(path("mounts-usb"), { recursive: true });
    const pruned = await run(store, "mounts", { "own.png": "own" }, { prune: true });
    expect([pruned.counts, pruned.vacantFolders]).toEqual([{ ...NONE, removed: 4, unchanged: 1 }, []]);
  });

  it("keeps the images of a folder that has others and none of a hundred: a mount point without its drive may have a stray file", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const images = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.png`, `image ${i}`]));
    const put = (contents: Readonly<Record<string, string>>): void => {
      rmSync(path("root"), { recursive: true, force: true });
      for (const [name, content] of Object.entries(contents)) write(`root/${name}`, content);
    };
    put(images);
    await run(store, "root", images);
    const stray = { "stray.png": "stray" };
    put(stray);
    const without = await run(store, "root", { ...images, ...stray });
    expect([without.counts, without.vacantFolders]).toEqual([{ ...NONE, added: 1 }, [path("root")]]);

    const renamed = Object.fromEntries(Object.entries(images).map(([name, content]) => [`renamed/${name}`, content]));
    const fresh = new MemoryStore<ImageMeta>(INFO);
    put(images);
    await run(fresh, "root", images);
    put(renamed);
    const moved = await run(fresh, "root", renamed);
    expect([moved.counts, moved.vacantFolders]).toEqual([{ ...NONE, moved: 100 }, []]);
    put(stray);
    const pruned = await run(fresh, "root", stray, { prune: true });
    expect([pruned.counts, pruned.vacantFolders]).toEqual([{ ...NONE, added: 1, removed: 100 }, []]);
  });

  it("keeps an image that the system cannot read now, and tries it again", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    const options = { failures: path("system.jsonl") };
    write("system/a.png", "a");
    await run(store, "system", { "a.png": "a" }, options);
    write("system/a.png", "a, changed");
    write("system/b.png", "b");
    const fail = (): never => {
      throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    };
    const failed = await run(store, "system", { "a.png": "a" }, { ...options, describe: fail });
    expect([failed.counts.failed, failed.failures]).toEqual([2, { EIO: 2 }]);
    const read = await run(store, "system", { "a.png": "a, changed", "b.png": "b" }, options);
    expect([read.counts, read.failures]).toEqual([{ ...NONE, added: 1, changed: 1 }, {}]);
  });

  it("adds what describe says, and keeps it for moved and touched images", async () => {
    const store = new MemoryStore<ImageMeta>(INFO);
    write("described/a.png", "a");
    const described: string[] = [];
    const describeImage = (bytes: Uint8Array, name: string): { readonly length: number } => {
      described.push(name);
      return { length: bytes.length };
    };
    await run(store, "described", { "a.png": "a" }, { describe: describeImage });
    renameSync(path("described/a.png"), path("described/b.png"));
    await run(store, "described", { "b.png": "a" }, { describe: describeImage });
    expect((await store.get(["b.png"]))[0]?.meta).toMatchObject({ length: 1, path: "b.png" });
    expect(described).toEqual(["a.png"]);
  });
});
