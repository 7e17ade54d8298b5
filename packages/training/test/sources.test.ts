import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { captionedImages, cnClipPairs, findPairs, listedPairs } from "../src/node/index.js";
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
      "bad.csv, line 1: expected a column image/filepath/file/path/图片/图像/文件 in the first line, got picture, text",
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
  it("skips an image whose caption is no UTF-8, and takes one with a byte order mark and old line ends", async () => {
    for (const name of ["enc/gbk.png", "enc/mark.png"]) scratch.write(name, "");
    scratch.write("enc/gbk.txt", Buffer.from([0xd5, 0xd5, 0xc6, 0xac])); // 照片
    scratch.write("enc/mark.txt", "\uFEFF一只猫\r一只狗\r");
    const list = await captionedImages(scratch.path("enc"));
    expect(list.pairs.map(({ text }) => text)).toEqual(["一只猫", "一只狗"]);
    expect(list.skipped).toEqual([{ name: expect.stringContaining("gbk.png") as string, reason: "unreadable-text" }]);
  });

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

  it("I4 does not read an image at the place of another: a tsv that was written since is an error", async () => {
    scratch.write("changed/train_imgs.tsv", `3\t${base64("three")}\n12\t${base64("twelv")}\n`);
    scratch.write("changed/train_texts.jsonl", texts);
    const { pairs } = await cnClipPairs(scratch.path("changed"));
    scratch.write("changed/train_imgs.tsv", `12\t${base64("twelv")}\n3\t${base64("three")}\n`);
    await expect(pairs[0]?.image.read()).rejects.toMatchObject({ code: "replaced-while-read" });
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

describe("messy lists", () => {
  it.each([
    ["a byte order mark", "\ufeffimage,text\na.png,树\n"],
    ["a path as Windows writes it", "image,text\nimages\\a.png,树\nmore\\..\\images\\b.jpg,鱼"],
    ["a path out of the folder", "image,text\n../images/../images/a.png,树"],
    ["old line ends within quotes", 'image,text\r\na.png,"树\r\n鱼"\r\n'],
    ["no line end at the end", "image,text\na.png,树"],
  ])("reads %s", async (_, content) => {
    const place = content.includes("images\\") ? "messy.csv" : "images/messy.csv";
    const { pairs, skipped } = await listedPairs(scratch.write(place, content));
    expect(pairs.length).toBeGreaterThan(0);
    expect(skipped).toEqual([]);
  });

  it("skips what is no file: nothing, a folder, a name with a zero byte", async () => {
    const { pairs, skipped } = await listedPairs(scratch.write("images/none.csv", "image,text\n,树\n.,鱼\na\0.png,猫\na.png,车"));
    expect(pairs).toHaveLength(1);
    expect(skipped.map(({ reason }) => reason)).toEqual(["missing-image", "missing-image", "missing-image"]);
  });

  it("rejects GB18030 and a quote that is never closed, and names the place", async () => {
    const chinese = Buffer.concat([Buffer.from("image,text\na.png,"), Buffer.from([0xca, 0xf7]), Buffer.from("\n")]);
    await expect(listedPairs(scratch.write("images/gb.csv", chinese))).rejects.toMatchObject({ code: "not-utf8" });
    const open = scratch.write("images/open.csv", `image,text\na.png,"${"树\n".repeat(100_000)}`);
    await expect(listedPairs(open)).rejects.toMatchObject({ code: "unterminated-quote", details: { line: 2 } });
  });

  it("takes a long field with many quotes in time with its length", async () => {
    const text = '""'.repeat(500_000);
    const { pairs } = await listedPairs(scratch.write("images/long.csv", `image,text\na.png,"${text}"\n`));
    expect(pairs[0]?.text).toHaveLength(500_000);
  });
});

describe("tars", () => {
  it("are read as img2dataset writes them; an item without a caption is skipped", async () => {
    const members = [
      ["0001.jpg", "JPEG"],
      ["0001.txt", "红色的汽车"],
      ["0002.jpg", "other"],
      ["0003.png", "PNG"],
      ["0003.txt", "树"],
    ] as const;
    const tar = Buffer.concat([...members.map(([name, content]) => tarMember(name, content)), Buffer.alloc(1024)]);
    const { pairs, skipped } = await findPairs(scratch.write("00000.tar", tar), "train");
    expect(pairs.map(({ image, text }) => [image.name, text])).toEqual([
      ["0001", "红色的汽车"],
      ["0003", "树"],
    ]);
    expect(skipped).toEqual([{ name: "0002", reason: "empty-text" }]);
    const read = async (pair: number): Promise<string> => Buffer.from((await pairs[pair]?.image.read()) as Uint8Array).toString();
    expect([await read(1), await read(0), await read(1)]).toEqual(["PNG", "JPEG", "PNG"]);
  });
});

/** A file in a tar (POSIX ustar). */
function tarMember(name: string, content: string): Buffer {
  const data = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}
