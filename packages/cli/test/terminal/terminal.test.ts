import { describe, expect, it, vi } from "vitest";
import { languageOf } from "../../src/command.js";
import { cutToWidth, type TerminalStream } from "../../src/terminal/line.js";
import { printable } from "../../src/terminal/printable.js";
import { formatProgress, TerminalProgress } from "../../src/terminal/progress.js";
import { displayWidth, formatTable } from "../../src/terminal/table.js";
import { formatTransfer, TransferProgress } from "../../src/terminal/transfer.js";

/** A terminal that remembers what was written to it. */
function terminal(columns: number, isTTY = true): TerminalStream & { readonly written: () => string } {
  let written = "";
  const write = (text: unknown): boolean => {
    written += String(text);
    return true;
  };
  return { isTTY, columns, write, written: () => written };
}

describe("the terminal", () => {
  it("I17 shows control characters instead of obeying them", () => {
    expect(printable("a\u001b[2Jb\u0007\r\u009b1m\u202egnp.exe 猫\té\n")).toBe("a\\u001b[2Jb\\u0007\\u000d\\u009b1m\\u202egnp.exe 猫\té\n");
    const name = { file: "x\u007f\u202e.png" };
    expect(JSON.parse(printable(JSON.stringify(name)))).toEqual(name);
  });

  it("F9 gets a line every ten seconds where it is none", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const stream = terminal(80, false);
      const progress = new TerminalProgress(stream);
      for (let second = 0; second <= 31; second++) {
        progress.report("images", second, 100);
        vi.advanceTimersByTime(1000);
      }
      progress.end();
      expect(stream.written().split("\n")).toEqual([
        expect.stringMatching(/^images {2}10 \/ 100 {2}10%/),
        expect.stringMatching(/^images {2}20 \/ 100/),
        expect.stringMatching(/^images {2}30 \/ 100/),
        "",
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

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
    expect(formatProgress("images", 120, 600, 2)).toBe("images  120 / 600  20%  60/s  00:08");
    expect(formatProgress("images", 120, undefined, 60)).toBe("images  120  2.0/s");
    expect(formatProgress("图片", 1, 50_000, 1)).toBe("图片  1 / 50000  0%  1.0/s  13:53:19");
    expect(formatProgress("search", 0, 10, 0)).toBe("search  0 / 10  0%");
  });

  it("gets a bar that is as wide as there is room for, then a shorter name", () => {
    const moved = { bytes: 200e6, seconds: 10 };
    const at = (columns: number, file = "model.safetensors"): string => formatTransfer(file, 312e6, 753e6, moved, columns);
    expect(at(79)).toBe("model.safetensors  ████████░░░░░░░░░░░░  312 / 753 MB  41%  20.0 MB/s  00:23");
    expect(at(70)).toBe("model.safetensors  ████░░░░░░  312 / 753 MB  41%  20.0 MB/s  00:23");
    expect(at(39)).toBe("312 / 753 MB  41%  20.0 MB/s  00:23");
    expect(at(48)).toBe("model.safe…  312 / 753 MB  41%  20.0 MB/s  00:23");
    expect(at(50, "检查点/权重文件.safetensors")).toMatch(/^检查点\/\S*… {2}312/);
    for (let columns = 36; columns < 120; columns++)
      expect(displayWidth(at(columns, "检查点/权重文件.safetensors"))).toBeLessThanOrEqual(columns);
  });

  it("is never written to beyond its last column but one, whatever the language", () => {
    for (const columns of [5, 40, 80]) {
      const stream = terminal(columns);
      const [progress, transfer] = [new TerminalProgress(stream), new TransferProgress(stream)];
      progress.report("提取图片特征并写入文件的很长的步骤名", 1, 50_000);
      progress.report("images", 7, undefined);
      progress.end();
      for (const loaded of [0, 500, 1000]) {
        transfer.report({
          status: "progress",
          name: "m",
          file: "很长的文件夹名/很长的文件名.safetensors",
          progress: loaded / 10,
          loaded,
          total: 1000,
        });
      }
      const drawn = stream.written().replaceAll("\r\u001b[K", "\n").split("\n");
      expect(drawn.length).toBeGreaterThan(5);
      for (const text of drawn) expect(displayWidth(text)).toBeLessThan(columns);
      expect(stream.written().endsWith("\n")).toBe(true);
      // No colours, so that NO_COLOR has nothing to forbid.
      expect(drawn.join("")).not.toContain("\u001b");
    }
  });

  it("that is none gets nothing", () => {
    const stream = terminal(80, false);
    const [progress, transfer] = [new TerminalProgress(stream), new TransferProgress(stream)];
    progress.report("images", 1, 2);
    progress.end();
    transfer.report({ status: "progress", name: "m", file: "f", progress: 100, loaded: 1, total: 1 });
    transfer.end();
    expect(stream.written()).toBe("");
  });

  it("is drawn once for many reports in a moment, and at the end", () => {
    const stream = terminal(80);
    const progress = new TerminalProgress(stream);
    for (let done = 1; done <= 1000; done++) progress.report("search", done, 1000);
    progress.end();
    const draws = stream.written().split("\r").length - 1;
    expect(draws).toBeGreaterThanOrEqual(2);
    expect(draws).toBeLessThan(100);
    expect(stream.written()).toMatch(/search {2}1000 \/ 1000 {2}100%[^\r]*\n$/);
  });

  it("has texts cut to its columns, wide characters whole", () => {
    expect([cutToWidth("猫狗鸟", 6), cutToWidth("猫狗鸟", 5), cutToWidth("猫狗鸟", 4), cutToWidth("ab", 1), cutToWidth("ab", 0)]).toEqual([
      "猫狗鸟",
      "猫狗…",
      "猫…",
      "…",
      "",
    ]);
  });

  it("speaks the locale's language", () => {
    expect(languageOf({ LANG: "zh_CN.UTF-8" })).toBe("zh");
    expect(languageOf({ LANG: "zh_CN.UTF-8", LC_ALL: "en_US.UTF-8" })).toBe("en");
    expect(languageOf({})).toBe("en");
  });
});
