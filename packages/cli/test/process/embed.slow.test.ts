import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { makeDrawings, type RetrievalFiles, writeRetrieval } from "@chinese-clip/drawings";
import { beforeAll, describe, expect, it } from "vitest";
import { parseNpyHead } from "@chinese-clip/search";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { killAt } from "./kill-at.js";
import { DEMO, type Ended, MAIN, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const PICTURES = 100;
const BROKEN = [17, 20, 21, 70];
let files: RetrievalFiles;

beforeAll(async () => {
  const drawings = await makeDrawings(PICTURES, 7);
  files = await writeRetrieval(drawings, path("data"));
  mkdirSync(path("images/z"), { recursive: true });
  for (const [i, { bytes }] of drawings.entries()) {
    const name = `${i < 50 ? "" : "z/"}${String(i).padStart(3, "0")}.png`;
    writeFileSync(path(`images/${name}`), BROKEN.includes(i) ? "no image" : bytes);
  }
  writeFileSync(path("images/notes.txt"), "not an image, and not named like one");
});

const embed = (args: readonly string[], env?: Readonly<Record<string, string>>, run = runCli): Promise<Ended> =>
  run(["embed", "--model", DEMO, ...args], env);

describe("a source", () => {
  const contents = (folder: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          `${entry.parentPath.slice(folder.length)}/${entry.name}`,
          readFileSync(`${entry.parentPath}/${entry.name}`, "base64"),
        ]),
    );

  it("is embedded shard by shard, by one process or by the jobs of an array, killed or not, to the same bytes", async () => {
    const source = ["--source", `folder:${path("images")}`, "--shard-size", "32"];
    const { code, stdout, stderr } = await embed([...source, "--output", path("shards"), "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ shards: 4, skipped: 0, rows: PICTURES - BROKEN.length, failed: BROKEN.length });
    expect(stderr.split("\n").filter((line) => line.startsWith("skipped: "))).toHaveLength(BROKEN.length);
    const whole = contents(path("shards"));
    expect(Object.keys(whole)).toHaveLength(4 * 3 + 2);

    const jobs = [...source, "--manifest", path("run/manifest.jsonl"), "--output", path("jobs"), "--shard-count", "2"];
    await killAt(["embed", "--model", DEMO, ...jobs, "--shard-index", "1"], path("jobs/img_emb/img_emb_0001.npy"), 1);
    const codes = await Promise.all([0, 1].map((index) => embed([...jobs, "--shard-index", String(index)], {}, spawnCli)));
    expect(codes.map((job) => job.code)).toEqual([1, 0]); // the unreadable ones are in shards 0 and 2
    expect(contents(path("jobs"))).toEqual(whole);
    const again = await embed([...jobs, "--shard-index", "0"]);
    expect(again.stdout).toMatch(/^2 shards \(2 complete before\), \d+ features/u);
  });

  it("with a mistake is rejected before the model is loaded", async () => {
    for (const [args, message] of [
      [["--source", "photos"], "unknown source; expected folder:"],
      [["--source", "folder:x", "--images", "x"], "give --images, --texts or --source"],
      [["--source", `folder:${path("none")}`], "no such folder"],
      [["--source", "folder:x", "--shard-size", "0"], "--shard-size: expected an integer of at least 1"],
    ] as const) {
      const { code, stderr } = await embed([...args, "--output", path("mistake")]);
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
      expect(existsSync(path("mistake"))).toBe(false);
    }
  });
});

describe("images of a folder", () => {
  it("to cn_clip's jsonl, in order, the unreadable ones skipped and remembered", async () => {
    const output = path("whole.jsonl");
    const { code, stdout, stderr } = await embed(["--images", path("images"), "--output", output, "--json"], {}, spawnCli);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ added: PICTURES - BROKEN.length, existing: 0, failed: BROKEN.length });
    expect(stderr.split("\n").filter((line) => line.startsWith("skipped: "))).toHaveLength(BROKEN.length);
    const rows = lines(output);
    expect(rows.map((row) => row["image_id"])).toEqual(Array.from({ length: PICTURES }, (_, i) => i).filter((i) => !BROKEN.includes(i)));
    expect(rows.at(-1)?.["image_path"]).toBe(path("images/z/099.png"));
    expect(lines(`${output}.failed.jsonl`).map((row) => row["id"])).toEqual(BROKEN);

    const again = await embed(["--images", path("images"), "--output", output]);
    expect([again.code, again.stdout]).toEqual([
      1,
      `0 features written, ${PICTURES - BROKEN.length} there before, ${BROKEN.length} unreadable: see ${output}.failed.jsonl; to try them again, delete it and the output\n`,
    ]);
    expect(again.stderr).not.toContain("skipped: ");
    expect(lines(output)).toEqual(rows);
  });

  it("in parts, by option, AWS Batch and Slurm: together what one run writes", async () => {
    const whole = path("one.jsonl");
    await embed(["--images", files.images, "--output", whole]);
    const output = path("parts.jsonl");
    const tell: readonly (readonly [string[], Record<string, string>])[] = [
      [[], { AWS_BATCH_JOB_ARRAY_INDEX: "0", AWS_BATCH_JOB_ARRAY_SIZE: "3" }],
      [["--shard-index", "1", "--shard-count", "3"], { JOB_COMPLETION_INDEX: "2" }],
      [[], { SLURM_ARRAY_TASK_ID: "12", SLURM_ARRAY_TASK_MIN: "10", SLURM_ARRAY_TASK_COUNT: "3" }],
    ];
    for (const [args, env] of tell) expect((await embed(["--images", files.images, "--output", output, ...args], env)).code).toBe(0);
    const ids = [0, 1, 2].flatMap((part) => lines(path(`parts.${part}-of-3.jsonl`)).map((row) => Number(row["image_id"])));
    expect(ids.sort((a, b) => a - b)).toEqual(lines(whole).map((row) => row["image_id"]));
  });
});

