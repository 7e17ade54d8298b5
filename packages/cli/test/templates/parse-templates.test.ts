import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { isTemplateSet, readTemplates, TEMPLATE_SETS } from "../../src/templates/built-in-templates.js";
import { parseTemplates } from "../../src/templates/parse-templates.js";

const only = (text: string): readonly string[] => {
  const lists = parseTemplates(text);
  expect(lists.length).toBe(1);
  return lists[0]!.templates;
};

const PYTHON = `"""
This script provides templates, such as {c}.
"""

openai_templates = [
    lambda c: f"{c}的照片",
    lambda c: f"一张{c}的照片。",  # twice
    lambda c: f"一张{c}的照片。",
]

classnames = ["猫", "狗"]

normal_templates = [lambda c: f"{c}的图片"]

def something():
    return "nothing"

formatted = [
    lambda name: 'a photo of {name}\\'s friend, {}'.format(name),
    '{}的画', "{0}的雕塑",
]
`;

describe("formats", () => {
  it("one a line, with comments, empty lines and every way to mark the label", () => {
    expect(only("\uFEFF# 注释\n\n{}\r\n一张{c}的照片\n{0}的画\n{ label }和{label}\n")).toEqual(["{}", "一张{}的照片", "{}的画", "{}和{}"]);
  });

  it("lines copied out of Python, without the list's head", () => {
    expect(only('    lambda c: f"{c}的照片",\n    lambda c: f"{c}的画",\n    "{}的图",\n]')).toEqual(["{}的照片", "{}的画", "{}的图"]);
  });

  it("plain lines that have quotes in them", () => {
    expect(only('"{}"的照片\n写着“{}”的牌子')).toEqual(['"{}"的照片', "写着“{}”的牌子"]);
  });

  it("Python source with several lists, repeated ones kept, lists of other things left out", () => {
    expect(parseTemplates(PYTHON)).toEqual([
      { name: "openai_templates", templates: ["{}的照片", "一张{}的照片。", "一张{}的照片。"] },
      { name: "normal_templates", templates: ["{}的图片"] },
      { name: "formatted", templates: ["a photo of {}'s friend, {}", "{}的画", "{}的雕塑"] },
    ]);
  });

  it("a JSON array", () => {
    expect(only('["{}的照片", "一张{c}"]')).toEqual(["{}的照片", "一张{}"]);
  });

  it.each([
    ["", "no templates in it; write one a line, with {} where the label goes"],
    ["# 只有注释\n", "no templates in it; write one a line, with {} where the label goes"],
    ["{}的照片\n\n一张照片\n", "line 3: expected {} (or {c}) where the label goes, got 一张照片"],
    ["a = [\n  '{}',\n  '照片',\n]", "line 3: expected {} (or {c}) where the label goes, got 照片"],
    ["a = [\n  '{},\n]", "line 2: expected strings separated by commas, got '{},"],
    ["[1]", "expected an array of strings, got 1 as item 1"],
    ["[]", "no templates in it; expected an array of strings with {} where the label goes"],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => parseTemplates(text)).toThrow(message);
  });
});

describe("by name", () => {
  const folder = mkdtempSync(join(tmpdir(), "templates-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };

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

describe("the package's own sets", () => {
  const folder = fileURLToPath(new URL("../../src/templates/sets/", import.meta.url));

  it("are those in the folder, and its README counts them right", async () => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".txt"));
    expect(files.sort()).toEqual(TEMPLATE_SETS.map((set) => `${set}.txt`).sort());
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    for (const set of TEMPLATE_SETS) {
      expect(isTemplateSet(set)).toBe(true);
      const templates = await readTemplates(set);
      const row = readme.split("\n").find((line) => line.includes(`\`${set}.txt\``));
      expect(Number(/\| (\d+) /.exec(row ?? "")?.[1])).toBe(templates.length);
    }
  });

  it.each(TEMPLATE_SETS)("%s: each sentence once, the label once, short, in Chinese, without a full stop", async (set) => {
    const templates = await readTemplates(set);
    expect(templates.length).toBeGreaterThanOrEqual(set === "general" ? 30 : 20);
    expect(templates.length).toBeLessThanOrEqual(60);
    expect(new Set(templates).size).toBe(templates.length);
    for (const template of templates) {
      expect(template.split("{}").length).toBe(2);
      expect(template).toMatch(/^[\p{Script=Han}，：{}]{2,15}$/u);
    }
  });
});
