import { execFileSync, spawn } from "node:child_process";
import { lstat, readFile, symlink } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { writeWhole } from "../../src/index.js";

const scratch = scratchFolder();
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d]);

describe("a result file", () => {
  it("replaces a text, in whatever encoding, and no image", async () => {
    const table = scratch.write("table.csv", Buffer.from([0xd5, 0xd5, 0xc6, 0xac, 0x0a]));
    await writeWhole(table, ["猫\n"]);
    expect(await readFile(table, "utf8")).toBe("猫\n");
    const image = scratch.write("cat.png", PNG);
    await expect(writeWhole(image, ["猫\n"])).rejects.toMatchObject({ code: "not-writable", details: { path: image, errno: "EEXIST" } });
    expect(await readFile(image)).toEqual(PNG);
  });

  it.skipIf(process.platform === "win32")("goes into a pipe that somebody reads, and into a device, which stay", async () => {
    const pipe = scratch.path("pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(writeWhole(pipe, ["猫\n"])).rejects.toMatchObject({ code: "not-writable", details: { errno: "ENXIO" } });
    const reader = spawn("cat", [pipe], { stdio: ["ignore", "pipe", "ignore"] });
    const long = "猫".repeat(100_000);
    let read = "";
    reader.stdout.setEncoding("utf8").on("data", (text: string) => (read += text));
    const ended = new Promise((resolve) => reader.on("close", resolve));
    for (let isWritten = false; !isWritten;) {
      isWritten = await writeWhole(pipe, [long]).then(
        () => true,
        () => false, // cat has not opened it yet
      );
    }
    await ended;
    expect(read).toBe(long);
    const device = scratch.path("null");
    await symlink("/dev/null", device);
    await writeWhole(device, ["猫\n"]);
    expect([(await lstat(pipe)).isFIFO(), (await lstat(device)).isSymbolicLink()]).toEqual([true, true]);
  });
});
