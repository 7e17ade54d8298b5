import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeDrawings, writeRetrieval } from "@chinese-clip/drawings";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, runCli, spawnCli } from "./run-cli.js";

const golden = fileURLToPath(new URL("../../../../fixtures/evaluation/retrieval/ties", import.meta.url));
const { path, write } = scratchFolder();
const lines = (file: string): string[] => readFileSync(file, "utf8").trimEnd().split("\n");
const features = (name: "imgs.img_feat" | "texts.txt_feat"): string => join(golden, `valid_${name}.jsonl`);
const TEXTS = join(golden, "valid_texts.jsonl");

describe("from features", () => {
  it("writes the files that cn_clip writes, byte for byte", async () => {
    const output = path("golden");
    const { code, stdout, stderr } = await runCli(["evaluate", "retrieval", "--data", golden, "--split", "valid", "--output", output]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        "                R@1    R@5   R@10   mean  queries",
        "text to image  7.50  37.50  60.00  35.00       40",
        "image to text  0.00  36.36  63.64  33.33       22\n",
      ].join("\n"),
    );
    expect(stderr.trimEnd().split("\n").length).toBe(5);
    for (const name of readdirSync(output)) expect(readFileSync(join(output, name), "utf8")).toBe(readFileSync(join(golden, name), "utf8"));
    expect(readdirSync(output).length).toBe(5);
  });

  it("speaks JSON, and Chinese", async () => {
    const args = ["evaluate", "retrieval", "--data", golden, "--split", "valid", "--direction", "text-to-image"];
    const json = await runCli([...args, "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({
      results: [
        { direction: "text-to-image", success: true, queries: 40, gallery: 25, r1: 7.5, r5: 37.5, r10: 60, meanRecall: 35, files: [] },
      ],
    });
    const chinese = await runCli(args, { LC_ALL: "zh_CN.UTF-8" });
    expect(chinese.stdout).toBe("         R@1    R@5   R@10   平均  查询数\n文搜图  7.50  37.50  60.00  35.00      40\n");
  });
});

