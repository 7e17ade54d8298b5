/** A figure that several documents tell is the benchmark's: its tables are the source, and the same words stand everywhere else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../packages.js";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const bench = read("bench/README.md");

/** The first number of each cell of a table's row; a row is found by its first cells. */
function row(section: string, ...first: readonly string[]): number[] {
  const [, table = ""] = new RegExp(`<!-- bench:${section} -->(.*?)<!-- /bench:${section} -->`, "s").exec(bench) ?? [];
  const line = table.split("\n").find((text) => first.every((cell, i) => text.split("|")[i + 1]?.trim() === cell)) ?? "";
  return line
    .split("|")
    .slice(2)
    .map((cell) => Number.parseFloat(cell));
}

describe("H q8's figures", () => {
  it.each(["8 images", "1 image", "one text query, 12 tokens"])("are about three times fp32's speed with AMX: %s", (line) => {
    const [, fp32 = Number.NaN, q8 = Number.NaN] = row("peers", line);
    expect(Math.round(fp32 / q8)).toBe(3);
  });

  it.each([
    ["ViT-B/16, random", 0.999],
    ["demo checkpoint", 0.999],
    ["ViT-B/16, outliers", 0.99],
    ["demo, outliers", 0.99],
  ])("have a smallest cosine on %s of at least %d", (checkpoint, promised) => {
    for (const tower of ["text", "vision"]) {
      const cells = row("fidelity", checkpoint, tower, "q8");
      expect(cells[5], tower).toBeGreaterThanOrEqual(promised);
      expect(cells[3], tower).toBeLessThan(0.3); // of fp32's size: a quarter, and what stays in float32
    }
  });

  it.each([
    ["README.md", /about three times as fast .* with AMX, about twice with VNNI/s, /0\.999 .*0\.99 on weights with outliers/s],
    ["README.zh-CN.md", /AMX .*约为 fp32 的三倍速.*VNNI .*约为两倍/s, /0\.999.*离群值.*0\.99/s],
    [
      "docs/node.md",
      /about three times as fast as fp32 .* with AMX.*2\.2 times for images and 1\.7 times for a text\s+query/s,
      /0\.999; with outliers at least 0\.99/,
    ],
    [
      "bench/README.md",
      /about three times fp32's with AMX.*2\.2 times for images and 1\.7 times for a text query/s,
      /0\.999 \(0\.99 with outliers\)/,
    ],
  ])("are told alike in %s", (document, speed, cosine) => {
    expect(read(document)).toMatch(speed);
    expect(read(document)).toMatch(cosine);
  });

  it("are told nowhere else", () => {
    for (const document of [
      "packages/node/README.md",
      "packages/node/README.zh-CN.md",
      "packages/cli/README.md",
      "packages/cli/README.zh-CN.md",
    ]) {
      expect(read(document)).not.toMatch(/VNNI|0\.999|times as fast|倍速/);
    }
  });
});
