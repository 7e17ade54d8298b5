import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPythonFloat } from "@chinese-clip/dataset/formats";
import { dumpPythonJson, pythonRepr, roundToSixDecimals } from "../../src/python/python-format.js";
import { loadPythonJson } from "../../src/python/python-json.js";

type Pairs = readonly (readonly [string, string])[];
/** What Python wrote: floats by the bytes of their double, strings as they are. */
const golden = JSON.parse(readFileSync(new URL("../../../../fixtures/evaluation/python-values.json", import.meta.url), "utf8")) as Record<
  "floats" | "rounded" | "strings" | "reprs",
  Pairs
>;
const double = (hex: string): number => Buffer.from(hex, "hex").readDoubleBE();

describe("as Python writes", () => {
  it("floats, of float32 and of float64", () => {
    expect(golden.floats.map(([hex]) => formatPythonFloat(double(hex)))).toEqual(golden.floats.map(([, repr]) => repr));
  });

  it("floats, whatever their size: the digits of JavaScript", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatPythonFloat(value);
        const isPython = /^-?(?:\d+\.\d+|\d(?:\.\d+)?e[+-]\d{2,3})$/.test(text);
        const isAlike = Math.abs(value) >= 1e-4 && Math.abs(value) < 1e16;
        const isSame = !isAlike || text.replace(/\.0$/, "") === String(value).replace(/\.0$/, "");
        expect([text, Object.is(Number(text), value), isPython, isSame]).toEqual([text, true, true, true]);
      }),
      { numRuns: 2000 },
    );
  });

  it("round(x, 6), halves included", () => {
    expect(golden.rounded.map(([hex]) => formatPythonFloat(roundToSixDecimals(double(hex))))).toEqual(
      golden.rounded.map(([, repr]) => repr),
    );
  });

  it("strings in JSON", () => {
    expect(golden.strings.map(([text]) => dumpPythonJson(text))).toEqual(golden.strings.map(([, json]) => json));
    expect(golden.strings.map(([, json]) => loadPythonJson(json))).toEqual(golden.strings.map(([text]) => text));
  });

  it("strings in messages", () => {
    expect(golden.reprs.map(([text]) => pythonRepr(text))).toEqual(golden.reprs.map(([, repr]) => repr));
  });

  it("values that JSON has no word for", () => {
    expect(dumpPythonJson([NaN, Infinity, -Infinity, null, true, 3n, 3])).toBe("[NaN, Infinity, -Infinity, null, true, 3, 3.0]");
    expect(loadPythonJson("[NaN, -Infinity, 1, 1.0, 1e2, -0]")).toEqual([NaN, -Infinity, 1n, 1, 100, 0n]);
  });
});
