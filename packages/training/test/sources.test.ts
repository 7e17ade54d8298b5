import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { captionedImages, cnClipPairs, listedPairs } from "../src/node/index.js";
import type { PairList } from "../src/index.js";

const scratch = scratchFolder();
scratch.write("images/a.png", "A");
scratch.write("images/b.jpg", "B");

const textsOf = ({ pairs }: PairList): string[][] => pairs.map(({ image, text }) => [image.name, text]);

describe("listedPairs", () => {
  it("reads CSV with quotes, line breaks and other columns, and paths beside it", async () => {
    const file = scratch.write(
      "images/list.csv",
      'id,image,caption\r\n1,a.png,"红色的, ""大""\n汽车"\r\n2,b.jpg,树\r\n3,a.png,车\r\n4,none.png,鱼\r\n5,b.jpg,\r\n\r\n6,b.jpg,树',
    );
    const list = await listedPairs(file);
    expect(textsOf(list)).toEqual([
      ["a.png", '红色的, "大"\n汽车'],
      ["b.jpg", "树"],
      ["a.png", "车"],
    ]);
    expect(list.skipped).toEqual([
      { name: "none.png", reason: "missing-image" },
      { name: "b.jpg", reason: "empty-text" },
      { name: "b.jpg", reason: "repeated" },
    ]);
    expect(list.pairs[0]!.image).toBe(list.pairs[2]!.image);
    expect(await list.pairs[0]!.image.read()).toBe(scratch.path("images/a.png"));
  });

  it("reads TSV and JSON lines", async () => {
    expect(textsOf(await listedPairs(scratch.write("images/list.tsv", "filepath\ttitle\na.png\t一,二\n")))).toEqual([["a.png", "一,二"]]);
    expect(textsOf(await listedPairs(scratch.write("images/list.jsonl", '{"image": "b.jpg", "text": "树"}\n')))).toEqual([["b.jpg", "树"]]);
  });

  it.each([
    [
      "bad.csv",
      "picture,text\na.png,树\n",
      "bad.csv, line 1: expected a column image or filepath or file or path in the first line, got picture, text",
    ],
    ["quote.csv", 'image,text\na.png,"树\n', "quote.csv, line 2: expected the quoted field to end"],
    ["other.jsonl", '{"image": "a.png"}\n', 'other.jsonl, line 1: expected a JSON object with "image" and "text"'],
    ["json.jsonl", "{\n", "json.jsonl, line 1: expected one JSON object a line"],
  ])("rejects %s", async (name, text, message) => {
    await expect(listedPairs(scratch.write(name, text))).rejects.toThrow(message);
  });

  it("rejects a file that is not there, and one that is no UTF-8", async () => {
    await expect(listedPairs(scratch.path("none.csv"))).rejects.toThrow("none.csv: no such file");
    await expect(listedPairs(scratch.write("gbk.csv", Buffer.from([0xc4, 0xe3, 0x0a])))).rejects.toThrow("expected UTF-8 text");
  });
});

describe("captionedImages", () => {
  it("takes each line beside an image as a caption", async () => {
    for (const [name, text] of [["c/1.png", ""], ["c/1.txt", "树\n\n大树\n"], ["c/deep/2.jpg", ""], ["c/deep/2.txt", "鱼"], ["c/3.png", ""]] as const) scratch.write(name, text); // prettier-ignore
    const list = await captionedImages(scratch.path("c"));
    expect(list.pairs.map(({ text }) => text)).toEqual(["树", "大树", "鱼"]);
    expect(list.skipped).toEqual([{ name: expect.stringContaining("3.png") as string, reason: "empty-text" }]);
  });
});

describe("cnClipPairs", () => {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const texts = '{"text_id": 7, "text": "树", "image_ids": [12, 3]}\n{"text_id": 8, "text": "鱼", "image_ids": [99]}\n';

  it("pairs each text with its images, whose bytes are read when they are needed", async () => {
    scratch.write("d/train_imgs.tsv", `3\t${base64("three")}\r\n12\t${base64("twelve".repeat(400_000))}\n`);
    scratch.write("d/train_texts.jsonl", texts);
    const list = await cnClipPairs(scratch.path("d"));
    expect(list.pairs.map(({ text }) => text)).toEqual(["树", "树"]);
    expect(list.skipped).toEqual([{ name: expect.stringContaining("line 2: image 99") as string, reason: "missing-image" }]);
    const bytes = await Promise.all(list.pairs.map(({ image }) => image.read()));
    expect(bytes.map((content) => Buffer.from(content as Uint8Array).toString())).toEqual(["twelve".repeat(400_000), "three"]);
  });

  it.each([
    ["3\tAAAA\n3\tAAAA\n", texts, "valid_imgs.tsv, line 2: id 3 is on line 1 already"],
    ["3 AAAA\n", texts, "valid_imgs.tsv, line 1: expected an id, a tab and the image in base64"],
    ["x\tAAAA\n", texts, "valid_imgs.tsv, line 1: expected an integer up to 2^53 as id, got x"],
    ["", texts, "no images in it"],
    ["3\tAAAA\n", "", "no texts in it"],
    ["3\tAAAA\n", texts + texts, "valid_texts.jsonl, line 3: text_id 7 is on line 1 already"],
    ["3\tAAAA\n", '{"text_id": 1, "text": "树", "image_ids": ["3"]}', "line 1: expected an integer up to 2^53 as image_ids"],
    ["3\tAAAA\n", '{"text_id": 1, "text": "树"}', 'line 1: expected a field "image_ids"'],
  ])("rejects %j with %j", async (images, lines, message) => {
    scratch.write("e/valid_imgs.tsv", images);
    scratch.write("e/valid_texts.jsonl", lines);
    await expect(cnClipPairs(scratch.path("e"), "valid")).rejects.toThrow(message);
  });
});
