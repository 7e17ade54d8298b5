import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { jsonlTexts, listedImages, openSource, parseFeature, readLines, readText } from "../../src/index.js";

const scratch = scratchFolder();
const TEXT = "一只猫\n一只狗\n";
const GBK = Buffer.from([0xd5, 0xd5, 0xc6, 0xac, 0x0a]);
const utf16 = (text: string, mark = "\uFEFF"): Buffer => Buffer.from(mark + text, "utf16le");

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

describe("text files in other encodings", () => {
  it("readText leaves out a byte order mark", async () => {
    expect(await readText(scratch.write("plain.txt", TEXT))).toBe(TEXT);
    expect(await readText(scratch.write("mark.txt", `\uFEFF${TEXT}`))).toBe(TEXT);
  });

  it.each([
    ["GB18030", GBK],
    ["UTF-16", utf16(TEXT)],
    ["UTF-16 without a mark", utf16("cat\n", "")],
    ["UTF-16, big-endian", utf16(TEXT).swap16()],
  ])("%s is an error, not other words", async (name, bytes) => {
    const file = scratch.write(`${name}.txt`, bytes);
    await expect(readText(file)).rejects.toMatchObject({ code: "not-utf8", details: { file } });
  });

  it("a list in UTF-16 is an error; its zero bytes end no paths", async () => {
    const bytes = utf16("/photos/猫.jpg\n");
    await expect(all(listedImages(once(bytes)))).rejects.toMatchObject({ code: "not-utf8" });
    await expect(all(listedImages(once(Buffer.from(bytes).swap16())))).rejects.toMatchObject({ code: "not-utf8" });
    const source = openSource(`list:${scratch.write("list.txt", bytes)}`);
    await expect(all(source.list())).rejects.toMatchObject({ code: "not-utf8" });
  });

  it("lines end at \\n and \\r\\n, are counted with the empty ones, and need no last end", async () => {
    const file = scratch.write("lines.txt", `\uFEFFa\r\n${"\n".repeat(300_000)}b\u2028c\n \t\nd`);
    expect(await all(readLines(file))).toEqual([
      { number: 1, text: "a" },
      { number: 300_002, text: "b\u2028c" },
      { number: 300_004, text: "d" },
    ]);
  });

  it("a line of zero bytes is no JSON", async () => {
    const file = scratch.write("zeros.jsonl", Buffer.from('{"text_id": 1, "text": "猫"}\n\0\0\n'));
    await expect(all(jsonlTexts(file))).rejects.toMatchObject({ code: "not-json", details: { line: 2 } });
  });
});

describe("a number that float32 does not have", () => {
  it("is no feature", () => {
    expect(() => parseFeature('{"image_id": 1, "feature": [1e39]}', "image_id", "f.jsonl", 1)).toThrow("with a list of finite numbers");
    expect(parseFeature('{"image_id": 1, "feature": [3e38]}', "image_id", "f.jsonl", 1).feature[0]).toBeCloseTo(3e38, -34);
  });
});
