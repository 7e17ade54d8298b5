/** F6, F8: a folder of images that changes, indexed, searched and sorted. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { makeDrawings } from "@chinese-clip/drawings";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../src/command.js";
import { COMMANDS } from "../../src/commands.js";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const INDEX = path("index");
const things: string[] = [];
const images: Buffer[] = [];
const nameOf = (i: number): string => `${String(i).padStart(2, "0")}.png`;
const cli = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  runCli(args, { CHINESE_CLIP_INDEX: INDEX, CHINESE_CLIP_MODEL: "", ...env });

/** Another model: the first number of each tensor changes. */
function changeWeights(file: string): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, { data_offsets?: [number, number] }>;
  for (const { data_offsets: offsets } of Object.values(header)) {
    if (offsets === undefined) continue;
    const at = 8 + length + offsets[0];
    bytes.writeFloatLE(bytes.readFloatLE(at) + 0.25, at);
  }
  writeFileSync(file, bytes);
}

interface Summary {
  readonly images: number;
  readonly embedded: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}
interface Results {
  readonly results: readonly { readonly path: string; readonly score: number; readonly meta: Readonly<Record<string, unknown>> }[];
}
const parsed = ({ stdout }: Ended): unknown => JSON.parse(stdout);
const update = async (...args: string[]): Promise<Summary> => parsed(await cli(["index", "--json", ...args])) as Summary;
const search = async (...args: string[]): Promise<Results["results"]> => {
  const ended = await cli(["search", "--json", ...args]);
  expect(ended.stderr).toBe("");
  return (parsed(ended) as Results).results;
};

beforeAll(async () => {
  for (const { bytes, scene } of await makeDrawings(30, 5)) {
    things.push(scene.thing);
    images.push(bytes);
  }
  for (let i = 0; i < 20; i++) write(`photos/${nameOf(i)}`, images[i] ?? "");
  write("photos/broken.png", "no image");
  write("photos/notes.txt", "notes");
  const ended = await spawnCli(["index", path("photos"), "--model", DEMO], { CHINESE_CLIP_INDEX: INDEX, CHINESE_CLIP_MODEL: "" });
  expect([ended.code, ended.stdout]).toEqual([
    1,
    expect.stringMatching(
      /^20 images in the index: 20 added, 1 unreadable \(21 embedded in 00:\d\d\)\nunreadable images by reason: 1 unknown-format\n$/,
    ),
  ]);
  expect(ended.stderr).toMatch(/skipped: broken\.png: expected a PNG/);
  expect(ended.stderr).toMatch(/skipped 1 other file: 1 \.txt\n/);
}, 60_000);

