import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFile, readWholeFile } from "../../src/node/index.js";

let root: string;
const path = (name: string): string => join(root, name);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "chinese-clip-open-"));
});
afterAll(() => rm(root, { recursive: true }));

const hasPipes = process.platform !== "win32";

describe("readWholeFile", () => {
  it("reads a file, an empty one, and a path that is bytes", async () => {
    writeFileSync(path("a.txt"), "猫");
    writeFileSync(path("empty.txt"), "");
    expect(String(await readWholeFile(path("a.txt")))).toBe("猫");
    expect(String(await readWholeFile(Buffer.from(path("a.txt"))))).toBe("猫");
    expect(await readWholeFile(path("empty.txt"))).toHaveLength(0);
  });

  it("reads as many bytes as are allowed", async () => {
    writeFileSync(path("ten"), "0123456789");
    expect(await readWholeFile(path("ten"), 10)).toHaveLength(10);
    await expect(readWholeFile(path("ten"), 9)).rejects.toMatchObject({ name: "NotAFileError", code: "too-large", maximum: 9 });
  });

  it("passes on what the system says", async () => {
    mkdirSync(path("folder"));
    await expect(readWholeFile(path("folder"))).rejects.toMatchObject({ code: "EISDIR" });
    await expect(readWholeFile(path("nothing"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.runIf(process.platform === "linux")("ends at a device without an end", async () => {
    await expect(readWholeFile("/dev/zero", 5_000_000)).rejects.toMatchObject({ code: "too-large" });
    expect(await readWholeFile("/dev/null")).toHaveLength(0);
    expect(String(await readWholeFile("/proc/self/cmdline"))).toContain("node");
  });

  it.runIf(hasPipes)("F4 does not wait for a writer of a named pipe", async () => {
    execFileSync("mkfifo", [path("pipe")]);
    await expect(readWholeFile(path("pipe"))).rejects.toMatchObject({ name: "NotAFileError", code: "named-pipe" });
    const [bytes] = await Promise.all([readWholeFile(path("pipe")), writeFile(path("pipe"), Buffer.alloc(200_000, 7))]);
    expect(bytes.equals(Buffer.alloc(200_000, 7))).toBe(true);
    await expect(openFile(path("pipe"))).rejects.toThrow("expected a file, got a named pipe");
  });
});