it("a list on stdin, and .npy with metadata", async () => {
  const names = readdirSync(path("images/z"))
    .slice(0, 10)
    .map((name) => path(`images/z/${name}`));
  const child = spawn(process.execPath, [MAIN, "embed", "--model", DEMO, "--images", "-", "--output", path("listed")], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.end(names.join("\n"));
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  const bytes = readFileSync(path("listed/img_emb/img_emb_0.npy"));
  const head = parseNpyHead(bytes);
  expect(head?.rows).toBe(10);
  expect(bytes.length).toBe(128 + 10 * 4 * (head?.dim ?? 0));
  expect(lines(path("listed/metadata/metadata_0.jsonl")).map((row) => row["image_path"])).toEqual(names);
});

it("texts, as evaluate retrieval embeds them", async () => {
  expect((await embed(["--texts", files.texts, "--output", path("t.txt_feat.jsonl")])).code).toBe(0);
  expect((await embed(["--images", files.images, "--output", path("i.img_feat.jsonl")])).code).toBe(0);
  const features = ["--image-features", path("i.img_feat.jsonl"), "--text-features", path("t.txt_feat.jsonl")];
  const { code, stdout } = await runCli(["evaluate", "retrieval", "--texts", files.texts, ...features, "--json"]);
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as { results: { r1: number }[] }).results[0]?.r1).toBeGreaterThan(90);
});

