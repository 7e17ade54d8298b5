import { describe, expect, it } from "vitest";
import { bar, createPaint, displayWidth, formatTable } from "../src/terminal-table.js";

describe("displayWidth", () => {
  it.each([
    ["", 0],
    ["cat", 3],
    ["猫", 2],
    ["猫cat，", 7],
    ["ｗｉｄｅ", 8],
    ["é", 1],
    ["𠮷", 2],
    ["🐱", 2],
    ["한글", 4],
  ])("of %j is %i", (text, width) => expect(displayWidth(text)).toBe(width));
});

describe("formatTable", () => {
  it("lines up columns whose characters differ in width", () => {
    const lines = formatTable(
      [
        ["猫", "1.5", "x"],
        ["butterfly", "10.25", "y"],
      ],
      ["left", "right", "left"],
    );
    expect(lines).toEqual(["猫           1.5  x", "butterfly  10.25  y"]);
  });

  it("shortens a long cell in its middle", () => {
    const [line = ""] = formatTable([[`${"很长的文件名".repeat(20)}.jpeg`]], ["left"]);
    expect(displayWidth(line)).toBeLessThanOrEqual(40);
    expect(line).toMatch(/^很长.*….*\.jpeg$/);
  });

  it("is empty for no rows", () => expect(formatTable([], ["left"])).toEqual([]));
});

describe("bar", () => {
  it.each([
    [0, "    "],
    [0.5, "██  "],
    [1, "████"],
    [0.28125, "█▏  "],
    [-0.3, "    "],
    [7, "████"],
  ])("of %d", (fraction, text) => expect(bar(fraction, 4)).toBe(text));
});

describe("createPaint", () => {
  it("leaves text as it is where there is no terminal", () => {
    const { title, best, faint } = createPaint({});
    expect([title("a"), best("b"), faint("c")]).toEqual(["a", "b", "c"]);
  });
});
