import { describe, expect, it } from "vitest";
import { languageOf } from "../src/command.js";
import { formatProgress } from "../src/terminal-progress.js";
import { displayWidth, formatTable } from "../src/terminal-table.js";

describe("the terminal", () => {
  it("has columns in which a Chinese character is two wide", () => {
    expect(displayWidth("猫，a→")).toBe(6);
    expect(
      formatTable([
        ["", "R@1"],
        ["文搜图", "7.5"],
        ["a", "100.0"],
      ]),
    ).toBe("          R@1\n文搜图    7.5\na       100.0");
  });

  it("shows rate and time left, where they are known", () => {
    expect(formatProgress("pictures", 120, 600, 2)).toBe("pictures  120 / 600  20%  60/s  00:08");
    expect(formatProgress("pictures", 120, undefined, 60)).toBe("pictures  120  2.0/s");
    expect(formatProgress("图片", 1, 50_000, 1)).toBe("图片  1 / 50000  0%  1.0/s  13:53:19");
    expect(formatProgress("search", 0, 10, 0)).toBe("search  0 / 10  0%");
  });

  it("speaks the locale's language", () => {
    expect(languageOf({ LANG: "zh_CN.UTF-8" })).toBe("zh");
    expect(languageOf({ LANG: "zh_CN.UTF-8", LC_ALL: "en_US.UTF-8" })).toBe("en");
    expect(languageOf({})).toBe("en");
  });
});
