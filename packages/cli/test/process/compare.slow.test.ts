import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareRows, compareSearches } from "../../src/reports/compare-embeddings.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const TINY = fileURLToPath(new URL("../../../../fixtures/tiny-vit", import.meta.url));
const { path } = scratchFolder();
const captions = (JSON.parse(readFileSync(join(PICTURES, "pictures.json"), "utf8")) as { caption: string }[]).map(({ caption }) => caption);
writeFileSync(path("queries.txt"), captions.join("\n"));
const QUERIES = path("queries.txt");
const compare = (args: readonly string[], env: Readonly<Record<string, string>> = {}, run = runCli): Promise<Ended> =>
  run(["compare", ...args], { HF_HUB_CACHE: path("cache"), ...env });

interface Result {
  images: { count: number; min: number; mean: number; worst: string } | null;
  texts: { count: number; min: number; mean: number } | null;
  search: Record<"textToImage" | "imageToText", { queries: number; gallery: number; top1: number; top10: number; depth: number }> | null;
  unreadable: string[];
}

describe("the comparison", () => {
  const rows = (...values: [number, number][]): { data: Float32Array; dim: number; count: number } => ({
    data: Float32Array.from(values.flat()),
    dim: 2,
    count: values.length,
  });

  it("counts cosines and changed results", () => {
    const agreement = compareRows(rows([1, 0], [0, 1]), rows([1, 0], [0.6, 0.8]));
    expect([agreement?.worst, agreement?.count]).toEqual([1, 2]);
    expect(agreement?.min).toBeCloseTo(0.8, 6);
    expect(agreement?.mean).toBeCloseTo(0.9, 6);
    expect(compareRows(rows([1, 0]), { data: new Float32Array(3), dim: 3, count: 1 })).toBeUndefined();
    const before = { queries: rows([1, 0]), gallery: rows([1, 0], [0, 1]) };
    expect(compareSearches(before, before)).toEqual({ queries: 1, gallery: 2, top1: 0, depth: 2, top10: 0 });
    expect(compareSearches(before, { queries: rows([0, 1]), gallery: before.gallery })).toMatchObject({ top1: 1, top10: 0 });
  });

  it("counts what left the best ten", () => {
    // Twelve on a circle, and a query at either end of it: ten of each, eight in common.
    const gallery = rows(...Array.from({ length: 12 }, (_, i): [number, number] => [Math.cos(i / 10), Math.sin(i / 10)]));
    const changes = compareSearches({ queries: rows([1, 0]), gallery }, { queries: rows([Math.cos(1.1), Math.sin(1.1)]), gallery });
    expect(changes).toEqual({ queries: 1, gallery: 12, top1: 1, depth: 10, top10: 2 });
  });
});

describe("compare", () => {
  it("compares number formats", async () => {
    const { code, stdout, stderr } = await compare(
      [PICTURES, "--texts", QUERIES, "--model", DEMO, "--dtypes", "fp32,q8", "--json"],
      {},
      spawnCli,
    );
    expect([code, stderr]).toEqual([0, "skipped 1 other file: 1 .json\n"]);
    const { images, texts, search } = JSON.parse(stdout) as Result;
    expect([images?.count, texts?.count]).toEqual([48, 48]);
    expect(images?.min).toBeGreaterThan(0.998);
    expect(images?.min).toBeLessThan(0.999999);
    expect(texts?.mean).toBeGreaterThanOrEqual(texts?.min ?? 1);
    expect(search?.textToImage).toMatchObject({ queries: 48, gallery: 48, depth: 10 });
    expect(search?.imageToText.top10).toBeLessThan(48);
  });

  it("compares checkpoints, also of other lengths", async () => {
    const args = [join(PICTURES, "01.png"), "--texts", "圆形,星星", "--models", `${DEMO},${TINY}`];
    const { code, stdout, stderr } = await compare(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^changed +top-1 +top-10 +gallery\ntext to image +0 \/ 2 +- +1$/m);
    expect(stderr).toContain("the two models' embeddings are of different lengths: no cosines between them");
    expect((await compare(args, { LC_ALL: "zh_CN.UTF-8" })).stdout).toContain("文搜图");
  });

  it("compares one tower alone", async () => {
    const { code, stdout, stderr } = await compare(["--texts", "猫,狗", "--model", DEMO, "--dtypes", "fp32,fp16"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^text tower +(?:0\.99|1\.00)\d+ /m);
    expect(stdout).not.toContain("image tower");
    expect(stderr).toContain("with images and --texts both, search results are compared too");
  });

  it("goes on past unreadable images, and then ends with 1", async () => {
    writeFileSync(path("broken.png"), "no image");
    const images = [join(PICTURES, "01.png"), path("broken.png"), path("gone.png")];
    const { code, stdout, stderr } = await compare([...images, "--model", DEMO, "--dtypes", "fp32,q4", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ images: { count: 1 }, search: null, unreadable: images.slice(1) });
    expect(stderr).toMatch(/^skipped: .*broken\.png: expected a PNG.*\nskipped: .*gone\.png/);
  });

  it("shows its help", async () => {
    const { code, stdout } = await runCli(["compare", "--help"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("chinese-clip compare photos --texts queries.txt --model")]);
  });
});

describe("what cannot be compared", () => {
  const image = join(PICTURES, "01.png");
  it.each([
    ["an empty folder", () => (mkdirSync(path("empty"), { recursive: true }), [path("empty")]), "empty: no images in it"],
    ["a missing file of texts", () => [image, "--texts", path("no.txt")], "no.txt: no such file; check the path"],
    ["an empty file of texts", () => (writeFileSync(path("none.txt"), ""), [image, "--texts", path("none.txt")]), "no labels in it"],
    ["only unreadable images", () => [QUERIES], "none of the images can be read; replace them and run again"],
  ])("%s: exit code 1", async (_name, args, message) => {
    const { code, stdout, stderr } = await compare([...args(), "--model", DEMO, "--dtypes", "fp32,fp16"]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it.each([
    [[image, "--model", DEMO], 2, "give one of --dtypes fp32,q8, --models a,b and --devices cpu,cuda"],
    [[image, "--model", DEMO, "--dtypes", "fp32,int8"], 2, "--dtypes: expected one of fp32, fp16, q8, q4, got int8"],
    [[image, "--model", DEMO, "--dtypes", "fp32"], 2, "--dtypes: expected two different values with a comma between them, got fp32"],
    [[image, "--model", DEMO, "--dtypes", "q8,q8"], 2, "expected two different values"],
    [[image, "--model", DEMO, "--dtypes", "fp32,q8", "--dtype", "q4"], 2, "give --dtypes or --dtype, not both"],
    [[image, "--model", DEMO, "--models", "a,b"], 2, "give --models or --model, not both"],
    [[image, "--dtypes", "fp32,q8"], 2, "--model is needed"],
    [["--model", DEMO, "--dtypes", "fp32,q8"], 2, "expected images, or --texts, or both"],
    [[image, "--models", `${DEMO},./no-such`], 1, "expected a folder with config.json and weights"],
    [[image, "--model", DEMO, "--devices", "cpu,tpu"], 1, "expected a device that ONNX Runtime's build"],
    [[image, "--modles", "a,b"], 2, "Unknown option '--modles'"],
  ])("%j: exit code %i", async (args, expected, message) => {
    const { code, stderr } = await compare(args);
    expect(stderr).toContain(message);
    expect(code).toBe(expected);
  });
});