describe("what cannot be embedded: a message that says what to do, and an exit code", () => {
  it.each<[string, () => string[], number, string]>([
    ["a missing folder", () => ["--images", path("no"), "--output", path("x.jsonl")], 1, "no: no such file; check the path"],
    [
      "an empty folder",
      () => (mkdirSync(path("empty"), { recursive: true }), ["--images", path("empty"), "--output", path("x.jsonl")]),
      1,
      "empty: no images in it",
    ],
    [
      "a bad line of a tsv",
      () => [
        "--images",
        write("bad.tsv", `${readFileSync(files.images, "utf8").split("\n")[0] ?? ""}\n2\n`),
        "--output",
        path("bad.jsonl"),
      ],
      1,
      "bad.tsv, line 2: expected an id, a tab and the image in base64",
    ],
    ["a missing tsv", () => ["--images", path("no.tsv"), "--output", path("x.jsonl")], 1, "no.tsv: no such file; check the path"],
    ["a missing file of texts", () => ["--texts", path("no.jsonl"), "--output", path("x.jsonl")], 1, "no.jsonl: no such file"],
    ["an empty file of texts", () => ["--texts", write("none.jsonl", ""), "--output", path("x.jsonl")], 1, "none.jsonl: no texts in it"],
    ["an empty tsv", () => ["--images", write("none.tsv", ""), "--output", path("x.jsonl")], 1, "none.tsv: no images in it"],
    [
      "an id of a tsv that is a name",
      () => ["--images", write("names.tsv", "cat\tAAAA\n"), "--output", path("x.jsonl")],
      1,
      "names.tsv, line 1: expected an integer up to 2^53 as id, got cat; number the images",
    ],
    [
      "an id of a tsv twice",
      () => ["--images", write("pair.tsv", "1\tAAAA\n1\tAAAA\n"), "--output", path("x.jsonl")],
      1,
      "pair.tsv, line 2: id 1 is on line 1 already",
    ],
    [
      "no such model",
      () => ["--images", path("images"), "--output", path("x.jsonl"), "--model", "./no-model"],
      1,
      "expected a folder with",
    ],
    ["no such number format", () => ["--images", "a", "--output", "b", "--dtype", "int8"], 2, "--dtype: expected one of"],
    [
      "an id as a string",
      () => ["--texts", write("ids.jsonl", '{"text_id": "a", "text": "猫"}\n'), "--output", path("x.jsonl")],
      1,
      "ids.jsonl, line 1: expected an integer up to 2^53 as text_id",
    ],
    [
      "an id twice",
      () => ["--texts", write("twice.jsonl", '{"text_id": 1, "text": "猫"}\n{"text_id": 1, "text": "狗"}\n'), "--output", path("x.jsonl")],
      1,
      "twice.jsonl, line 2: text_id 1 is on line 1 already",
    ],
    [
      "an output of another model",
      () => ["--images", files.images, "--output", write("other.jsonl", '{"image_id": 1, "feature": [1, 2]}\n')],
      1,
      "other.jsonl: its features have 2 values and the model's",
    ],
    [
      "an output that is something else",
      () => ["--images", files.images, "--output", write("else.jsonl", '{"name": 1}\n')],
      1,
      "else.jsonl: exists and was not written by embed; name another --output",
    ],
    [
      "an output of other inputs",
      () => {
        const row = JSON.stringify({ image_id: 9, feature: lines(path("i.img_feat.jsonl"))[0]?.["feature"] });
        return ["--images", files.images, "--output", write("inputs.jsonl", `${row}\n`)];
      },
      1,
      "they are not those that it was created with",
    ],
    [
      "only unreadable images",
      () => (write("broken/a.png", "no"), ["--images", path("broken"), "--output", path("broken.jsonl")]),
      1,
      "skipped: ",
    ],
    ["no output", () => ["--images", path("images")], 2, "--output is needed"],
    ["no input", () => ["--output", path("x.jsonl")], 2, "give --images, --texts or --source"],
    ["a part without a count", () => ["--images", "a", "--output", "b", "--shard-index", "2"], 2, "Give --shard-count"],
    [
      "a part that is none",
      () => ["--images", "a", "--output", "b", "--shard-index", "2", "--shard-count", "2"],
      2,
      "expected 0 to 1, got 2",
    ],
    ["an unknown option", () => ["--image", "a"], 2, "Unknown option '--image'"],
  ])("%s", async (_, args, code, message) => {
    const ended = await embed(args());
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
  });

  it("in Chinese", async () => {
    const { code, stderr } = await embed(["--images", path("no"), "--output", path("x.jsonl")], { LC_ALL: "zh_CN.UTF-8" });
    expect([code, stderr]).toEqual([1, `错误：${path("no")}：没有这个文件，请检查路径\n`]);
  });
});
