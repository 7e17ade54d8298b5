import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { makeDrawings } from "@chinese-clip/drawings";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const things: string[] = [];

beforeAll(async () => {
  mkdirSync(path("images"));
  for (const [i, { bytes, scene }] of (await makeDrawings(48, 5)).entries()) {
    writeFileSync(path(`images/${String(i).padStart(2, "0")}.png`), bytes);
    things.push(scene.thing);
  }
  await runCli(["embed", "--model", DEMO, "--images", path("images"), "--output", path("f.jsonl")]);
  await runCli(["embed", "--model", DEMO, "--images", path("images"), "--output", path("f")]);
}, 60_000);

const search = (args: readonly string[], env?: Readonly<Record<string, string>>, run = runCli): Promise<Ended> =>
  run(["search", "--model", DEMO, ...args], env);

interface Results {
  results: { rank: number; score: number; path: string }[];
}

describe("a search", () => {
  it("finds the same in a folder, in jsonl and in .npy", async () => {
    const args = ["--query", things[3] ?? "", "--top", "5", "--json"];
    const npy = path("f/img_emb/img_emb_0.npy");
    const found: Results["results"][] = [];
    for (const source of [path("images"), path("f.jsonl"), npy]) {
      const { code, stdout } = await search([...args, "--in", source], {}, spawnCli);
      expect(code).toBe(0);
      found.push((JSON.parse(stdout) as Results).results);
    }
    expect(found[0]?.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
    expect(things[Number(/(\d+)\.png$/.exec(found[0]?.[0]?.path ?? "")?.[1])]).toBe(things[3]);
    for (const other of found.slice(1)) {
      expect(other.map((hit) => hit.path)).toEqual(found[0]?.map((hit) => hit.path));
      for (const [i, hit] of other.entries()) expect(hit.score).toBeCloseTo(found[0]?.[i]?.score ?? 0, 5);
    }
  });

  it("by an image finds the image first; with a negative it goes down", async () => {
    const image = path("images/07.png");
    const { stdout } = await search(["--in", path("f.jsonl"), "--query", `@${image}`, "--paths-only", "--top", "3"]);
    expect(stdout.split("\n")[0]).toBe(image);
    const minus = await search([
      "--in",
      path("f.jsonl"),
      "--query",
      `2:${things[3] ?? ""} - @${path("images/03.png")}`,
      "--top",
      "48",
      "--json",
    ]);
    const plain = await search(["--in", path("f.jsonl"), "--query", things[3] ?? "", "--top", "48", "--json"]);
    const rankOf = (text: string): number =>
      (JSON.parse(text) as Results).results.find((hit) => hit.path === path("images/03.png"))?.rank ?? 0;
    expect(rankOf(minus.stdout)).toBeGreaterThan(rankOf(plain.stdout));
  });

  it("writes a page that stands alone, and a table in Chinese", async () => {
    const { code, stdout } = await search(["--in", path("f.jsonl"), "--query", "<猫>", "--top", "4", "--html", path("page.html")], {
      LC_ALL: "zh_CN.UTF-8",
    });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^图片 +得分\n(\S+\.png +-?\d\.\d{4}\n){4}$/)]);
    const page = readFileSync(path("page.html"), "utf8");
    expect(page.match(/<img alt="" src="data:image\/png;base64,/g)).toHaveLength(4);
    expect(page).toContain("<h1>&#60;猫&#62;</h1>");
  });

  it("F7 takes several sources, among them a folder that embed wrote", async () => {
    const args = ["--query", things[3] ?? "", "--top", "100", "--json"];
    const pathsOf = async (...sources: string[]): Promise<string[]> => {
      const { code, stdout, stderr } = await search([...args, ...sources.flatMap((source) => ["--in", source])]);
      expect([code, stderr]).toEqual([0, ""]);
      return (JSON.parse(stdout) as Results).results.map((hit) => hit.path);
    };
    write("more/one.png", readFileSync(path("images/03.png")));
    const embedded = await pathsOf(path("f"));
    expect(embedded).toHaveLength(48);
    expect(embedded).toEqual(await pathsOf(path("f/img_emb/img_emb_0.npy")));
    const both = await pathsOf(path("f"), path("more"));
    expect(both).toHaveLength(49);
    expect(both.toSorted()).toEqual([...embedded, path("more/one.png")].toSorted());
    expect(Math.abs(both.indexOf(path("more/one.png")) - both.indexOf(path("images/03.png")))).toBeLessThan(2);
  });
});

it("goes on past unreadable images of a folder, and then ends with 1", async () => {
  write("mixed/a.png", readFileSync(path("images/00.png")));
  write("mixed/b.png", "no image");
  const { code, stdout, stderr } = await search(["--in", path("mixed"), "--query", "猫", "--paths-only"]);
  expect([code, stdout]).toEqual([1, `${path("mixed/a.png")}\n`]);
  expect(stderr).toMatch(/^skipped: \S+b\.png: expected a PNG/);
});

describe("what cannot be searched", () => {
  it.each<[string, () => string[], number, string]>([
    ["a missing source", () => ["--in", path("no.npy"), "--query", "猫"], 1, "no.npy: no such file; check the path"],
    ["an empty folder", () => (mkdirSync(path("empty")), ["--in", path("empty"), "--query", "猫"]), 1, "empty: no images in it"],
    [
      "features of another model",
      () => ["--in", write("o.jsonl", '{"image_id": 1, "feature": [1, 2]}\n'), "--query", "猫"],
      1,
      "o.jsonl, line 1: its features have 2 values",
    ],
    ["a bad line", () => ["--in", write("b.jsonl", "{\n"), "--query", "猫"], 1, "b.jsonl, line 1: expected a JSON object"],
    ["no array", () => ["--in", write("b.npy", "no array"), "--query", "猫"], 1, "b.npy: expected a .npy of float32 rows"],
    ["no such model", () => ["--in", path("f.jsonl"), "--query", "猫", "--model", "./no-model"], 1, "expected a folder with config.json"],
    [
      "only unreadable images",
      () => (write("bad/a.png", "no"), ["--in", path("bad"), "--query", "猫"]),
      1,
      "none of its images can be read",
    ],
    [
      "a query's image that is none",
      () => ["--in", path("f.jsonl"), "--query", `@${write("none.png", "no image")}`],
      1,
      "none.png: cannot be read as the query's image",
    ],
    ["a file that is empty", () => ["--in", write("e.jsonl", ""), "--query", "猫"], 1, "e.jsonl: no features in it"],
    ["another kind of file", () => ["--in", write("b.txt", ""), "--query", "猫"], 2, "--in: expected a folder, or features"],
    [
      "a query's image that is missing",
      () => ["--in", path("f.jsonl"), "--query", "@no.png"],
      1,
      "no.png: cannot be read as the query's image",
    ],
    ["parts that cancel out", () => ["--in", path("f.jsonl"), "--query", "猫 - 猫"], 2, "query: its parts cancel out"],
    ["a bad number", () => ["--in", path("f.jsonl"), "--query", "猫", "--top", "0"], 2, "--top: expected a number from 1"],
    ["no query", () => ["--in", path("f.jsonl")], 2, "--query is needed"],
    ["an unknown option", () => ["--k", "3"], 2, "Unknown option '--k'"],
  ])("%s", async (_, args, code, message) => {
    const ended = await search(args());
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
    expect([ended.stdout, ended.stderr]).toEqual(["", expect.not.stringMatching(/^\s+at /m)]);
  });
});
