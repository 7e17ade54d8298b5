import fc from "fast-check";
import { expect, it } from "vitest";
import { formatCsv } from "../../src/reports/csv.js";

const text = (...rows: (string | number | undefined)[][]): string => [...formatCsv(rows)].join("");

it("begins with the byte order mark once, ends lines as RFC 4180 says, and leaves out what is missing", () => {
  expect(text(["路径", "score"], ["a.jpg", 0.5], ["b.jpg", undefined])).toBe("\ufeff路径,score\r\na.jpg,0.5\r\nb.jpg,\r\n");
});

it("marks what a spreadsheet would run as text, and leaves numbers alone", () => {
  const cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "=cmd|' /C calc'!A0"];
  for (const cell of cells) expect(text([cell]).replace("\ufeff", "").replace(/^"/, "")).toMatch(/^'/);
  expect(text([-0.25, Number.NaN])).toBe("\ufeff-0.25,\r\n");
});

it("is read back as it was, whatever the texts", () => {
  const parse = (source: string): string[] => {
    const cells: string[] = [];
    const line = source.replace("\ufeff", "").replace(/\r\n$/, "");
    for (let at = 0; at <= line.length;) {
      if (line[at] === '"') {
        let cell = "";
        for (at++; !(line[at] === '"' && line[at + 1] !== '"'); at++)
          if (line[at] === '"') cell += line[at++] ?? "";
          else cell += line[at] ?? "";
        cells.push(cell);
        at += 2;
      } else {
        const end = line.indexOf(",", at) < 0 ? line.length : line.indexOf(",", at);
        cells.push(line.slice(at, end));
        at = end + 1;
      }
    }
    return cells;
  };
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", " ", "猫", "=") }), { minLength: 2, maxLength: 4 }),
      (cells) => {
        expect(parse(text(cells)).map((cell) => cell.replace(/^'(?=[=\r\n])/, ""))).toEqual(cells);
      },
    ),
  );
});
