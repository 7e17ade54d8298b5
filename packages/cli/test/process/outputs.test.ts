/** Outputs that are no files, or not the caller's to replace; and a standard output that takes nothing. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, openSync, readFileSync } from "node:fs";
import { makeDrawings } from "@chinese-clip/drawings";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { beforeAll, describe, expect, it } from "vitest";
import { DEMO, MAIN, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();
let image = "";
let bytes: Buffer = Buffer.alloc(0);

beforeAll(async () => {
  bytes = (await makeDrawings(1, 3))[0]?.bytes ?? bytes;
  image = write("photos/cat.png", bytes);
});

const classify = (...args: readonly string[]): ReturnType<typeof runCli> =>
  runCli(["classify", image, "--labels", "猫,狗", "--model", DEMO, ...args]);

describe.skipIf(process.platform === "win32")("an output that is no file", () => {
  it("a table goes into standard output, and into a pipe that somebody reads", async () => {
    const { code, stdout } = await spawnCli(["classify", image, "--labels", "猫,狗", "--model", DEMO, "--csv", "/dev/stdout"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("path,label,probability,cosine")]);
    const pipe = path("pipe");
    execFileSync("mkfifo", [pipe]);
    const alone = await classify("--csv", pipe);
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining(`${pipe}: cannot be written (ENXIO`)]);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    const convert = await runCli(["convert", "--model", DEMO, "--output", pipe]);
    expect([convert.code, lstatSync(pipe).isFIFO()]).toEqual([1, true]);
  });

  it.runIf(existsSync("/dev/full"))("a standard output that is full is an error, not a crash", async () => {
    for (const args of [["--help"], ["info", DEMO], ["info", DEMO, "--json"]]) {
      const child = spawn(process.execPath, [MAIN, ...args], {
        env: { ...process.env, LC_ALL: "C.UTF-8" },
        stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
      });
      let stderr = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      const [code] = (await once(child, "close")) as [number];
      expect([code, stderr]).toEqual([1, "error: standard output: cannot be written (ENOSPC)\n"]);
    }
  });
});

it("an image is not replaced by a table that was given its name", async () => {
  const { code, stderr } = await classify("--csv", image);
  expect([code, stderr]).toEqual([1, expect.stringContaining(`${image}: cannot be written (EEXIST: it is there, and is no text file)`)]);
  expect(readFileSync(image).equals(bytes)).toBe(true);
});

it("an empty value, such as a variable's that is not set, is a usage error", async () => {
  for (const option of ["--csv", "--copy-to", "--index", "--labels"]) {
    const { code, stderr } = await classify(option, "");
    expect([code, stderr]).toEqual([2, `error: ${option}: expected a value, got an empty one\n`]);
  }
});

it.skipIf(process.platform === "win32")("a named pipe is no name of a hub's model", async () => {
  execFileSync("mkfifo", [path("photos/pipe")]);
  const child = spawn(process.execPath, [MAIN, "info", "photos/pipe"], {
    cwd: path("."),
    env: { ...process.env, LC_ALL: "C.UTF-8", HF_ENDPOINT: "http://127.0.0.1:9" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number];
  expect([code, stderr]).toEqual([1, expect.stringContaining("expected a folder with config.json and weights")]);
});