describe("an index", () => {
  it("F6 takes what changed since, and embeds nothing else", async () => {
    for (let i = 20; i < 24; i++) write(`photos/new/${nameOf(i)}`, images[i] ?? "");
    unlinkSync(path(`photos/${nameOf(1)}`));
    renameSync(path(`photos/${nameOf(2)}`), path("photos/new/moved.png"));
    writeFileSync(path(`photos/${nameOf(3)}`), images[24] ?? "");
    expect(await update()).toMatchObject({ images: 23, embedded: 5, counts: { added: 4, changed: 1, moved: 1, removed: 1 } });
    expect(await update()).toMatchObject({ images: 23, embedded: 0, counts: { added: 0, unchanged: 24 } });
  });

  it("is in Chinese, too", async () => {
    const { stdout } = await cli(["index"], { LC_ALL: "zh_CN.UTF-8" });
    expect(stdout).toMatch(/^索引中有 23 张图片：未变 24（提取 0 张，用时 \d\d:\d\d）\n无法读取的图片，按原因：1 unknown-format\n$/);
  });

  it("rejects another model and another dtype, by name", async () => {
    cpSync(DEMO, path("other"), { recursive: true });
    expect((await search("--query", "猫", "--model", path("other"), "--top", "1")).length).toBe(1); // the same weights in another folder
    changeWeights(path("other/model.safetensors"));
    const other = await cli(["search", "--query", "猫", "--model", path("other")]);
    expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/created with model .*demo-checkpoint, and .*other is another/)]);
    const dtype = await cli(["index", "--dtype", "q8"]);
    expect([dtype.code, dtype.stderr]).toEqual([1, expect.stringContaining("created with dtype fp32; this run uses dtype q8")]);
    const decode = await cli(["index", "--decode", "fast"]);
    expect([decode.code, decode.stderr]).toEqual([1, expect.stringContaining("created with decode exact; this run uses decode fast")]);
    const word = await cli(["index", "--decode", "quick"]);
    expect([word.code, word.stderr]).toEqual([2, expect.stringContaining("--decode: expected exact or fast, got quick")]);
  });

  it("says which one is missing", async () => {
    for (const args of [
      ["search", "--query", "猫"],
      ["similar", "a.png"],
      ["dedupe"],
      ["index"],
      ["classify", "--labels", "猫", "--index", path("none")],
    ]) {
      const { code, stderr } = await cli(args, { CHINESE_CLIP_INDEX: path("none") });
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${path("none")}: no image index in this folder`)]);
    }
    expect(existsSync(path("none"))).toBe(false);
  });
});

describe("a search in an index", () => {
  it("finds by text, by image, by both, with filters and cuts", async () => {
    const all = await search("--query", things[10] ?? "", "--top", "100");
    expect(all).toHaveLength(23);
    expect(things[Number(/(\d+)\.png$/.exec(all[0]?.path ?? "")?.[1])]).toBe(things[10]);
    expect((await search("--query", `@${path(`photos/${nameOf(7)}`)}`, "--top", "1"))[0]?.path).toBe(path(`photos/${nameOf(7)}`));
    const fresh = await search("--query", things[10] ?? "", "--filter", "path=new/*", "--filter", "size>1", "--top", "100");
    expect(fresh.map((hit) => hit.path).toSorted()).toEqual(
      [20, 21, 22, 23].map((i) => path(`photos/new/${nameOf(i)}`)).concat(path("photos/new/moved.png")),
    );
    const [best, bound] = [all[0]?.score ?? 0, all[4]?.score ?? 0];
    expect(await search("--query", things[10] ?? "", "--top", "100", "--min-score", String(bound))).toHaveLength(5);
    expect(await search("--query", things[10] ?? "", "--top", "100", "--relative-score", String((bound - 1e-9) / best))).toHaveLength(5);
    const none = await cli(["search", "--query", "猫", "--min-score", "1"]);
    expect([none.code, none.stdout]).toEqual([0, "no images match\n"]);
  });

  it("F8 writes a table that spreadsheets read as it is, and a page", async () => {
    write("photos/=cmd,'\"x.png", images[25] ?? "");
    await update();
    const { code } = await cli(["search", "--query", "猫", "--top", "100", "--csv", path("found.csv"), "--html", path("found.html")]);
    expect(code).toBe(0);
    const table = readFileSync(path("found.csv"), "utf8");
    expect(table.startsWith("\ufeffrank,score,path,takenAt,camera,width,height,size,latitude,longitude\r\n1,0.")).toBe(true);
    expect(table).toContain(`"${path('photos/=cmd,\'""x.png')}"`);
    expect(readFileSync(path("found.html"), "utf8").match(/<img alt="" src="data:image\/webp;base64,/g)).toHaveLength(24);
    unlinkSync(path("photos/=cmd,'\"x.png"));
    await update();
  });

  it("F8 copies and moves without overwriting, and the index knows", async () => {
    write("out/00.png", "mine");
    const query = ["--query", `@${path(`photos/${nameOf(0)}`)}`, "--top", "2"];
    const found = (await search(...query)).map((hit) => hit.path);
    expect(found[0]).toBe(path(`photos/${nameOf(0)}`));
    const planned = await cli(["search", ...query, "--copy-to", path("out"), "--dry-run"]);
    expect([planned.stderr, readdirSync(path("out"))]).toEqual([expect.stringContaining("2 images would be copied"), ["00.png"]]);
    const copied = await cli(["search", ...query, "--copy-to", path("out"), "--json"]);
    expect((parsed(copied) as { copied: { to: string }[] }).copied[0]?.to).toBe(path("out/00 (2).png"));
    expect(readFileSync(path("out/00.png"), "utf8")).toBe("mine");
    expect(found.every((file) => existsSync(file))).toBe(true);

    const moved = await cli(["search", ...query, "--move-to", path("photos/best")]);
    expect([moved.code, moved.stderr]).toEqual([0, `2 images moved → ${path("photos/best")}\n`]);
    expect((await search("--query", `@${path("photos/best/00.png")}`, "--top", "1"))[0]).toMatchObject({
      path: path("photos/best/00.png"),
      meta: { path: "best/00.png" },
    });
    expect(await update()).toMatchObject({ embedded: 0, counts: { moved: 0, added: 0, removed: 0 } });
  });

  it("similar needs no model for an image of the index, and leaves it out", async () => {
    const file = path(`photos/${nameOf(9)}`);
    const { code, stdout } = await spawnCli(["similar", file, "--top", "3", "--json"], {
      CHINESE_CLIP_INDEX: INDEX,
      HOME: path("nowhere"),
    });
    const { results } = JSON.parse(stdout) as Results;
    expect([code, results.length, results.some((hit) => hit.path === file)]).toEqual([0, 3, false]);
    write("query.png", images[9] ?? "");
    expect((parsed(await cli(["similar", path("query.png"), "--top", "1", "--json"])) as Results).results[0]?.path).toBe(file);
  });
});

describe("classify in an index", () => {
  it("F8 embeds nothing again: the labels are those of the images themselves", async () => {
    const labels = [...new Set(things)].join(",");
    const indexed = await cli(["classify", "--index", INDEX, "--labels", labels, "--json"]);
    const direct = await cli(["classify", path("photos"), "--labels", labels, "--json"], { CHINESE_CLIP_MODEL: DEMO });
    const byFile = (text: string): [string, string][] =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { file: string; label?: string })
        .flatMap(({ file, label }): [string, string][] => (label === undefined ? [] : [[file, label]]))
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(byFile(indexed.stdout)).toEqual(byFile(direct.stdout));
    expect(byFile(indexed.stdout)).toHaveLength(23);
  });

  it("sorts copies into folders that are named safely", async () => {
    const ended = await cli([
      "classify",
      "--index",
      INDEX,
      "--labels",
      "../逃,CON,猫",
      "--csv",
      path("labels.csv"),
      "--copy-to",
      path("sorted"),
    ]);
    expect(ended.stderr).toMatch(/23 images copied → /);
    expect(readdirSync(path("sorted")).every((name) => ["__逃", "_CON", "猫"].includes(name))).toBe(true);
    expect(existsSync(path("逃"))).toBe(false);
    expect(readFileSync(path("labels.csv"), "utf8").split("\r\n")).toHaveLength(25);
  });
});

describe("options that do nothing are rejected", () => {
  it.each([
    [["search", "--query", "猫", "--in", "x", "--index", "y"], "give --in or --index, not both"],
    [["search", "--query", "猫", "--in", "x", "--filter", "path=a"], "give --in or --filter, not both"],
    [["search", "--query", "猫", "--dry-run"], "--dry-run is of use only with --copy-to or --move-to"],
    [["search", "--query", "猫", "--copy-to", "a", "--move-to", "b"], "give --copy-to or --move-to, not both"],
    [["search", "--query", "猫", "--filter", "taken yesterday"], "expected field=value"],
    [["search", "--query", "猫", "--min-score", "2"], "--min-score: expected a number from -1 to 1, got 2"],
    [["dedupe", "--tier", "same"], "--tier: expected one of bytes, image, similar, got same"],
    [["dedupe", "--tier", "bytes", "--similar", "0.9"], "--similar is of use only with the tier similar"],
    [["classify", "photos", "--index", "x", "--labels", "猫"], "give --index or images, not both"],
    [["classify", "photos", "--filter", "path=a", "--labels", "猫"], "--filter is of use only with --index"],
    [["similar"], "expected an image, got nothing"],
  ])("%j", async ([name = "", ...args], message) => {
    const quiet = (): void => {};
    const context = { language: "en", print: quiet, note: quiet, signal: new AbortController().signal } as const;
    const command = COMMANDS.find((one) => one.name === name);
    if (command === undefined) throw new Error(`no command ${name}`);
    await expect(runCommand(command, args, context)).rejects.toThrow(
      expect.objectContaining({ name: "UsageError", message: expect.stringContaining(message) as string }),
    );
  });
});

it("a folder that is gone leaves its items", async () => {
  mkdirSync(path("away"));
  renameSync(path("photos"), path("away/photos"));
  const gone = await cli(["index"]);
  expect([gone.code, gone.stdout + gone.stderr]).toEqual([1, expect.stringContaining(path("photos"))]);
  renameSync(path("away/photos"), path("photos"));
  rmSync(path("away"), { recursive: true });
  expect(await update()).toMatchObject({ images: 23, embedded: 0 });
});
