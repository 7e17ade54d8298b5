import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilePlacer, folderName, folderNames, type ImageIndex, openImageIndex, recordMoves } from "../../src/index.js";
import { DIM, fakeEmbedder } from "../fake-embedder.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();

describe("files are placed", () => {
  it("under their own names, or those with a number; nothing is overwritten", async () => {
    const [a, b, c] = [write("one/猫.jpg", "a"), write("two/猫.jpg", "b"), write("three/猫.jpg", "c")];
    write("target/猫 (2).jpg", "before");
    const placer = new FilePlacer({ move: false });
    const placed = [];
    for (const file of [a, b, c]) placed.push((await placer.place(file, path("target")))?.to);
    expect(placed).toEqual([path("target/猫.jpg"), path("target/猫 (3).jpg"), path("target/猫 (4).jpg")]);
    expect(readFileSync(path("target/猫 (2).jpg"), "utf8")).toBe("before");
    expect([a, b, c].map((file) => readFileSync(file, "utf8"))).toEqual(["a", "b", "c"]);
  });

  it("with their times, and are gone from where they were only when moved", async () => {
    const file = write("times/a.jpg", "bytes");
    utimesSync(file, 1000, 2000);
    const copied = await new FilePlacer({ move: false }).place(file, path("times/copied"));
    const moved = await new FilePlacer({ move: true }).place(file, path("times/moved"));
    for (const one of [copied, moved])
      expect([readFileSync(one?.to ?? "", "utf8"), statSync(one?.to ?? "").mtimeMs]).toEqual(["bytes", 2_000_000]);
    expect(existsSync(file)).toBe(false);
  });

  it.runIf(process.platform === "linux")("not where they cannot be taken out of their folder", async () => {
    // Also as root, whom no permission stops. Which errno the kernel gives depends on its version.
    const place = (file: string): Promise<unknown> => new FilePlacer({ move: true }).place(file, path("kept"));
    const expected = { name: "OutputError", code: "not-writable", details: { path: "/proc/self" } };
    await expect(place("/proc/self/limits")).rejects.toMatchObject(expected);
    await expect(place("/proc/self/exe")).rejects.toMatchObject(expected); // a link
    expect(readdirSync(path("kept"))).toEqual([]);
  });

  it("in a dry run only by name, the names being those of the real one", async () => {
    const files = [write("dry/1/a.jpg", "1"), write("dry/2/a.jpg", "2")];
    const names = async (dryRun: boolean): Promise<(string | undefined)[]> => {
      const placer = new FilePlacer({ move: true, dryRun });
      const placed = [];
      for (const file of files) placed.push((await placer.place(file, path("dry/target")))?.to);
      return placed;
    };
    const planned = await names(true);
    expect([existsSync(path("dry/target")), files.every((file) => existsSync(file))]).toEqual([false, true]);
    expect(planned).toEqual([path("dry/target/a.jpg"), path("dry/target/a (2).jpg")]);
    expect(await names(false)).toEqual(planned);
  });

  it("not where they are already, however the folder is written", async () => {
    const file = write("here/a.jpg");
    symlinkSync(path("here"), path("link"));
    for (const folder of [path("here"), path("link"), `${path("here")}/./`]) {
      expect(await new FilePlacer({ move: true }).place(file, folder)).toBeUndefined();
    }
    expect(readdirSync(path("here"))).toEqual(["a.jpg"]);
  });

  it("whose names have line ends, quotes or bytes that are no UTF-8", async () => {
    mkdirSync(path("odd"));
    const names = ["line\nend.jpg", 'q"uote\t.jpg', "\u202etxt.jpg", "😀 .jpg"];
    for (const name of names) writeFileSync(path(`odd/${name}`), name);
    const bytes = Buffer.concat([Buffer.from(path("odd/")), Buffer.from([0xc3, 0xa8, 0xd7, 0xd6]), Buffer.from(".jpg")]);
    writeFileSync(bytes, "gbk");
    const placer = new FilePlacer({ move: true });
    for (const name of names)
      expect(readFileSync((await placer.place(path(`odd/${name}`), path("odd-target")))?.to ?? "", "utf8")).toBe(name);
    const placed = await placer.place(path("odd/è\\xd7\\xd6.jpg"), path("odd-target"));
    expect(readFileSync(placed?.to ?? "", "utf8")).toBe("gbk");
    expect(readdirSync(path("odd"))).toEqual([]);
  });

  it("as links to the same file, when they are links", async () => {
    const file = write("links/real.jpg", "real");
    symlinkSync("real.jpg", path("links/link.jpg"));
    const copied = await new FilePlacer({ move: false }).place(path("links/link.jpg"), path("links/copied"));
    const moved = await new FilePlacer({ move: true }).place(path("links/link.jpg"), path("links/moved"));
    expect([lstatSync(copied?.to ?? "").isFile(), readFileSync(copied?.to ?? "", "utf8")]).toEqual([true, "real"]);
    expect([lstatSync(moved?.to ?? "").isSymbolicLink(), readFileSync(moved?.to ?? "", "utf8")]).toEqual([true, "real"]);
    expect([existsSync(file), existsSync(path("links/link.jpg"))]).toEqual([true, false]);
  });

  it("stay where they are, and leave nothing, when they cannot be", async () => {
    const placer = new FilePlacer({ move: true });
    await expect(placer.place(path("gone.jpg"), path("failed"))).rejects.toMatchObject({ name: "DatasetError", code: "no-such-file" });
    mkdirSync(path("folder.jpg"));
    await expect(placer.place(path("folder.jpg"), path("failed"))).rejects.toMatchObject({ code: "not-a-file" });
    const file = write("stay/a.jpg", "a");
    const blocked = write("blocked", "a file, no folder");
    await expect(placer.place(file, join(blocked, "below"))).rejects.toMatchObject({ name: "OutputError", code: "not-writable" });
    expect(readFileSync(file, "utf8")).toBe("a");
  });
});

