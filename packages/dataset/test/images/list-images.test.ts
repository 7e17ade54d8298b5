import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { DatasetError } from "../../src/dataset-error.js";
import { imageInput, listImages } from "../../src/images/list-images.js";
import { type FilePath, SkippedFiles } from "../../src/images/walk-folder.js";
import { findImages } from "../../src/sources/find-images.js";
import { folderImages } from "../../src/sources/items.js";
import { listedFiles } from "../../src/sources/list-file.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();

async function list(folder: string, skipped = new SkippedFiles()): Promise<string[]> {
  const labels: string[] = [];
  for await (const { label } of listImages(path(folder), skipped)) labels.push(label.slice(path(folder).length + 1));
  return labels;
}

async function* bytesOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

describe("F1 one lister of images", () => {
  it("takes every extension of an image, in any case, and counts the others by type", async () => {
    const images = "a.jpg b.JPEG c.jpe d.jfif e.png f.gif g.avif h.tif i.tiff j.webp k.bmp l.ppm m.heic".split(" ");
    for (const name of [...images, "n.txt", "o.TXT", "p.mov", "README", "jpg"]) write(`types/${name}`);
    const skipped = new SkippedFiles();
    expect(await list("types", skipped)).toEqual(images);
    expect(Object.fromEntries(skipped.byType)).toEqual({ other: 2, ".txt": 2, ".mov": 1 });
    expect(skipped.count).toBe(5);
  });

  it("gives the images of a folder by name, then those of its folders", async () => {
    for (const name of ["z.png", "b/2.png", "b/10.png", "B/1.png", "a.png"]) write(`order/${name}`);
    expect(await list("order")).toEqual(["a.png", "z.png", "B/1.png", "b/10.png", "b/2.png"]);
    const items: (readonly [number, string | undefined])[] = [];
    for await (const { id, label } of folderImages(path("order"))) items.push([id, label]);
    expect(items.at(-1)).toEqual([4, path("order/b/2.png")]);
    expect((await findImages([path("order"), "named.xyz"], bytesOf())).map(({ label }) => label).slice(-2)).toEqual([
      path("order/b/2.png"),
      "named.xyz",
    ]);
  });

  it("says what a folder without images should have", async () => {
    write("texts/a.txt");
    await expect(list("texts")).rejects.toThrow("no images in it; expected files that end in .jpg .jpeg");
    await expect(list("no")).rejects.toThrow("no: no such folder; check the path");
    await expect(list("texts/a.txt")).rejects.toThrow("expected a folder, got a file");
  });
});

describe("F2 links", () => {
  it("to folders are followed once, and none forms a cycle", async () => {
    write("links/a/1.png");
    write("links/b/2.png");
    write("elsewhere/3.png");
    symlinkSync(path("links"), path("links/a/up"));
    symlinkSync("..", path("links/b/up"));
    symlinkSync(path("elsewhere"), path("links/c"));
    symlinkSync(path("elsewhere"), path("links/d"));
    symlinkSync(path("links/a/1.png"), path("links/e.png"));
    symlinkSync(path("nowhere.png"), path("links/f.png"));
    expect(await list("links")).toEqual(["e.png", "a/1.png", "b/2.png", "c/3.png"]);
  });
});

/** As a user whom permissions bind, where this one is root. */
async function asUser<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65534);
  return work().finally(() => process.seteuid?.(0));
}

describe.skipIf(process.platform === "win32")("F3 a folder that cannot be read", () => {
  it("is noted and skipped", async () => {
    chmodSync(path(""), 0o755);
    write("closed/a.png");
    write("closed/lost/b.png");
    chmodSync(path("closed/lost"), 0);
    const skipped = new SkippedFiles();
    expect(await asUser(() => list("closed", skipped))).toEqual(["a.png"]);
    expect(skipped.folders.map(({ folder, error }) => [folder, (error as DatasetError).code])).toEqual([
      [path("closed/lost"), "unreadable"],
    ]);
    chmodSync(path("closed/lost"), 0o700);
  });
});

describe("F4 what is no image of the user's", () => {
  it("is left out: hidden, of file managers and network drives, folders, pipes", async () => {
    for (const name of ["a.png", "._a.png", ".hidden/b.png", "@eaDir/c.jpg", "__MACOSX/d.png", "folder.jpg/e.png"]) write(`mixed/${name}`);
    execFileSync("mkfifo", [path("mixed/pipe.png")]);
    const skipped = new SkippedFiles();
    expect(await list("mixed", skipped)).toEqual(["a.png", "folder.jpg/e.png"]);
    expect([...skipped.byType]).toEqual([["other", 1]]);
  });
});

describe.runIf(process.platform === "linux")("F5 names that are no UTF-8", () => {
  const name = Buffer.concat([Buffer.from([0xc3, 0xa8]), Buffer.from("图"), Buffer.from([0xb0, 0x2e]), Buffer.from("png")]);
  const gbk = Buffer.from([0xc4, 0xe3, 0xba, 0xc3, 0x2e, 0x70, 0x6e, 0x67]); // 你好.png

  beforeAll(() => {
    mkdirSync(path("gbk"));
    for (const one of [name, gbk]) writeFileSync(Buffer.concat([Buffer.from(`${path("gbk")}/`), one]), "bytes");
  });

  it("are read by their bytes", async () => {
    const found: FilePath[] = [];
    for await (const image of listImages(path("gbk"))) found.push(image);
    expect(found.map(({ label }) => label)).toEqual([join(path("gbk"), "è图\\xb0.png"), join(path("gbk"), "\\xc4\\xe3\\xba\\xc3.png")]);
    for (const image of found) expect(Buffer.from(await imageInput(image)).toString()).toBe("bytes");
  });

  it("stay bytes in a list, whatever its chunks are", async () => {
    const line = Buffer.concat([Buffer.from(`${path("gbk")}/`), gbk]);
    const found: FilePath[] = [];
    for await (const file of listedFiles(bytesOf("a.png\r\n\n  \n", line.subarray(0, -6), line.subarray(-6), "\n猫.png"))) found.push(file);
    expect(found.map(({ label }) => label)).toEqual(["a.png", join(path("gbk"), "\\xc4\\xe3\\xba\\xc3.png"), "猫.png"]);
    expect(Buffer.from(await imageInput(found[1] as FilePath)).toString()).toBe("bytes");
    await expect(findImages(["-"], bytesOf("\n"))).rejects.toThrow("stdin: no paths in it");
    await expect(findImages(["-"], bytesOf("\uFEFF"))).rejects.toThrow("stdin: no paths in it");
  });

  it.each([
    ["a byte order mark", ["\uFEFFa.png\r\nb.png"], ["a.png", "b.png"]],
    ["a byte order mark and nothing else but a name", ["\uFEFFa.png"], ["a.png"]],
    ["zero bytes, as of find -print0, with a line feed in a name", ["a.p", "ng\0b\n.png\0"], ["a.png", "b\n.png"]],
    ["pieces of a byte", [..."a.png\nb.png\n"], ["a.png", "b.png"]],
  ])("F5 with %s", async (_, chunks, expected) => {
    async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    }
    expect((await findImages(["-"], pieces())).map(({ label }) => label)).toEqual(expected);
  });
});
