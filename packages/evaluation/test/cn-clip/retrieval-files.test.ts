import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAnnotation } from "../../src/cn-clip/annotation.js";
import { formatFeature, readFeatures } from "@chinese-clip/dataset";
import { readImageTsv } from "@chinese-clip/dataset";
import { readLines } from "@chinese-clip/dataset";
import { evaluateDirection } from "../../src/cn-clip/retrieval.js";
import { readAnnotation, writeRetrievalFiles } from "../../src/node/retrieval-files.js";
import { findRetrievalFiles } from "../../src/node/run-retrieval.js";
import { writeWhole } from "@chinese-clip/dataset";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "retrieval-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array): string => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe("lines", () => {
  it("end at line feeds alone, whatever the chunks, and keep their numbers past empty ones", async () => {
    const long = "猫".repeat(400_000);
    const file = write("lines", `a\u2028b\r\n\n${long}\n \nlast`);
    expect(await collect(readLines(file))).toEqual([
      { number: 1, text: "a\u2028b" },
      { number: 3, text: long },
      { number: 5, text: "last" },
    ]);
  });

  it("are UTF-8", async () => {
    await expect(collect(readLines(write("gbk", Buffer.from([0xc3, 0xa8, 10, 0xc4, 0xe3, 0xba]))))).rejects.toThrow(
      /line \d: expected UTF-8 text/,
    );
    await expect(collect(readLines(folder))).rejects.toThrow("expected a file, got a folder");
    await expect(collect(readLines(join(folder, "no")))).rejects.toThrow("no such file; check the path");
  });
});

describe("feature files", () => {
  it("are read as they were written, in float32", async () => {
    const feature = Float32Array.from([0.1, -1, 1e-7, 0]);
    const line = formatFeature("image_id", 7, feature);
    expect(line).toBe('{"image_id": 7, "feature": [0.10000000149011612, -1.0, 1.0000000116860974e-07, 0.0]}');
    expect(await readFeatures(write("f", `${line}\n`), "image_id")).toEqual({ ids: [7], data: feature, dim: 4 });
  });

  it.each([
    ["", "no features in it"],
    ['{"image_id": 1, "feature": [1]}\n{"image_id": 1, "feature": [1]}', "line 2: image_id 1 is on line 1 already"],
    ['{"image_id": "1", "feature": [1]}', 'line 1: expected an integer up to 2^53 as image_id, got "1"; write it without the quotes'],
    ['{"image_id": 1.5, "feature": [1]}', "line 1: expected an integer up to 2^53 as image_id, got 1.5"],
    ['{"text_id": 1, "feature": [1]}', 'line 1: expected a field "image_id"; it has "text_id": are the two files swapped?'],
    ['{"image_id": 1, "feature": [1]}\n{"image_id": 2, "feature": [1, 2]}', "line 2: expected 1 values as on the first line, got 2"],
    ['{"image_id": 1, "feature": []}', 'line 1: expected a field "feature" with a list of finite numbers'],
    ['{"image_id": 1, "feature": [1e999]}', 'line 1: expected a field "feature" with a list of finite numbers'],
    ['{"image_id": 1, "feature": ["1"]}', 'line 1: expected a field "feature" with a list of finite numbers'],
    ['{"image_id": 1, "feature": [1', "the line seems cut off"],
    ["[1]", 'line 1: expected a field "image_id"'],
    ["1", "line 1: expected a JSON object"],
  ])("say what is wrong with %j", async (content, message) => {
    await expect(readFeatures(write("f", content), "image_id")).rejects.toThrow(message);
  });
});

describe("images in a table", () => {
  it("are decoded, from standard and URL-safe base64", async () => {
    const images = await collect(readImageTsv(write("imgs.tsv", "12\t+/8=\r\n3\t-_8\n")));
    expect(images.map(({ id, bytes, line }) => [id, [...bytes], line])).toEqual([
      [12, [251, 255], 1],
      [3, [251, 255], 2],
    ]);
  });

  it.each([
    ["", "no images in it"],
    ["1\tAAAA\n2 AAAA\n", "line 2: expected an id, a tab and the image in base64, got 1 fields"],
    ["1\tAAAA\tx", "line 1: expected an id, a tab and the image in base64, got 3 fields"],
    ["1\tAAAA\n\ncat.jpg\tAAAA", "line 3: expected an integer up to 2^53 as id, got cat.jpg"],
    ["1\tAAAA\n1\tAAAA", "line 2: id 1 is on line 1 already"],
    ["1\t/data/1.jpg?", "line 1: expected base64 after the tab"],
    ["1\tAAAAA", "line 1: expected base64 after the tab; is the line cut off?"],
  ])("say what is wrong with %j", async (content, message) => {
    await expect(collect(readImageTsv(write("imgs.tsv", content)))).rejects.toThrow(message);
  });
});

