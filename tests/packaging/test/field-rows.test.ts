/**
 * Faults that were found in the field are rows with a letter and a number. Each has a test that is named after it, `A5 checkpoints of other
 * training loops`, or a reason here for having none.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./packages.js";

/** Sections and how many rows each has; 0 where the section is one row that has no number. */
const SECTIONS: Readonly<Record<string, number>> = { A: 16, B: 9, C: 6, D: 5, E: 2, F: 12, G: 0, H: 0, I: 18 };

/** Rows without a test of their name. */
const REASONS: Readonly<Record<string, string>> = {};

const ROWS = Object.entries(SECTIONS).flatMap(([letter, count]) =>
  count === 0 ? [letter] : Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
);

const ROW = String.raw`(?:[A-FI]\d{1,2}|[GH])`;

/** The rows that titles of tests begin with, such as `"A3, A10 ..."`. */
function rowsNamedIn(source: string): string[] {
  const titles = source.matchAll(new RegExp(String.raw`\(\s*["\x60](${ROW}(?:, ${ROW})*):? [^"\x60\n]`, "gu"));
  return [...titles].flatMap(([, rows = ""]) => rows.split(", "));
}

/** Paths of all test files of the workspace's packages. */
function testFiles(): string[] {
  const folders = ["packages", "tests", "examples"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(root, parent, name, "test")),
  );
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(".test.ts"));
}

describe("what was found in the field", () => {
  const named = new Set(testFiles().flatMap((file) => rowsNamedIn(readFileSync(file, "utf8"))));

  it.each(ROWS)("%s has a test of its name, or a reason for having none", (row) => {
    expect([named.has(row), row in REASONS]).toEqual([!(row in REASONS), row in REASONS]);
  });

  it("is listed: no test is named after a row that is not there", () => {
    expect([...named].filter((row) => !ROWS.includes(row))).toEqual([]);
    expect(Object.keys(REASONS).filter((row) => !ROWS.includes(row))).toEqual([]);
  });

  it("is found in titles alone", () => {
    expect(rowsNamedIn('it("A3, A10 convert", f);\ndescribe("G: a load", f);\n  it.each([\n])("I1 of %s", f);')).toEqual([
      "A3",
      "A10",
      "G",
      "I1",
    ]);
    expect(rowsNamedIn('it("A folder is read", f);\n// A5 as in\nit("B", f);\nconst a = "A6 no title";')).toEqual([]);
  });
});
