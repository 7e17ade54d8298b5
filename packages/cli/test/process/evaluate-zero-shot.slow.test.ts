import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { makeDrawings, THING_NAMES, writeZeroShot } from "@chinese-clip/drawings";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();

beforeAll(async () => {
  await writeZeroShot(await makeDrawings(120, 32), path("drawings"));
});

const zeroShot = (args: readonly string[], env?: Readonly<Record<string, string>>, run = runCli): Promise<Ended> =>
  run(["evaluate", "zero-shot", "--model", DEMO, ...args], env);

describe("the demo checkpoint", () => {
  it("is as good in int8, whose weights go where they are told", async () => {
    const { code, stdout } = await zeroShot(["--data", path("drawings"), "--dtype", "q8", "--cache-dir", path("cache"), "--json"]);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { top1: number }).top1).toBeGreaterThanOrEqual(0.94);
    expect(existsSync(path("cache/.chinese-clip/towers"))).toBe(true);
  });

  it("is refused in a number format that there is not", async () => {
    const { code, stderr } = await zeroShot(["--data", path("drawings"), "--dtype", "q5"]);
    expect([code, stderr]).toEqual([2, "error: --dtype: expected one of fp32, fp16, q8, q4, got q5\n"]);
  });

  it("labels drawings that it never saw, and writes ELEVATER's file and a page", async () => {
    const { code, stdout, stderr } = await zeroShot(["--data", path("drawings"), "--output", path("out"), "--json"], {}, spawnCli);
    expect([code, stderr]).toEqual([0, ""]);
    const result = JSON.parse(stdout) as {
      top1: number;
      top5: number;
      images: number;
      classes: { label: string }[];
      confusion: number[][];
    };
    expect(result.images).toBe(120);
    expect(result.top1).toBeGreaterThanOrEqual(0.94);
    expect(result.top5).toBeGreaterThanOrEqual(0.98);
    expect(result.classes.map(({ label }) => label)).toEqual(THING_NAMES);
    expect(result.confusion.flat().reduce((a, b) => a + b)).toBe(120);

    const file = JSON.parse(readFileSync(path("out/drawings.json"), "utf8")) as Record<string, unknown> & { predictions: number[][][] };
    expect(Object.keys(file)).toEqual([
      "model_name",
      "dataset_name",
      "num_trainable_params",
      "num_params",
      "num_visual_params",
      "num_backbone_params",
      "n_shot",
      "rnd_seeds",
      "predictions",
    ]);
    expect(file).toMatchObject({
      model_name: "CN-CLIP-demo-checkpoint",
      dataset_name: "drawings",
      num_params: file["num_backbone_params"],
    });
    const rows = file.predictions[0]!;
    expect(rows.length).toBe(120);
    // Five drawings for each of the 24 classes, class by class.
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === Math.floor(i / 5)).length;
    expect(right / 120).toBe(result.top1);
    expect(readFileSync(path("out/drawings.html"), "utf8")).toContain(`<dd>${(100 * result.top1).toFixed(1)}%</dd>`);
    expect(readFileSync(path("out/drawings.confusion.svg"), "utf8")).toMatch(/^<svg [\s\S]*<\/svg>$/);
  });

  it("with one template, rows in the order of an index, and a table in Chinese", async () => {
    const index = write("index.json", JSON.stringify(Array.from({ length: 120 }, (_, i) => 119 - i)));
    const args = ["--data", path("drawings"), "--template", "{}", "--index", index, "--dataset", "图画", "--output", path("turned")];
    const { code, stdout } = await zeroShot(args, { LC_ALL: "zh_CN.UTF-8" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^top-1 +\d+\.\d%\ntop-5 +\d+\.\d%\n各类平均 +\d+\.\d%\n120 张图片，24 个类别，1 个模板\n/);
    const text = readFileSync(path("turned/图画.json"), "utf8");
    expect(text).toContain('"dataset_name": "\\u56fe\\u753b"');
    const rows = (JSON.parse(text) as { predictions: number[][][] }).predictions[0]!;
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === 23 - Math.floor(i / 5)).length;
    expect(right).toBeGreaterThan(110);
  });
});

describe("what cannot be evaluated: a message that says what to do, and exit code 1", () => {
  it.each([
    ["a missing folder", () => ["--data", path("no")], "no: no such folder; check the path"],
    ["an empty folder", () => (mkdirSync(path("empty"), { recursive: true }), ["--data", path("empty")]), "empty: no class folders in it"],
    [
      "a class without images",
      () => {
        write("hollow/test/000/a.png", "");
        mkdirSync(path("hollow/test/001"), { recursive: true });
        return ["--data", path("hollow")];
      },
      "no images for the class 001",
    ],
    ["no such model", () => ["--data", path("drawings"), "--model", "./no-model"], "expected a folder with config.json and weights"],
    ["a missing label file", () => ["--data", path("drawings"), "--labels", path("labels.txt")], "labels.txt: no such file"],
    [
      "too few labels",
      () => ["--data", path("drawings"), "--labels", write("few.txt", "猫\n狗\n")],
      "few.txt: expected 24 labels, one a line for the folders 000, 001,",
    ],
    [
      "an index of another data set",
      () => ["--data", path("drawings"), "--index", write("other.json", "[120]")],
      "other.json: expected row numbers below 120",
    ],
    [
      "no such set of templates",
      () => ["--data", path("drawings"), "--templates", "fodo"],
      "fodo: no such file; give a file, or one of the sets general, photo",
    ],
    [
      "a template without a place",
      () => ["--data", path("drawings"), "--templates", write("t.txt", "{}\n照片\n")],
      "t.txt, line 2: expected {} (or {c}) where the label goes",
    ],
    [
      "unreadable images",
      () => {
        for (const name of ["000/a.png", "000/b.png", "001/c.png"]) write(`broken/test/${name}`, "no image");
        write("broken/label_cn.txt", "猫\n狗\n");
        return ["--data", path("broken"), "--output", path("none")];
      },
      "a.png: cannot be read as an image",
    ],
  ])("%s", async (_name, args, message) => {
    const { code, stdout, stderr } = await zeroShot(args());
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([1, ""]);
    expect(existsSync(path("none"))).toBe(false);
  });

  it.each([
    [["--data", "x", "--template", "照片"], "--template: expected {} where the label goes, got 照片"],
    [["--data", "x", "--template", "{}", "--templates", "food"], "give --template or --templates, not both"],
    [[], "--data is needed"],
    [["--data", "x", "--dataset", "a/b"], "--dataset: expected a name without slashes"],
  ])("%j is a command line that cannot be followed: exit code 2", async (args, message) => {
    const { code, stderr } = await zeroShot(args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
