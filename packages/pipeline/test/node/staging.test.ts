/** Files and folders that appear whole or not at all. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileLock, OutputError, stageFile, stageFolder, sweepStaging, writingTo } from "../../src/node/index.js";

let root: string;
let target: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "chinese-clip-staging-"));
  target = join(root, "deep", "out");
});
afterEach(() => rm(root, { recursive: true }));

const put = (name: string, text: string) => (staging: string) => writeFile(join(staging, name), text);
const all = async (folder: string): Promise<string[]> => (await readdir(folder, { recursive: true })).sort();

describe("I9 one writer", () => {
  it("a new folder appears with one rename", async () => {
    const seen = await stageFolder(target, async (staging) => {
      await put("a", "1")(staging);
      await mkdir(join(staging, "sub"));
      await put("sub/b", "2")(staging);
      return existsSync(target);
    });
    expect(seen).toBe(false);
    expect(await all(root)).toEqual(["deep", "deep/out", "deep/out/a", "deep/out/sub", "deep/out/sub/b"]);
  });

  it("a folder that is there gets the files and keeps its others", async () => {
    await mkdir(target, { recursive: true });
    await put("own", "kept")(target);
    await put("a", "old")(target);
    await stageFolder(target, async (staging) => {
      await put("a", "new")(staging);
      expect(await readFile(join(target, "a"), "utf8")).toBe("old");
    });
    expect(await all(target)).toEqual(["a", "own"]);
    expect(await readFile(join(target, "a"), "utf8")).toBe("new");
  });

  it.each([false, true])("a write that fails leaves nothing (folder there: %s)", async (isThere) => {
    if (isThere) await mkdir(target, { recursive: true });
    const failing = stageFolder(target, async (staging) => {
      await put("a", "1")(staging);
      throw new Error("enough");
    });
    await expect(failing).rejects.toThrow("enough");
    expect(await all(root)).toEqual(isThere ? ["deep", "deep/out"] : ["deep"]);
    const reason = new Error("aborted");
    await expect(stageFolder(target, put("a", "1"), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await all(root)).toEqual(isThere ? ["deep", "deep/out"] : ["deep"]);
  });

  it("what a killed writer left is swept by the next", async () => {
    const dead = JSON.stringify({ pid: 2 ** 22 + 1, host: (await ownerOf(join(root, "x.lock"))).host, id: "dead" });
    await mkdir(join(root, "deep/.out.chinese-clip.part"), { recursive: true });
    await put(".out.chinese-clip.part/half", "")(join(root, "deep"));
    await put(".out.chinese-clip.lock", dead)(join(root, "deep"));
    await stageFolder(target, put("a", "1"));
    expect(await all(root)).toEqual(["deep", "deep/out", "deep/out/a"]);
  }, 20_000);

  it("a commit that was cut off is finished by the next writer", async () => {
    await mkdir(join(target, ".chinese-clip.commit/sub"), { recursive: true });
    await put(".chinese-clip.commit/b", "whole")(target);
    await put(".chinese-clip.commit/sub/c", "whole")(target);
    await stageFolder(target, put("a", "1"));
    expect(await all(target)).toEqual(["a", "b", "sub", "sub/c"]);
  });

  it("a folder in a file's place is found before anything is replaced", async () => {
    await mkdir(join(target, "b"), { recursive: true });
    await put("a", "old")(target);
    const failing = stageFolder(target, async (staging) => {
      await put("a", "new")(staging);
      await put("b", "new")(staging);
    });
    await expect(failing).rejects.toMatchObject({ code: "not-writable", details: { path: join(target, "b") } });
    expect(await readFile(join(target, "a"), "utf8")).toBe("old");
    expect(await all(target)).toEqual(["a", "b"]);
  });

  it("two writers take turns", async () => {
    let writing = 0;
    const write = async (staging: string): Promise<void> => {
      expect(++writing).toBe(1);
      await put("a", "1")(staging);
      await new Promise((resolve) => setTimeout(resolve, 100));
      writing--;
    };
    await Promise.all([stageFolder(target, write), stageFolder(target, write), stageFolder(target, write)]);
    expect(await all(root)).toEqual(["deep", "deep/out", "deep/out/a"]);
  });

  it("a full disk is an error of the place", async () => {
    const full = (): never => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
    };
    const failing = stageFolder(target, () => writingTo(target, full));
    await expect(failing).rejects.toThrow(OutputError);
    await expect(failing).rejects.toMatchObject({ code: "disk-full", message: expect.stringMatching(/out: the disk is full \(ENOSPC\)/) });
  });

  it.skipIf(process.getuid?.() === 0)("a folder without the right to write is named", async () => {
    await mkdir(target, { recursive: true });
    await chmod(target, 0o500);
    await expect(stageFolder(target, put("a", "1"))).rejects.toMatchObject({
      code: "not-writable",
      details: { errno: "EACCES", path: target },
    });
  });

  it("a file in the folder's place is named", async () => {
    await put("out", "a file")(root);
    await expect(stageFolder(join(root, "out"), put("a", "1"))).rejects.toMatchObject({ details: { errno: "ENOTDIR" } });
  });

  it("a file is replaced whole or stays", async () => {
    const file = join(root, "x.json");
    await stageFile(file, (part) => writeFile(part, "1"));
    const failing = stageFile(file, async (part) => {
      await writeFile(part, "2");
      throw new Error("enough");
    });
    await expect(failing).rejects.toThrow("enough");
    expect(await readFile(file, "utf8")).toBe("1");
    expect(await all(root)).toEqual(["x.json"]);
  });

  it("a link's file is written, and the link stays", async () => {
    const [file, link, dangling] = [join(root, "x.json"), join(root, "link.json"), join(root, "dangling.json")];
    await writeFile(file, "1");
    await symlink("x.json", link);
    await symlink("new.json", dangling);
    await stageFile(link, (part) => writeFile(part, "2"));
    await stageFile(dangling, (part) => writeFile(part, "3"));
    expect([await readFile(file, "utf8"), await readlink(link)]).toEqual(["2", "x.json"]);
    expect([await readFile(join(root, "new.json"), "utf8"), await readlink(dangling)]).toEqual(["3", "new.json"]);
    await symlink("b.json", join(root, "a.json"));
    await symlink("a.json", join(root, "b.json"));
    await expect(stageFile(join(root, "a.json"), (part) => writeFile(part, "1"))).rejects.toMatchObject({ details: { errno: "ELOOP" } });
  });

  it.skipIf(process.platform === "win32")("what is no file is not replaced, neither alone nor in a folder", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    const fault = { code: "not-writable", details: { path: join(root, "pipe"), reason: "expected a file, got a named pipe" } };
    await expect(stageFile(join(root, "pipe"), (part) => writeFile(part, "1"))).rejects.toMatchObject(fault);
    await expect(stageFolder(root, put("pipe", "1"))).rejects.toMatchObject(fault);
    expect((await lstat(join(root, "pipe"))).isFIFO()).toBe(true);
    // A link of ours, since a failure of this test as root would remove the device itself.
    await symlink("/dev/null", join(root, "null"));
    await expect(stageFile(join(root, "null"), (part) => writeFile(part, "1"))).rejects.toMatchObject({
      details: { reason: "expected a file, got a device" },
    });
    await expect(stageFile(root, (part) => writeFile(part, "1"))).rejects.toMatchObject({ details: { errno: "EISDIR" } });
    expect(await all(root)).toEqual(["null", "pipe"]);
  });

  it.skipIf(process.platform === "win32")("a named pipe that is not replaced keeps no module from being found", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    const load = createRequire(join(root, "entry.cjs"));
    await writeFile(join(root, "first.cjs"), "");
    load("./first.cjs"); // Node knows the way now
    const faults = [
      () => stageFile(join(root, "pipe"), (part) => writeFile(part, "1")),
      () => stageFolder(join(root, "pipe"), put("a", "1")),
      () => stageFolder(root, put("pipe", "1")),
    ];
    for (const [i, fault] of faults.entries()) {
      await expect(fault()).rejects.toMatchObject({ code: "not-writable" });
      await mkdir(join(root, `real${i}`));
      await writeFile(join(root, `real${i}`, "module.cjs"), "module.exports = __dirname;");
      await symlink(`real${i}`, join(root, `link${i}`));
      expect(load(`./link${i}/module.cjs`)).toBe(join(root, `real${i}`));
    }
  });

  it("sweeping leaves a live writer's files", async () => {
    const lock = await FileLock.acquire(join(root, ".live.chinese-clip.lock"));
    await mkdir(join(root, ".live.chinese-clip.part"));
    await mkdir(join(root, ".dead.chinese-clip.part"));
    await sweepStaging(root);
    expect(await all(root)).toEqual([".live.chinese-clip.lock", ".live.chinese-clip.part"]);
    await lock.release();
  });
});

async function ownerOf(path: string): Promise<{ host: string }> {
  const lock = await FileLock.acquire(path);
  const owner = JSON.parse(await readFile(path, "utf8")) as { host: string };
  await lock.release();
  return owner;
}
