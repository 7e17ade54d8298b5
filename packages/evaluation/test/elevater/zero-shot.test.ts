import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { embedClasses } from "@chinese-clip/pipeline/zero-shot";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import { formatElevater } from "../../src/elevater/prediction-file.js";
import { readImageFolder } from "@chinese-clip/dataset";
import { readIndex } from "../../src/node/read-index.js";
import { readLabels } from "../../src/node/read-labels.js";
import { logitsOf, softmax, ZeroShotTally } from "../../src/elevater/zero-shot.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zero-shot-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text = ""): string => {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
};

describe("ELEVATER's prediction file, byte for byte", () => {
  interface Case {
    readonly name: string;
    readonly rows: number[][];
    readonly index: number[] | null;
    readonly output: string;
  }
  const cases = readFileSync(new URL("../../../../fixtures/evaluation/elevater.jsonl", import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);

  it.each(cases)("$name", ({ name, rows, index, output }) => {
    const head = { modelName: "CN-CLIP-ViT-B-16", datasetName: name, parameters: 188_262_913, visualParameters: 86_192_640 };
    const text = formatElevater(
      head,
      rows.map((row) => Float32Array.from(row)),
      index ?? undefined,
    );
    expect([...text].join("")).toBe(output);
  });

  it("an index is a list of rows that are there", async () => {
    expect(await readIndex(write("index.json", "[2, 0, -1]"), 3)).toEqual([2, 0, -1]);
    await expect(readIndex(write("index.json", "[3]"), 3)).rejects.toThrow(
      "expected row numbers below 3, the number of images, got 3 as item 1",
    );
    await expect(readIndex(write("index.json", '{"a": 1}'), 3)).rejects.toThrow("expected a JSON list of row numbers, as [2, 0, 1]");
    await expect(readIndex(write("index.json", "[1"), 3)).rejects.toThrow("expected a JSON list of row numbers, as [2, 0, 1]");
    await expect(readIndex(join(folder, "no.json"), 3)).rejects.toThrow("no such file");
  });
});

describe("folders of classes", () => {
  it("come in ImageFolder's order: classes, folders and names by code points, images only", async () => {
    // U+FF21 comes before U+20BB7 by code point, after it by UTF-16 unit
    for (const file of ["b/2.png", "b/10.JPG", "a/z/1.webp", "a/y.txt", "a/b.png", "\u{20BB7}/1.bmp", "\uFF21/1.png", "label_cn.txt"])
      write(file);
    const { classes, images } = await readImageFolder(folder);
    expect(classes).toEqual(["a", "b", "\uFF21", "\u{20BB7}"]);
    expect(images.map(({ file, target }) => [file.slice(folder.length + 1), target])).toEqual([
      ["a/b.png", 0],
      ["a/z/1.webp", 0],
      ["b/10.JPG", 1],
      ["b/2.png", 1],
      ["\uFF21/1.png", 2],
      ["\u{20BB7}/1.bmp", 3],
    ]);
  });

  it("say what is missing", async () => {
    await expect(readImageFolder(join(folder, "no"))).rejects.toThrow("no such folder");
    await expect(readImageFolder(folder)).rejects.toThrow("no class folders in it");
    write("000/1.png");
    write("001/notes.txt");
    await expect(readImageFolder(folder)).rejects.toThrow("no images for the class 001");
    await expect(readImageFolder(join(folder, "000", "1.png"))).rejects.toThrow("expected a folder, got a file");
  });

  it("have one label each", async () => {
    expect(await readLabels(write("label_cn.txt", "\uFEFF猫\r\n 狗 \r\n"), ["000", "001"])).toEqual(["猫", "狗"]);
    await expect(readLabels(write("label_cn.txt", "猫\n"), ["000", "001"])).rejects.toThrow(
      "expected 2 labels, one a line for the folders 000, 001",
    );
    await expect(readLabels(write("label_cn.txt", "猫\n\n狗"), ["0", "1", "2"])).rejects.toThrow(
      "line 2: expected a label, got an empty line",
    );
    await expect(readLabels(join(folder, "no.txt"), ["000"])).rejects.toThrow("no such file");
  });
});

describe("class vectors", () => {
  it("are normalised means over the templates, of texts prepared as for cn_clip's evaluation", async () => {
    const seen: string[] = [];
    const vectors: Readonly<Record<string, readonly number[]>> = { a猫: [1, 0], "猫。": [0, 1], "a“狗”": [0.6, 0.8] };
    const { data, dim } = await embedClasses(
      ["猫", "“狗”"],
      ["A{}", "{}。"],
      async (texts) => {
        seen.push(...texts);
        return { data: Float32Array.from(texts.flatMap((text) => vectors[text] ?? [0.6, 0.8])), dim: 2 };
      },
      { prepare: preprocessEvalText },
    );
    expect(seen).toEqual(["a猫", "猫。", 'a"狗"', '"狗"。']);
    expect(dim).toBe(2);
    expect(Array.from(data, (value) => value.toFixed(6))).toEqual(["0.707107", "0.707107", "0.600000", "0.800000"]);
  });

  it("are embedded group by group", async () => {
    const sizes: number[] = [];
    const done: number[] = [];
    const labels = Array.from({ length: 20 }, (_, i) => `类${i}`);
    const templates = Array.from({ length: 100 }, (_, i) => `{}${i}`);
    const embed = async (texts: readonly string[]): Promise<{ data: Float32Array; dim: number }> => {
      sizes.push(texts.length);
      return { data: new Float32Array(texts.length * 2).fill(1), dim: 2 };
    };
    const { data } = await embedClasses(labels, templates, embed, { onProgress: (count) => void done.push(count) });
    expect(sizes).toEqual([500, 500, 500, 500]);
    expect(done).toEqual([5, 10, 15, 20]);
    expect(data.length).toBe(40);
  });

  it("give 100 times the cosine", () => {
    const classes = { data: Float32Array.from([1, 0, 0.6, 0.8]), dim: 2 };
    expect(Array.from(logitsOf(Float32Array.from([1, 0]), classes), (value) => Number(value.toFixed(4)))).toEqual([100, 60]);
    const probabilities = softmax(Float32Array.from([100, 60, 100]));
    expect(probabilities[0]).toBe(0.5);
    expect(probabilities[1]).toBeCloseTo(Math.exp(-40) / 2, 24);
  });
});

describe("scores", () => {
  it("agree with sorting, ties by the order of the classes", () => {
    const rows = fc.integer({ min: 1, max: 9 }).chain((classes) =>
      fc.array(
        fc.record({
          logits: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: classes, maxLength: classes }),
          target: fc.nat(classes - 1),
        }),
        { minLength: 1, maxLength: 20 },
      ),
    );
    fc.assert(
      fc.property(rows, (images) => {
        const classes = images[0]!.logits.length;
        const tally = new ZeroShotTally(classes);
        let [top1, top5] = [0, 0];
        for (const { logits, target } of images) {
          const sorted = logits.map((_, label) => label).sort((a, b) => logits[b]! - logits[a]! || a - b);
          if (sorted[0] === target) top1++;
          if (sorted.slice(0, 5).includes(target)) top5++;
          expect(tally.add(Float32Array.from(logits), target)).toBe(sorted[0]);
        }
        const scores = tally.scores();
        expect(scores.top1).toBe(top1 / images.length);
        expect(scores.top5).toBe(top5 / images.length);
        expect(scores.confusion.flatMap((row) => [...row]).reduce((a, b) => a + b)).toBe(images.length);
        expect(scores.perClass.map((one) => one.images)).toEqual(
          Array.from({ length: classes }, (_, label) => images.filter(({ target }) => target === label).length),
        );
      }),
    );
  });

  it("give every class that has images the same weight in the mean over classes", () => {
    const tally = new ZeroShotTally(3);
    for (let i = 0; i < 8; i++) tally.add(Float32Array.from([1, 0, 0]), 0);
    tally.add(Float32Array.from([1, 0, 0]), 1);
    tally.add(Float32Array.from([0, 1, 0]), 1);
    expect(tally.scores()).toMatchObject({ top1: 0.9, meanPerClass: 0.75 });
  });
});
