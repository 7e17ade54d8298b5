/** `few-shot fit` and `evaluate`, and `classify --classifier`, over folders as people have them. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { Random, randomScene, renderImage } from "@chinese-clip/drawings";
import { ChineseCLIP } from "@chinese-clip/node";
import { parseClassifier } from "@chinese-clip/pipeline/classifier";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { beforeAll, describe, expect, it } from "vitest";
import { DEMO, runCli, spawnCli } from "./run-cli.js";

const { path } = scratchFolder();
const NAMES = ["汽车", "月亮", "蘑菇"] as const;
const [KINDS, HELD_OUT] = [path("kinds"), path("held-out")];

async function draw(folder: string, count: number, seed: number): Promise<void> {
  const random = new Random(seed);
  for (const name of NAMES) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++) writeFileSync(join(folder, name, `${i}.png`), await renderImage(randomScene(random, name), random));
  }
}

beforeAll(async () => {
  await draw(KINDS, 6, 3);
  await draw(HELD_OUT, 4, 4);
});

const model = ["--model", DEMO];

describe("few-shot", () => {
  it("fits, measures and classifies; a later run embeds nothing again", async () => {
    const output = path("kinds.json");
    const fitted = await spawnCli(["few-shot", "fit", KINDS, ...model, "--output", output, "--json"]);
    expect(fitted.code).toBe(0);
    expect(JSON.parse(fitted.stdout)).toMatchObject({
      classes: [...NAMES].sort(),
      images: { 汽车: 6, 月亮: 6, 蘑菇: 6 },
      skipped: [],
      unreadable: 0,
      folds: 4,
    });
    const text = readFileSync(output, "utf8");
    expect(parseClassifier(text).head.classes).toEqual([...NAMES].sort());

    const again = await runCli(["few-shot", "fit", KINDS, "--output", output]);
    expect(again.code).toBe(0);
    expect(readFileSync(output, "utf8")).toBe(text);
    expect(again.stdout).toMatch(/accuracy by cross-validation \(4 folds\)/u);
    expect(readdirSync(`${KINDS}.index`)).not.toContain("thumbnails");

    const report = path("report.html");
    const measured = await spawnCli(["few-shot", "evaluate", HELD_OUT, ...model, "--classifier", output, "--html", report], {
      LANG: "zh_CN.UTF-8",
      LC_ALL: "",
    });
    expect(measured.stdout).toMatch(/^准确率 +100\.0%\n各类平均 +100\.0%\n12 张图片，3 个类别/u);
    expect(measured.stdout).toMatch(/月亮 +4 +0 +0\n/u);
    const page = readFileSync(report, "utf8");
    expect(page).toMatch(/<h1>held-out<\/h1><p>少样本分类器 few-shot classifier \([a-z-]+\) · demo-checkpoint<\/p>/u);
    expect(page).toContain("<title>月亮 → 月亮: 4 / 4</title>");
    expect(page).not.toMatch(/<script|https?:(?!\/\/www\.w3\.org\/2000\/svg")|<details/u);

    const labelled = await runCli(["classify", join(HELD_OUT, "月亮"), ...model, "--classifier", output, "--json"]);
    const lines = labelled.stdout.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { label: string }).label)).toEqual(Array(4).fill("月亮"));
    await using clip = await ChineseCLIP.fromPretrained(DEMO, { dtype: "q8" });
    // In another dtype it is the same model.
    const [best] = await clip.classify(join(HELD_OUT, "月亮", "0.png"), parseClassifier(text));
    expect(best?.label).toBe("月亮");
    const rows = await runCli(["classify", "--index", `${KINDS}.index`, "--classifier", output, "--threshold", "0.5"]);
    expect(rows.stdout.split("\n")[0]).toMatch(/^image +label +prob\.$/u);
    expect(rows.stdout.trim().split("\n")).toHaveLength(19);
  });

  it("compares the methods with few images and with more", async () => {
    const { code, stdout } = await runCli(["few-shot", "evaluate", KINDS, ...model, "--shots", "4,1", "--json"]);
    expect(code).toBe(0);
    const rows = JSON.parse(stdout) as { shots: number; tested: number; zeroShot: number; accuracy: Record<string, number> }[];
    expect(rows.map(({ shots, tested }) => [shots, tested])).toEqual([
      [1, 6],
      [4, 6],
    ]);
    for (const { zeroShot, accuracy } of rows)
      for (const share of [zeroShot, ...Object.values(accuracy)]) expect(share >= 0 && share <= 1).toBe(true);
  });

  it("names and counts what it leaves out of a messy folder", async () => {
    const messy = path("messy");
    cpSync(KINDS, messy, { recursive: true });
    cpSync(join(messy, "汽车", "0.png"), join(messy, "月亮", "same.png"));
    cpSync(join(messy, "汽车", "1.png"), join(messy, "汽车", "again.png"));
    cpSync(join(messy, "汽车", "2.png"), join(messy, "loose.png"));
    writeFileSync(join(messy, "蘑菇", "broken.png"), "no picture");
    writeFileSync(join(messy, "蘑菇", "notes.txt"), "text");
    const odd = 'a"b {} $&';
    mkdirSync(join(messy, odd));
    cpSync(join(HELD_OUT, "汽车", "3.png"), join(messy, odd, "0.png"));
    const output = path("messy.json");
    const { code, stdout, stderr } = await runCli(["few-shot", "fit", messy, ...model, "--output", output, "--method", "linear"]);
    expect(code).toBe(1); // one that cannot be read
    expect(stdout).toMatch(/汽车 +5\n/u);
    for (const part of [
      "蘑菇/broken.png",
      "汽车/0.png: another class has the same image",
      "月亮/same.png: another class has the same image",
      "汽车/again.png: its class has it already",
      "skipped: 1 image in no class's folder",
    ])
      expect(stderr).toContain(part);
    expect(parseClassifier(readFileSync(output, "utf8")).head.classes).toContain(odd);
  });

  it.each<[string, (folder: string) => void, string]>([
    [
      "one class",
      (folder) => NAMES.slice(1).forEach((name) => rmSync(join(folder, name), { recursive: true })),
      "至少需要 2 个类别，实际有 1 个",
    ],
    ["an empty class", (folder) => mkdirSync(join(folder, "空")), '类别 "空" 没有可用的图片'],
  ])("rejects %s, and writes nothing", async (name, change, message) => {
    const folder = path(name);
    cpSync(KINDS, folder, { recursive: true });
    change(folder);
    const output = `${folder}.json`;
    const { code, stderr } = await runCli(["few-shot", "fit", folder, ...model, "--output", output], { LANG: "zh_CN.UTF-8", LC_ALL: "" });
    expect([code, existsSync(output)]).toEqual([1, false]);
    expect(stderr).toContain(message);
  });

  it.skipIf(process.platform === "win32")("writes into a named pipe that somebody reads, and waits for nobody", async () => {
    const pipe = path("pipe");
    execFileSync("mkfifo", [pipe]);
    const fit = ["few-shot", "fit", KINDS, ...model, "--method", "linear", "--output", pipe];
    const alone = await runCli(fit);
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining(`${pipe}: cannot be written (ENXIO`)]);
    const reader = spawn("cat", [pipe]);
    const [{ code, stderr }, written] = await Promise.all([runCli(fit), textOf(reader.stdout)]);
    expect([code, stderr]).toEqual([0, expect.stringContaining(pipe)]);
    expect(parseClassifier(written).head.classes.toSorted()).toEqual(NAMES.toSorted());
  });

  it("rejects a classifier of another model, a damaged one, and options that exclude each other", async () => {
    const output = path("kinds.json");
    const text = readFileSync(output, "utf8");
    const [other, damaged] = [path("other.json"), path("damaged.json")];
    const probe = /"probe":"([^"]+)"/u.exec(text)?.[1] ?? "";
    const flipped = Buffer.from(probe, "base64");
    for (let at = 3; at < flipped.length; at += 8) flipped[at] = flipped[at]! ^ 0x80;
    writeFileSync(other, text.replace(probe, flipped.toString("base64")).replace(/[0-9a-f]{32}-fp32/u, "another-fp32"));
    writeFileSync(damaged, text.slice(0, 500));
    const [image] = [join(HELD_OUT, "月亮", "0.png")];
    const runs = await Promise.all([
      runCli(["classify", image, ...model, "--classifier", other]),
      runCli(["classify", image, ...model, "--classifier", damaged]),
      runCli(["classify", image, ...model, "--classifier", output, "--labels", "猫"]),
      runCli(["few-shot", "fit", KINDS, ...model, "--output", image]),
      runCli(["classify", image, ...model, "--classifier", "/dev/zero"]),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([1, 1, 2, 2, 1]);
    expect(runs[0]?.stderr).toContain("fitted with another model (another-fp32, 128 values)");
    expect(runs[1]?.stderr).toContain("damaged.json: expected a classifier as JSON; is the file cut off");
    expect(runs[2]?.stderr).toContain("give --classifier or --labels, not both");
    expect(runs[3]?.stderr).toContain("exists and is no classifier");
    expect(runs[4]?.stderr).toContain("/dev/zero: expected at most");
  });
});
