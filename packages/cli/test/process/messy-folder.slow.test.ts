/** Folders as they are: odd names, broken files, links in cycles; and a process that watches one while others use its index. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { makeDrawings } from "@chinese-clip/drawings";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { beforeAll, describe, expect, it } from "vitest";
import { DEMO, MAIN, runCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const NAMES = ["line\nend.png", "  spaces .png", "😀🐱.png", "\u05d7\u05ea\u05d5\u05dc\u202e.png", "-rf.png", "=1+1.png", "a\\x41.png"];
let images: Buffer[] = [];

beforeAll(async () => {
  images = (await makeDrawings(12, 3)).map(({ bytes }) => bytes);
});

describe("a messy folder", () => {
  it("is indexed but for what is no image, each said by its reason; its images are found, moved and classified", async () => {
    for (const [i, name] of NAMES.entries()) write(`messy/${name}`, images[i] ?? "");
    const gbk = Buffer.concat([Buffer.from(path("messy/")), Buffer.from([0xc3, 0xa8]), Buffer.from([0xb9, 0xb7]), Buffer.from(".png")]);
    writeFileSync(gbk, images[8] ?? "");
    write("messy/empty.png");
    write("messy/torn.png", (images[9] ?? Buffer.alloc(0)).subarray(0, 60));
    mkdirSync(path("messy/folder.png/inner"), { recursive: true });
    symlinkSync(path("messy"), path("messy/folder.png/inner/cycle"));
    symlinkSync("gone.png", path("messy/dangling.png"));
    execFileSync("mkfifo", [path("messy/pipe.png")]);

    const index = path("messy/.index");
    const made = await runCli(["index", path("messy"), "--index", index, "--model", DEMO, "--json"]);
    const summary = JSON.parse(made.stdout) as { images: number; counts: Record<string, number> };
    expect([made.code, summary.images, summary.counts["added"], summary.counts["failed"]]).toEqual([1, 8, 8, 2]);

    const found = await runCli(["search", "--index", index, "--query", "猫", "--top", "100", "--json"]);
    const paths = (JSON.parse(found.stdout) as { results: { path: string }[] }).results.map((hit) => hit.path);
    expect(paths.toSorted()).toEqual([...NAMES.map((name) => path(`messy/${name}`)), path("messy/è\\xb9\\xb7.png")].toSorted());
    const table = await runCli(["search", "--index", index, "--query", "猫", "--top", "100"]);
    expect(table.stdout.trimEnd().split("\n")).toHaveLength(9); // a line each, whatever their names
    expect(table.stdout).toContain("\\u202e.png");

    const sorted = await runCli(["classify", "--index", index, "--labels", "猫,狗", "--copy-to", path("sorted")]);
    expect([sorted.code, sorted.stderr]).toEqual([0, expect.stringContaining("8 images copied")]);
    const moved = await runCli(["search", "--index", index, "--query", "猫", "--top", "100", "--move-to", path("moved")]);
    expect([moved.code, moved.stderr]).toEqual([0, expect.stringContaining("8 images moved")]);
    expect(readdirSync(path("moved"), { encoding: "buffer" })).toHaveLength(8);
    for (const [i, name] of NAMES.entries()) expect(readFileSync(path(`moved/${name}`)).equals(images[i] ?? Buffer.alloc(0))).toBe(true);
    const empty = await runCli(["search", "--index", index, "--query", "猫"]);
    expect([empty.code, empty.stdout]).toEqual([0, "no images match\n"]);
  }, 60_000);
});

describe.runIf(process.platform === "linux")("what is no file", () => {
  it.each([
    ["a named pipe", () => path("a-pipe"), "got a named pipe"],
    ["a device without an end", () => "/dev/zero", "expected"],
  ])("F4 %s ends no command in waiting", async (_, place, message) => {
    const file = place();
    if (file.startsWith(path("."))) execFileSync("mkfifo", [file]);
    const image = write("image.png", images[0] ?? "");
    const output = path("features.jsonl");
    for (const args of [
      ["classify", file, "--labels", "猫,狗"],
      ["classify", image, "--labels", file],
      ["classify", image, "--labels", "猫,狗", "--templates", file],
      ["embed", "--texts", file, "--output", output],
    ]) {
      const { code, stderr } = await runCli([...args, "--model", DEMO]);
      expect([args, code, stderr]).toEqual([args, 1, expect.stringContaining(message)]);
    }
    expect(existsSync(output)).toBe(false);
  });

  it("a pipe of the shell is read", async () => {
    const image = write("piped.png", images[0] ?? "");
    const command = `"${process.execPath}" "${MAIN}" classify "${image}" --model "${DEMO}" --labels <(sleep 0.2; printf '猫\\n狗\\n') --json`;
    const stdout = execFileSync("bash", ["-c", command], { encoding: "utf8" });
    expect(stdout).toMatch(/"label":"[猫狗]"/u);
  });
});

describe("a process that watches", () => {
  it("follows changes beside readers, keeps other writers out, and ends with 130", async () => {
    for (let i = 0; i < 3; i++) write(`watched/${i}.png`, images[i] ?? "");
    const index = path("watched-index");
    const child = spawn(process.execPath, [MAIN, "index", path("watched"), "--index", index, "--model", DEMO, "--watch", "--json"], {
      env: { ...process.env, LC_ALL: "C.UTF-8" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = once(child, "close") as Promise<[number | null]>;
    const summaries = async (count: number): Promise<{ images: number }> => {
      while (stdout.split("\n").length <= count) {
        if (child.exitCode !== null) throw new Error(`it ended: ${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return JSON.parse(stdout.split("\n")[count - 1] ?? "") as { images: number };
    };
    try {
      expect((await summaries(1)).images).toBe(3);
      const second = await runCli(["index", "--index", index]);
      expect([second.code, second.stderr]).toEqual([1, expect.stringContaining(`process ${child.pid} writes here`)]);
      const move = await runCli(["dedupe", "--index", index, "--move-to", path("trash")]);
      expect([move.code, move.stderr]).toEqual([1, expect.stringContaining(`process ${child.pid} writes here`)]);
      write("watched/3.png", images[3] ?? "");
      expect((await summaries(2)).images).toBe(4);
      const found = await runCli(["search", "--index", index, "--query", "猫", "--json"]);
      expect((JSON.parse(found.stdout) as { results: unknown[] }).results).toHaveLength(4);
    } finally {
      child.kill("SIGINT");
    }
    expect(await ended).toEqual([130, null]);
    expect(existsSync(path("trash"))).toBe(false);
  }, 60_000);

  it("interrupted while it embeds, has what was done, and the next run does the rest", async () => {
    for (let i = 0; i < 300; i++)
      write(`many/${i}.png`, Buffer.concat([images[i % 12] ?? "", Buffer.from(`trailer ${i}`)].map((part) => Buffer.from(part))));
    const index = path("many-index");
    const child = spawn(process.execPath, [MAIN, "index", path("many"), "--index", index, "--model", DEMO], { stdio: "ignore" });
    const ended = once(child, "close") as Promise<[number | null]>;
    // Some items are written: the log has a line.
    const isWriting = (): boolean =>
      existsSync(index) && readdirSync(index).some((name) => name.startsWith("vectors.") && readFileSync(`${index}/${name}`).length > 4096);
    while (!isWriting() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGINT");
    const [code] = await ended;
    expect(code).toBe(130);
    const rest = await runCli(["index", "--index", index, "--json"]);
    const { images: count, embedded } = JSON.parse(rest.stdout) as { images: number; embedded: number };
    expect([rest.code, count]).toEqual([0, 300]);
    expect(embedded).toBeLessThan(300);
  }, 60_000);
});