describe("annotations", () => {
  it.each([
    ["", "t: no texts in it"],
    [
      '{"text_id": 1, "text": "a", "image_ids": []}\n{"text_id": 1, "text": "a", "image_ids": []}',
      "t, line 2: text_id 1 is on line 1 already",
    ],
    ['\n{"text_id": "1", "text": "a", "image_ids": []}', 't, line 2: expected an integer up to 2^53 as text_id, got "1"; write it without'],
    ['{"text_id": 1.0, "text": "a", "image_ids": []}', "t, line 1: expected an integer up to 2^53 as text_id, got 1.0"],
    ['{"text": "a", "image_ids": []}', 't, line 1: expected a field "text_id"'],
    ['{"text_id": 1, "image_ids": []}', 't, line 1: expected a field "text" with a string'],
    ['{"text_id": 1, "text": "a"}', 't, line 1: expected a field "image_ids" with a list of image ids'],
    ['{"text_id": 1, "text": "a", "image_ids": ["1"]}', 't, line 1: expected integers in "image_ids", got "1"'],
    ['{"text_id": 1', "t, line 1: expected one JSON object a line (Expecting ',' delimiter: line 1 column 14 (char 13))"],
    ["[]", "t, line 1: expected a JSON object, {…}"],
  ])("say what is wrong with %j", (content, message) => {
    expect(() => parseAnnotation(content, "t")).toThrow(message);
  });
});

describe("a folder's files", () => {
  it("are features without a model, and images and texts with one", () => {
    for (const name of ["test_texts.jsonl", "test_imgs.tsv", "test_imgs.img_feat.jsonl", "test_texts.txt_feat.jsonl"]) write(name, "");
    const texts = join(folder, "test_texts.jsonl");
    expect(findRetrievalFiles(folder, "test", false)).toEqual({
      texts,
      images: { features: join(folder, "test_imgs.img_feat.jsonl") },
      textFeatures: join(folder, "test_texts.txt_feat.jsonl"),
    });
    expect(findRetrievalFiles(folder, "test", true)).toEqual({
      texts,
      images: { tsv: join(folder, "test_imgs.tsv") },
      textFeatures: undefined,
    });
    rmSync(join(folder, "test_imgs.tsv"));
    expect(findRetrievalFiles(folder, "test", true).images).toEqual({ features: join(folder, "test_imgs.img_feat.jsonl") });
    rmSync(join(folder, "test_imgs.img_feat.jsonl"));
    expect(() => findRetrievalFiles(folder, "test", true)).toThrow("expected test_imgs.tsv or test_imgs.img_feat.jsonl in it");
  });
});

describe("a whole evaluation", () => {
  it("writes cn_clip's files", async () => {
    const golden = (name: string): string =>
      fileURLToPath(new URL(`../../../../fixtures/evaluation/retrieval/ties/${name}`, import.meta.url));
    const annotation = await readAnnotation(golden("valid_texts.jsonl"));
    const images = await readFeatures(golden("valid_imgs.img_feat.jsonl"), "image_id");
    const texts = await readFeatures(golden("valid_texts.txt_feat.jsonl"), "text_id");
    for (const direction of ["text-to-image", "image-to-text"] as const) {
      await writeRetrievalFiles(folder, annotation, await evaluateDirection(direction, annotation, { images, texts }));
    }
    const written = readdirSync(folder).sort();
    expect(written).toEqual([
      "valid_output.json",
      "valid_predictions.jsonl",
      "valid_texts.tr.jsonl",
      "valid_tr_output.json",
      "valid_tr_predictions.jsonl",
    ]);
    for (const name of written) expect(readFileSync(join(folder, name), "utf8")).toBe(readFileSync(golden(name), "utf8"));
    const other = { ...texts, dim: 3, data: new Float32Array(3 * texts.ids.length) };
    await expect(evaluateDirection("text-to-image", annotation, { images, texts: other })).rejects.toThrow(
      "the images' features have 6 values and the texts' 3: they are of different models; embed both with one",
    );
  });

  it("leaves what was there when writing fails, and no temporary file", async () => {
    const file = write("kept", "before");
    const pieces = function* (): Generator<string> {
      yield "half";
      throw new Error("no more");
    };
    await expect(writeWhole(file, pieces())).rejects.toThrow("no more");
    expect(readdirSync(folder)).toEqual(["kept"]);
    expect(readFileSync(file, "utf8")).toBe("before");
    await writeWhole(join(folder, "new", "file"), ["a".repeat(1 << 20), "b"]);
    expect(readFileSync(join(folder, "new", "file"), "utf8").length).toBe((1 << 20) + 1);
  });
});
