import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { readLabelList } from "../../src/input/read-label-list.js";
import { readTemplates } from "../../src/input/read-templates.js";

const scratch = scratchFolder();
scratch.write("folder/labels", "猫\n狗\n");

describe("--labels", () => {
  it.each([
    ["a list", "猫,狗"],
    ["a list with Chinese commas", "猫，狗、猫"],
    ["a file without an extension", scratch.path("folder/labels")],
    ["a file with a byte order mark and old line ends", scratch.write("mark.txt", "\uFEFF猫\r狗\r")],
    ["a file of one line with commas", scratch.write("one.txt", "猫,狗\n")],
    ["a JSON array", scratch.write("labels.json", '["猫", "狗"]')],
  ])("%s", async (_, value) => {
    expect(await readLabelList(value)).toEqual(["猫", "狗"]);
  });

  it("a label with a slash is a label", async () => {
    expect(await readLabelList("猫/狗")).toEqual(["猫/狗"]);
  });

  it.each(["./labels", "../no/labels", "/no/labels", "~/labels", "C:\\labels", ".\\labels", scratch.path("folder/lables")])(
    "%s, which is not there, is a mistyped path and no label",
    async (value) => {
      await expect(readLabelList(value)).rejects.toMatchObject({ code: "no-such-file" });
    },
  );

  it("other JSON is no list", async () => {
    await expect(readLabelList(scratch.write("map.json", '{"0": "猫"}'))).rejects.toThrow("expected one label a line, or a JSON array");
  });
});

describe("files in GB18030", () => {
  const bytes = Buffer.from([0x7b, 0x7d, 0xb5, 0xc4, 0xd5, 0xd5, 0xc6, 0xac]); // {}的照片
  it("are errors, not other words", async () => {
    const file = scratch.write("gbk.txt", bytes);
    await expect(readTemplates(file)).rejects.toMatchObject({ code: "not-utf8" });
    await expect(readLabelList(file)).rejects.toMatchObject({ code: "not-utf8" });
  });
});