describe("finished predictions", () => {
  const judge = (predictions: string, output: string, direction = "text-to-image"): ReturnType<typeof runCli> =>
    runCli(["evaluate", "retrieval", "--texts", TEXTS, "--predictions", predictions, "--direction", direction, "--output", output]);

  it("are judged in both directions", async () => {
    expect((await judge(join(golden, "valid_predictions.jsonl"), path("o.json"))).code).toBe(0);
    expect(readFileSync(path("o.json"), "utf8")).toBe(readFileSync(join(golden, "valid_output.json"), "utf8"));
    expect((await judge(join(golden, "valid_tr_predictions.jsonl"), path("tr.json"), "image-to-text")).code).toBe(0);
    expect(readFileSync(path("tr.json"), "utf8")).toBe(readFileSync(join(golden, "valid_tr_output.json"), "utf8"));
  });

  it("that fail leave cn_clip's failure file and exit with 1", async () => {
    const some = write("some.jsonl", `${lines(join(golden, "valid_predictions.jsonl")).slice(2).join("\n")}\n`);
    const { code, stderr } = await judge(some, path("failed.json"));
    expect(code).toBe(1);
    const [first, second] = lines(TEXTS).map((line) => (JSON.parse(line) as { text_id: number }).text_id);
    const output = JSON.parse(readFileSync(path("failed.json"), "utf8")) as { errorMsg: string; success: boolean };
    expect(output.success).toBe(false);
    expect(output.errorMsg).toMatch(/^The following text_ids have no prediction in your submission, please check again: \d+, \d+$/);
    expect(output.errorMsg).toContain(String(first));
    expect(output.errorMsg).toContain(String(second));
    expect(stderr).toContain(output.errorMsg);
  });

  it("name the line that they fail at", async () => {
    const bad = write("bad.jsonl", `${lines(join(golden, "valid_predictions.jsonl"))[0]}\n{"text_id": "2"}\n`);
    const { code, stderr } = await judge(bad, path("bad.json"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: text-to-image: predictions, line 2: Found an invalid text_id \d+, it should be an integer/m);
  });

  it("need one direction", async () => {
    const { code, stderr } = await runCli(["evaluate", "retrieval", "--texts", TEXTS, "--predictions", TEXTS]);
    expect([code, stderr]).toEqual([
      2,
      "error: --predictions holds one direction; name it with --direction text-to-image or image-to-text\n",
    ]);
  });
});

describe("from images and texts", () => {
  const embedPictures = (tsv: string, ...rest: string[]): ReturnType<typeof runCli> =>
    runCli(["evaluate", "retrieval", "--model", DEMO, "--texts", TEXTS, "--images", tsv, ...rest]);
  beforeAll(async () => {
    await writeRetrieval(await makeDrawings(120, 31), path("drawings"));
  });

  it("the demo checkpoint finds drawings that it never saw, and their captions", async () => {
    const args = ["evaluate", "retrieval", "--model", DEMO, "--data", path("drawings")];
    const { code, stdout, stderr } = await spawnCli([...args, "--output", path("out"), "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { results } = JSON.parse(stdout) as { results: { direction: string; r1: number; r10: number; queries: number }[] };
    for (const { r1, r10, queries } of results) {
      expect(queries).toBe(120);
      expect(r1).toBeGreaterThanOrEqual(93);
      expect(r10).toBeGreaterThanOrEqual(98);
    }
    // The features that it wrote give the same predictions.
    cpSync(path("out"), path("again"), { recursive: true });
    cpSync(path("drawings/test_texts.jsonl"), path("again/test_texts.jsonl"));
    const again = await runCli(["evaluate", "retrieval", "--data", path("again"), "--output", path("again2"), "--json"]);
    expect(again.code).toBe(0);
    for (const name of readdirSync(path("again2"))) {
      expect(readFileSync(join(path("again2"), name), "utf8")).toBe(readFileSync(join(path("out"), name), "utf8"));
    }
  });

  it("an image that cannot be read ends it, with its line and the others", async () => {
    const good = lines(path("drawings/test_imgs.tsv"));
    const bad = write("bad.tsv", [good[0], "900\tAAAA", good[1], "901\tAAAA"].join("\n"));
    const { code, stderr } = await embedPictures(bad, "--output", path("none"));
    expect(code).toBe(1);
    expect(stderr).toContain("bad.tsv, line 2: cannot be read as an image");
    expect(stderr).toContain("also line 4 (2 in all). Replace or remove them and run again");
    expect(existsSync(path("none"))).toBe(false);
  });

  it("features of another model are refused before anything is embedded", async () => {
    const tsv = path("drawings/test_imgs.tsv");
    const { code, stderr } = await embedPictures(tsv, "--text-features", features("texts.txt_feat"));
    expect(code).toBe(1);
    expect(stderr).toContain("valid_texts.txt_feat.jsonl: its features have 6 values and the model's 128: they are of another model.");
  });
});

describe("what cannot be evaluated: a message that says what to do, and exit code 1", () => {
  const images = lines(features("imgs.img_feat"));
  const withImages = (content: string): string[] => [
    "--texts",
    TEXTS,
    "--image-features",
    write("imgs.jsonl", content),
    "--text-features",
    features("texts.txt_feat"),
  ];
  const withTexts = (content: string): string[] => [
    "--texts",
    write("texts.jsonl", content),
    "--image-features",
    features("imgs.img_feat"),
    "--text-features",
    features("texts.txt_feat"),
  ];
  const withTsv = (content: string): string[] => ["--model", DEMO, "--texts", TEXTS, "--images", write("imgs.tsv", content)];

  it.each([
    ["a missing file", () => ["--texts", path("no.jsonl"), "--images", path("no.tsv")], "no.jsonl: no such file; check the path"],
    [
      "a folder without the set",
      () => ["--data", golden, "--split", "test"],
      "expected test_texts.jsonl in it; check the folder, or name another split with --split",
    ],
    ["missing images", () => ["--model", DEMO, "--texts", TEXTS, "--images", path("no.tsv")], "no.tsv: no such file; check the path"],
    ["a bad tsv line", () => withTsv("1\tAAAA\n2 AAAA\n"), "imgs.tsv, line 2: expected an id, a tab and the image in base64"],
    [
      "an id that is a name",
      () => withTsv("cat\tAAAA\n"),
      "imgs.tsv, line 1: expected an integer up to 2^53 as id, got cat; number the images",
    ],
    ["a duplicate id in a tsv", () => withTsv("1\tAAAA\n1\tAAAA\n"), "imgs.tsv, line 2: id 1 is on line 1 already"],
    ["an empty tsv", () => withTsv(""), "imgs.tsv: no images in it"],
    ["a duplicate id", () => withImages(`${images[0]}\n${images[0]}\n`), "imgs.jsonl, line 2: image_id"],
    [
      "a string id",
      () => withImages('{"image_id": "7", "feature": [1]}\n'),
      'imgs.jsonl, line 1: expected an integer up to 2^53 as image_id, got "7"; write it without the quotes',
    ],
    [
      "features of another model",
      () => withImages('{"image_id": 7, "feature": [1, 2]}\n'),
      "the images' features have 2 values and the texts' 6: they are of different models",
    ],
    ["a file cut off", () => withImages(`${images[0]}\n${images[1]?.slice(0, 30)}`), "imgs.jsonl, line 2: expected one JSON object a line"],
    ["a duplicate text id", () => withTexts(`${lines(TEXTS)[0]}\n${lines(TEXTS)[0]}`), "texts.jsonl, line 2: text_id"],
    ["a bad annotation", () => withTexts('{"text_id": 1}\n'), 'texts.jsonl, line 1: expected a field "text" with a string'],
    [
      "fewer than ten images",
      () => withImages(`${images.slice(0, 3).join("\n")}\n`),
      "has wrong number of predicted image_ids! Require 10, but 3 founded.\ncn_clip judges 10 images for each query, and there are only 3: add images",
    ],
    ["no such model", () => ["--model", path("nothing"), "--texts", TEXTS, "--images", write("i.tsv", "1\tAAAA\n")], "nothing"],
  ])("%s", async (_name, args, message) => {
    const { code, stdout, stderr } = await runCli(["evaluate", "retrieval", ...args()]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
    if (!stderr.includes("Require 10")) expect(stdout).toBe("");
  });

  it("says it in Chinese", async () => {
    const { code, stderr } = await runCli(["evaluate", "retrieval", ...withTsv("1\tAAAA\n1\tAAAA\n")], { LC_ALL: "zh_CN.UTF-8" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^错误：\S*imgs\.tsv，第 2 行：id 1 在第 1 行已出现；编号不能重复\n$/);
  });
});

describe("a command line that cannot be followed: exit code 2", () => {
  it.each([
    [[], "chinese-clip evaluate retrieval"],
    [["evaluate"], "no such command: evaluate"],
    [["evaluate", "retrieval"], "give --data with a folder, or --texts with --images or --image-features"],
    [["evaluate", "retrieval", "--what"], "Unknown option '--what'; see chinese-clip evaluate retrieval --help"],
    [["evaluate", "retrieval", "--direction", "up", "--data", "x"], "--direction: expected text-to-image, image-to-text or both"],
    [["evaluate", "retrieval", "--texts", TEXTS, "--image-features", features("imgs.img_feat")], "--model is needed; see --help"],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stdout + stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("the help has an example", async () => {
    const { code, stdout } = await runCli(["evaluate", "retrieval", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("  chinese-clip evaluate retrieval --model OFA-Sys/chinese-clip-vit-base-patch16 --data MUGE --split valid");
  });
});
