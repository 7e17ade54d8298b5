import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseTemplates } from "../../src/zero-shot/parse-templates.js";
import { TemplateError } from "../../src/zero-shot/template-error.js";
import { CHINESE_TEMPLATES, isTemplateSet, TEMPLATE_SETS } from "../../src/zero-shot/template-sets.js";

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

describe("in time linear in the text (I1)", () => {
  const long = 300_000;
  it.each([
    ["spaces in braces", `{${" ".repeat(long)}`],
    ["many braces and spaces", "{ ".repeat(long)],
    ["a string, spaces and something else", `'{}'${" ".repeat(long)}x`],
    ["closing brackets", `a = ['{}'${"] ".repeat(long)}`],
    ["a long name", `${"a".repeat(long)}${" ".repeat(long)}`],
    ["a lambda that never ends", `lambda ${" ".repeat(long)}`],
    ["many strings on one line", `a = [${"'{}', ".repeat(long)}]`],
    ["a format call that does not end", `'{}'.format(${" ".repeat(long)}`],
  ])("%s", (_, text) => {
    // What is quadratic in these takes longer than the test's limit.
    try {
      parseTemplates(text);
    } catch (error) {
      expect(error).toBeInstanceOf(TemplateError);
    }
  });
});

describe("the package's own sets", () => {
  it("are as many sentences as its README says", () => {
    const readme = readFileSync(new URL("../../src/zero-shot/README.md", import.meta.url), "utf8");
    for (const set of TEMPLATE_SETS) {
      expect(isTemplateSet(set)).toBe(true);
      const row = readme.split("\n").find((line) => line.startsWith(`| \`${set}\``));
      expect(Number(/\| (\d+) /.exec(row ?? "")?.[1])).toBe(CHINESE_TEMPLATES[set].length);
    }
  });

  it.each(TEMPLATE_SETS)("%s: each sentence once, the label once, short, in Chinese, without a full stop", (set) => {
    const templates = CHINESE_TEMPLATES[set];
    expect(templates.length).toBeGreaterThanOrEqual(set === "general" ? 30 : 20);
    expect(templates.length).toBeLessThanOrEqual(60);
    expect(new Set(templates).size).toBe(templates.length);
    for (const template of templates) {
      expect(template.split("{}").length).toBe(2);
      expect(template).toMatch(/^[\p{Script=Han}，：{}]{2,15}$/u);
    }
  });
});

it("I17 a template without a place for the label is shown without what a terminal acts on", () => {
  expect(() => parseTemplates("一张\u001b[31m照片")).toThrow("got 一张\\u{1b}[31m照片");
});
