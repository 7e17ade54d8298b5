import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChineseCLIP } from "@chinese-clip/node";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path, write } = scratchFolder();
const classify = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
  runCli(["classify", "--model", DEMO, ...args], env);
const classifyInput = (args: readonly string[], input: string): Promise<Ended> =>
  spawnCli(["classify", "--model", DEMO, ...args], {}, input);
const linesOf = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("classify", () => {
  it("gives what the library gives", async () => {
    const image = join(PICTURES, "01.png");
    const { code, stdout, stderr } = await classify([
      image,
      "--labels",
      "圆形,正方形，三角形",
      "--template",
      "一个{}",
      "--top",
      "3",
      "--json",
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    await using clip = await ChineseCLIP.fromPretrained(DEMO);
    const expected = await clip.classify(image, ["圆形", "正方形", "三角形"], { template: "一个{}" });
    const [line] = linesOf(stdout) as unknown as {
      file: string;
      label: string;
      best: { label: string; probability: number; similarity: number }[];
    }[];
    expect(line).toMatchObject({ file: image, label: "圆形", none: null });
    expect(line?.best.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    for (const [i, { score, similarity }] of expected.entries()) {
      expect(line?.best[i]?.probability).toBeCloseTo(score, 4);
      expect(line?.best[i]?.similarity).toBeCloseTo(similarity, 5);
    }
  });

  it("takes folders, files of labels, several templates and another number format", async () => {
    const labels = write("labels.txt", "\uFEFF# shapes\n圆形\r\n\n正方形\n三角形\n星星\n");
    const { code, stdout } = await classify([
      PICTURES,
      "--labels",
      labels,
      "--templates",
      "general",
      "--dtype",
      "q8",
      "--json",
      "--cache-dir",
      path("cache"),
    ]);
    expect(code).toBe(0);
    const lines = linesOf(stdout);
    expect(lines.map(({ file }) => file)).toEqual(
      Array.from({ length: 48 }, (_, i) => expect.stringContaining(`${String(i + 1).padStart(2, "0")}.`)),
    );
    expect(lines.slice(0, 4).map(({ label }) => label)).toEqual(["圆形", "正方形", "三角形", "星星"]);
  });

  it("says none of these where a negative label is best, or no cosine reaches the threshold", async () => {
    const images = ["01.png", "03.png"].map((name) => join(PICTURES, name));
    const args = ["--labels", "圆形,正方形", "--none", "三角形、房子"];
    const negative = linesOf((await classify([...images, ...args, "--json"])).stdout);
    expect(negative).toMatchObject([
      { label: "圆形", none: null },
      { label: null, none: "negative", best: [], closest: { label: "三角形" } },
    ]);
    const high = linesOf((await classify([images[0] ?? "", ...args, "--threshold", "0.99", "--json"])).stdout);
    expect(high).toMatchObject([{ label: null, none: "threshold", best: [], closest: { label: "圆形" } }]);
    const { stdout } = await classify([...images, ...args], { LC_ALL: "zh_CN.UTF-8" });
    expect(stdout).toMatch(
      /^图片 +标签 +概率 +余弦\n.*01\.png {2}圆形 +\d+\.\d% +0\.\d{3}\n.*03\.png {2}（以上都不是） +\d+\.\d% +0\.\d{3} {2}三角形\n$/,
    );
  });

  it("reads a list on stdin, goes on past unreadable images, and then ends with 1", async () => {
    const broken = write("broken.png", "no image");
    const list = [join(PICTURES, "01.png"), broken, path("not-there.jpg"), join(PICTURES, "02.jpg"), ""].join("\r\n");
    const { code, stdout, stderr } = await classifyInput(["-", "--labels", "圆形,正方形"], list);
    expect(code).toBe(1);
    expect(stdout.split("\n").filter((line) => line.includes(PICTURES)).length).toBe(2);
    expect(stderr).toContain(`skipped: ${broken}: `);
    expect(stderr).toContain("not-there.jpg");
    expect(stderr).toContain("2 of 4 images could not be read; replace or remove them");
    expect(stderr).not.toMatch(/^\s+at /m);
    const json = await classifyInput(["--labels", "圆形,正方形", "--json"], list);
    expect(linesOf(json.stdout).map((line) => "error" in line)).toEqual([false, true, true, false]);
  });

  it("prints no empty table where no image can be read", async () => {
    const { code, stdout, stderr } = await classify([write("no-image.jpg", "nothing"), "--labels", "猫,狗"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("1 of 1 image could not be read");
  });

  it("shows its help in both languages", async () => {
    const en = await runCli(["classify", "--help"]);
    expect(en.code).toBe(0);
    expect(en.stdout).toContain("chinese-clip classify photos --model");
    expect((await runCli(["classify", "--help"], { LC_ALL: "zh_CN.UTF-8" })).stdout).toContain("反面标签");
  });
});

describe("what cannot be classified", () => {
  const image = join(PICTURES, "01.png");
  it.each([
    ["an empty folder", () => (mkdirSync(path("empty")), [path("empty"), "--labels", "猫"]), "empty: no images in it"],
    ["a missing label file", () => [image, "--labels", path("no.txt")], "no.txt: no such file; check the path"],
    ["an empty label file", () => [image, "--labels", write("none.txt", "\n#\n")], "none.txt: no labels in it; write one per line"],
    ["a label file that is no text", () => [image, "--labels", join(PICTURES, "01.png")], "01.png: expected UTF-8 text"],
    ["a missing label file without an extension", () => [image, "--labels", path("no-labels")], "no-labels: no such file; check the path"],
    [
      "other JSON as labels",
      () => [image, "--labels", write("map.json", '{"0": "猫"}')],
      "map.json: expected one label a line, or a JSON array",
    ],
    ["only commas", () => [image, "--labels", ",，"], "no labels in it"],
    ["no such templates", () => [image, "--labels", "猫", "--templates", "fodo"], "fodo: no such file; give a file, or one of the sets"],
    ["no such model", () => [image, "--labels", "猫", "--model", "./no-model"], "expected a folder with config.json and weights"],
    ["no such device", () => [image, "--labels", "猫", "--device", "tpu"], "expected a device that ONNX Runtime's build"],
  ])("%s: exit code 1", async (_name, args, message) => {
    const { code, stdout, stderr } = await classify(args());
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("an empty list: exit code 1", async () => {
    const { code, stdout, stderr } = await classifyInput(["-", "--labels", "猫"], "");
    expect(stderr).toContain("stdin: no paths in it; write one image's path a line");
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it.each([
    [["--lables", "猫"], "Unknown option '--lables'"],
    [["--labels", "猫", "--dtype", "int8"], "--dtype: expected one of fp32, fp16, q8, q4, got int8"],
    [["--labels", "猫", "--threshold", "30%"], "--threshold: expected a cosine between -1 and 1, got 30%"],
    [["--labels", "猫", "--top", "0"], "--top: expected an integer of at least 1, got 0"],
    [["--labels", "猫", "--threads", "many"], "--threads: expected an integer"],
    [["--labels", "猫", "--template", "照片"], "--template: expected {} where the label goes, got 照片"],
    [["--labels", "猫", "--template", "{}", "--templates", "food"], "give --template or --templates, not both"],
    [["--labels", "猫,狗", "--none", "狗"], "--none: expected other labels than those of --labels, got 狗 in both"],
    [["--labels", "猫", "--endpoint", "mirror"], "--endpoint: expected an address that begins with http:// or https://, got mirror"],
    [[], "--labels is needed"],
  ])("%j is a command line that cannot be followed: exit code 2", async (args, message) => {
    const { code, stderr } = await classify([image, ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