describe("on another disk", () => {
  const isOther = existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync(tmpdir()).dev;
  it.skipIf(!isOther)("a moved file is copied, then removed", async () => {
    const target = mkdtempSync("/dev/shm/placement-");
    try {
      const file = write("disk/a.jpg", "bytes");
      utimesSync(file, 1000, 2000);
      const placed = await new FilePlacer({ move: true }).place(file, target);
      expect([readFileSync(placed?.to ?? "", "utf8"), statSync(placed?.to ?? "").mtimeMs, existsSync(file)]).toEqual([
        "bytes",
        2_000_000,
        false,
      ]);
    } finally {
      rmSync(target, { recursive: true });
    }
  });

  it.skipIf(!isOther || process.getuid?.() !== 0)("that is full, the file stays and nothing is left", async () => {
    const disk = mkdtempSync("/dev/shm/full-");
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      rmSync(disk, { recursive: true });
      return; // no right to mount here
    }
    try {
      const file = write("full/a.jpg", "x".repeat(200_000));
      await expect(new FilePlacer({ move: true }).place(file, join(disk, "in"))).rejects.toMatchObject({
        name: "OutputError",
        code: "disk-full",
      });
      expect([statSync(file).size, readdirSync(join(disk, "in"))]).toEqual([200_000, []]);
    } finally {
      execFileSync("umount", [disk]);
      rmSync(disk, { recursive: true });
    }
  });
});

describe("a label's folder", () => {
  it.each([
    ["猫", "猫"],
    ["../../etc", "__.._etc"],
    ["..", "_"],
    [".", "_"],
    ["", "_"],
    ["   ", "_"],
    ["a/b\\c", "a_b_c"],
    ["CON", "_CON"],
    ["nul.txt", "_nul.txt"],
    ["com1", "_com1"],
    ["console", "console"],
    ["name. . ", "name"],
    [".hidden", "_hidden"],
    ["a\nb\u0000c", "a_b_c"],
    ["\u202egpj.exe", "_gpj.exe"],
    ["a:b*?", "a_b__"],
  ])("of %j is %j", (label, name) => {
    expect(folderName(label)).toBe(name);
  });

  it("fits into a name, whole characters", () => {
    expect(Buffer.byteLength(folderName("猫".repeat(500)))).toBeLessThanOrEqual(200);
    expect(folderName("猫".repeat(500))).toMatch(/^猫+$/);
  });

  it("is another for another label, also but for case", () => {
    expect([...folderNames(["a/b", "a:b", "A_B", "a/b"])]).toEqual([
      ["a/b", "a_b"],
      ["a:b", "a_b (2)"],
      ["A_B", "A_B (3)"],
    ]);
  });
});

describe("an index after its images were moved", () => {
  let index: ImageIndex;
  const embedder = fakeEmbedder();
  beforeAll(async () => {
    for (const name of ["a", "b", "c", "d"]) write(`photos/${name}.jpg`, name);
    index = await openImageIndex(path("index"), {
      embedder: { fingerprint: embedder.fingerprint, dim: DIM },
      settings: { model: "model-a" },
    });
    await index.sync(embedder, { folders: [path("photos")] });
  });
  afterAll(() => index.close());
  const ids = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { id } of index.store.list()) found.push(id);
    return found.map((id) => id.slice(path("x").length - 1)).toSorted();
  };
  const move = async (name: string, folder: string): Promise<number> => {
    const placed = await new FilePlacer({ move: true }).place(path(`photos/${name}`), path(folder));
    return recordMoves(index, [{ id: path(`photos/${name}`), to: placed?.to ?? "" }]);
  };

  it("has them where they are, without those that left its folders, and embeds nothing again", async () => {
    expect(await move("a.jpg", "photos/best")).toBe(0);
    expect(await move("b.jpg", "elsewhere")).toBe(1);
    expect(await move("c.jpg", "photos/.trash")).toBe(1);
    expect(await ids()).toEqual(["photos/best/a.jpg", "photos/d.jpg"]);
    const [item] = await index.store.get([path("photos/best/a.jpg")]);
    expect(item?.meta.path).toBe("best/a.jpg");
    const before = embedder.contents.length;
    const { counts } = await index.sync(embedder);
    expect([embedder.contents.length, counts.unchanged, counts.added + counts.moved + counts.removed]).toEqual([before, 2, 0]);
  });
});
