import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, runCli, spawnCli } from "./run-cli.js";

const FIXTURES = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const { path } = scratchFolder();

/** A copy of the demo checkpoint with another configuration or vocabulary. */
function spoil(
  name: string,
  edit: (config: { text_config: Record<string, unknown>; vision_config: Record<string, unknown> }) => void,
  vocabulary = "",
): string {
  const copy = path(name);
  mkdirSync(copy);
  for (const file of ["model.safetensors", "preprocessor_config.json", "tokenizer_config.json"]) cpSync(join(DEMO, file), join(copy, file));
  const config = JSON.parse(readFileSync(join(DEMO, "config.json"), "utf8")) as Parameters<typeof edit>[0];
  edit(config);
  writeFileSync(join(copy, "config.json"), JSON.stringify(config));
  writeFileSync(join(copy, "vocab.txt"), readFileSync(join(DEMO, "vocab.txt"), "utf8") + vocabulary);
  return copy;
}

interface Report {
  kind: unknown;
  files: { name: string; bytes: number }[];
  dtypes: Record<string, { tensors: number }>;
  config: Record<string, unknown> | null;
  towers: { text: { parameters: number; tensors: number }; vision: { parameters: number; tensors: number } };
  unused: string[];
  logitScale: number;
  problems: { code: string; message: string }[];
}
const report = async (source: string): Promise<Report & { code: number | null }> => {
  const { code, stdout } = await runCli(["info", source, "--json"]);
  return { ...(JSON.parse(stdout) as Report), code };
};

describe("info", () => {
  it.each([
    [DEMO, { naming: "hugging-face", format: "safetensors" }],
    [join(FIXTURES, "tiny-legacy"), { naming: "hugging-face", format: "torch-legacy" }],
    [join(FIXTURES, "tiny-vit/pytorch_model.bin"), { naming: "hugging-face", format: "torch-zip" }],
    [join(FIXTURES, "tiny-ofa-vit/clip_cn_tiny-ofa-vit.pt"), { naming: "cn_clip", format: "torch-zip" }],
    [join(FIXTURES, "tiny-rn50"), { naming: "cn_clip", format: "torch-zip" }],
    [join(FIXTURES, "tiny-onnx"), { naming: "onnx-export", format: "onnx" }],
  ])("%s is told for what it is, without problems", async (source, kind) => {
    const { code, ...found } = await report(source);
    expect(found.problems).toEqual([]);
    expect(code).toBe(0);
    expect(found.kind).toEqual(kind);
    expect(found.logitScale).toBeGreaterThan(1);
    expect(found.towers.text.parameters).toBeGreaterThan(1000);
    expect(found.unused).toEqual([]);
    expect(found.files.find(({ name }) => /\.(?:safetensors|bin|pt|onnx)$/.test(name))?.bytes).toBeGreaterThan(10_000);
  });

  it("counts every tensor of the demo checkpoint to a tower or the logit scale", async () => {
    const { dtypes, towers } = await report(DEMO);
    expect(towers.text.tensors + towers.vision.tensors + 1).toBe(dtypes["F32"]?.tensors);
  });

  it("finds all that is wrong at once: shapes, missing tensors, a vocabulary of another model", async () => {
    const bad = spoil(
      "bad",
      ({ text_config, vision_config }) => {
        text_config["intermediate_size"] = 100;
        vision_config["num_hidden_layers"] = 7;
      },
      "甲\n乙\n",
    );
    const { code, problems, unused } = await report(bad);
    expect(code).toBe(1);
    const counts = countBy(problems.map(({ code: kind }) => kind));
    expect(counts).toEqual({ "vocabulary-mismatch": 1, "shape-mismatch": 9, "missing-tensor": 16 });
    expect(unused.length).toBe(9);
    const { stdout } = await runCli(["info", bad]);
    expect(stdout).toContain(
      "26 problems\n  the tokenizer has 233 entries and the text tower embeddings for 231: the files are of different models\n",
    );
    expect(stdout).toContain("expected shape [100,128] by the configuration, got [512,128]");
    expect(stdout).toContain("… and 16 more, all in --json");
  });

  it("A7 weights under names of another model are one problem, which names the file", async () => {
    const bytes = readFileSync(join(DEMO, "model.safetensors"));
    const end = 8 + Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString("utf8", 8, end)) as Record<string, unknown>;
    // No two names have a common beginning that could be taken off.
    const renamed = Object.fromEntries(
      Object.keys(header)
        .filter((name) => name !== "__metadata__")
        .map((name, i) => [`${i}.net`, header[name]]),
    );
    const json = Buffer.from(JSON.stringify(renamed));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const folder = spoil("renamed", () => undefined);
    writeFileSync(join(folder, "model.safetensors"), Buffer.concat([length, json, bytes.subarray(end)]));
    const { code, problems } = await report(folder);
    expect(code).toBe(1);
    expect(problems).toEqual([{ code: "missing-tensor", message: expect.stringMatching(/^model\.safetensors: expected /u) }]);
  });

  it("prints a report, in Chinese for a Chinese locale", async () => {
    const { code, stdout } = await spawnCli(["info", DEMO]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}kind +Hugging Face, safetensors$/m);
    expect(stdout).toMatch(/^ {2}image tower +ViT, 6 layers of 128, patch 8, 64×64 pixels; 1\.2M parameters, 4\.96 MB$/m);
    expect(stdout).toMatch(/\n\nno problems\n$/);
    const zh = await runCli(["info", join(FIXTURES, "tiny-rn50")], { LC_ALL: "zh_CN.UTF-8" });
    expect(zh.stdout).toMatch(/图像塔 +ResNet，1-2-1-1 块/);
    expect(zh.stdout).toContain("未发现问题");
  });
});

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

describe("what is no model", () => {
  it("has what is missing as problems, and exit code 1", async () => {
    const empty = path("empty");
    mkdirSync(empty);
    const { code, stdout } = await runCli(["info", empty]);
    expect(code).toBe(1);
    expect(stdout).toContain("expected weights: model.safetensors");
    const noise = path("noise.pt");
    writeFileSync(noise, "no checkpoint at all");
    const unread = await runCli(["info", noise]);
    expect([unread.code, unread.stdout]).toEqual([1, expect.stringContaining("noise.pt: ")]);
    expect(unread.stderr).toBe("");
  });

  it.each([
    [["./no-such-folder"], 1, "expected a folder with config.json and weights"],
    [["someone/some-model", "--offline"], 1, "no request is allowed"],
    [[], 2, "expected a checkpoint's file or folder, or a hub's name of a model, got nothing"],
    [["a", "b"], 2, "got also b"],
    [["a", "--dtype", "q8"], 2, "Unknown option '--dtype'"],
  ])("%j: exit code %i", async (args, expected, message) => {
    const { code, stdout, stderr } = await runCli(["info", ...args], { HF_HUB_CACHE: path("cache") });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([expected, ""]);
  });
});
