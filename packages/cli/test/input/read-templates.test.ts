import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHINESE_TEMPLATES } from "@chinese-clip/pipeline/zero-shot";
import { afterAll, describe, expect, it } from "vitest";
import { readTemplates } from "../../src/input/read-templates.js";

const PYTHON = `
openai_templates = [
    lambda c: f"{c}的照片",
    lambda c: f"一张{c}的照片。",
    lambda c: f"一张{c}的照片。",
]
normal_templates = [lambda c: f"{c}的图片"]
`;

describe("by name", () => {
  const folder = mkdtempSync(join(tmpdir(), "templates-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  it("a set of the package", async () => {
    expect(await readTemplates("food")).toBe(CHINESE_TEMPLATES.food);
  });

  it("one list of a Python file", async () => {
    const file = write("templates.py", PYTHON);
    expect(await readTemplates(`${file}:normal_templates`)).toEqual(["{}的图片"]);
    await expect(readTemplates(file)).rejects.toThrow("it has several lists; choose one, as in templates.py:openai_templates");
    await expect(readTemplates(`${file}:food`)).rejects.toThrow("no list food in it; it has openai_templates (3), normal_templates (1)");
  });

  it("a file, and what to do about one that is not there", async () => {
    expect(await readTemplates(write("mine.txt", "{}"))).toEqual(["{}"]);
    await expect(readTemplates(write("bad.txt", "{}\n照片"))).rejects.toThrow("bad.txt, line 2: expected {}");
    await expect(readTemplates("fodo")).rejects.toThrow(
      "fodo: no such file; give a file, or one of the sets general, photo, goods, food, places",
    );
    await expect(readTemplates(folder)).rejects.toThrow("expected a file, got a folder");
  });
});
