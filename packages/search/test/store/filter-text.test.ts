import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Filter, matchesFilter } from "../../src/store/filter.js";
import { type FieldKind, parseFilterText } from "../../src/store/filter-text.js";
import { matchesGlob } from "../../src/store/glob.js";

/** Any code point but surrogates. `unit: "binary"` sorts all of them first, seven seconds' work. */
const character = fc
  .integer({ min: 0, max: 0x10ffff })
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

const KINDS: Readonly<Record<string, FieldKind>> = {
  size: "bytes",
  takenAt: "date",
  mtime: "milliseconds",
  width: "number",
  camera: "text",
};

const META = {
  path: "2024/春节/IMG_1.jpg",
  size: 2_500_000,
  takenAt: "2024-02-10T08:30:00+08:00",
  mtime: Date.UTC(2024, 1, 11),
  width: 4000,
  camera: "Canon 5",
  rating: "5",
  exif: { iso: 100 },
};

describe("a filter as text", () => {
  it.each([
    ["path=**/*.jpg", true],
    ["path=*.jpg", false],
    ["path=2024/**", true],
    ["path!=**/*.png", true],
    ["path=2024/春节/IMG_1.jpg", true],
    ["path = 2024/春节/IMG_?.jpg", true],
    ["size>2MB", true],
    ["size<2500kB", false],
    ["size<=2500000", true],
    ["size>=2.4M", true],
    ["takenAt=2024", true],
    ["takenAt=2024-02", true],
    ["takenAt=2024-02-10", true],
    ["takenAt=2024-02-09", false],
    ["takenAt!=2024-02", false],
    ["takenAt<=2024-02-10", true],
    ["takenAt<2024-02-10", false],
    ["takenAt>2024-02-10", false],
    ["takenAt>2024-02-09", true],
    ["takenAt>=2024-02-10", true],
    ["takenAt<=2023", false],
    ["mtime=2024-02-11", true],
    ["mtime>=2024-03", false],
    ["mtime<=2024", true],
    ["width>=4000", true],
    ["width=4000", true],
    ["camera=Canon*", true],
    ["camera=Canon 5", true],
    ["rating=5", true],
    ["rating!=5", false],
    ["exif.iso=100", true],
    ["exif.iso>100", false],
    ["lens=*", false],
    ["lens!=*", true],
    ["camera=*", true],
    ['{"field":"width","op":"lt","value":5000}', true],
  ])("%s is %s", (text, expected) => {
    expect(matchesFilter(parseFilterText(text, KINDS), META)).toBe(expected);
  });

  it.each([
    ["", "field=value"],
    ["春节", "field=value"],
    ["path", "field=value"],
    ["=x", "field=value"],
    ["takenAt>=yesterday", "a date such as 2024"],
    ["takenAt=2024-13", "a date such as 2024"],
    ["takenAt=2023-02-29", "a date such as 2024"],
    ["size>big", "a number of bytes"],
    ["width>wide", "a number"],
    ["{bad", "JSON"],
    ['{"field":"a","op":"like","value":1}', "one of eq"],
  ])("%s is rejected", (text, message) => {
    expect(() => parseFilterText(text, KINDS)).toThrow(
      expect.objectContaining({ code: "invalid-filter", message: expect.stringContaining(message) as string }),
    );
  });

  it("is a filter, or an error of its own, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 30 }), (text) => {
        let filter: Filter | undefined;
        try {
          filter = parseFilterText(text, KINDS);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid-filter" });
        }
        if (filter !== undefined) expect(typeof matchesFilter(filter, META)).toBe("boolean");
      }),
    );
  });
});

describe("a pattern", () => {
  it("matches what its regular expression does", () => {
    const pieces = fc.array(fc.constantFrom("a", "b", "/", "*", "**", "**/", "?", "."), { maxLength: 8 });
    const texts = fc.array(fc.constantFrom("a", "b", "/", "."), { maxLength: 10 });
    const expression = (pattern: string): RegExp => {
      const parts: Readonly<Record<string, string>> = { "*": "[^/]*", "?": "[^/]", ".": "\\." };
      const source = pattern
        .replaceAll(/\*{2,}/g, "**")
        .replaceAll(/(^|\/)((?:\*\*\/)+)|\*\*|[*?.]/g, (found, before: string | undefined, folders: string | undefined) =>
          folders === undefined ? (found === "**" ? "[^]*" : (parts[found] ?? found)) : `${before ?? ""}(?:[^]*/)?`,
        );
      return new RegExp(`^${source}$`, "u");
    };
    fc.assert(
      fc.property(pieces, texts, (pattern, text) => {
        expect(matchesGlob(pattern.join(""), text.join(""))).toBe(expression(pattern.join("")).test(text.join("")));
      }),
      { numRuns: 3000 },
    );
  });

  it("takes characters, not UTF-16 units, and ends on hostile patterns", () => {
    expect([matchesGlob("?.jpg", "😀.jpg"), matchesGlob("???", "猫狗")]).toEqual([true, false]);
    expect(matchesGlob(`${"*a".repeat(2000)}b`, "a".repeat(4000))).toBe(false);
    expect(matchesGlob(`${"**a*".repeat(1000)}b`, "a".repeat(2000))).toBe(false);
  });
});
