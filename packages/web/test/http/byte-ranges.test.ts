/** Sets of byte ranges against a brute-force model: a set of the bytes' numbers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteCount, type ByteRange, coalesce, copyInto, intersect, subtract } from "../../src/http/byte-ranges.js";

const ranges = fc.array(
  fc.record({ start: fc.nat(40), length: fc.nat(12) }).map(({ start, length }) => ({ start, end: start + length })),
  { maxLength: 8 },
);

const bytesOf = (list: readonly ByteRange[]): Set<number> =>
  new Set(list.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)));

const sorted = (bytes: Iterable<number>): number[] => [...bytes].sort((a, b) => a - b);

describe("coalesce", () => {
  it("keeps the bytes, sorted and disjoint", () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const merged = coalesce(list, 0);
        expect(sorted(bytesOf(merged))).toEqual(sorted(bytesOf(list)));
        for (const [i, { start }] of merged.entries()) if (i > 0) expect(start).toBeGreaterThan(merged[i - 1]?.end ?? Infinity);
        expect(coalesce(merged, 0)).toEqual(merged);
      }),
    );
  });

  it("bridges gaps up to the one that is given, and leaves its input as it is", () => {
    const list = [
      { start: 10, end: 20 },
      { start: 0, end: 5 },
      { start: 26, end: 30 },
    ];
    expect(coalesce(list, 5)).toEqual([
      { start: 0, end: 20 },
      { start: 26, end: 30 },
    ]);
    expect(list[0]).toEqual({ start: 10, end: 20 });
  });
});

describe("subtract, intersect, byteCount", () => {
  it("agree with sets of bytes", () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const [wanted, present] = [coalesce(a, 0), coalesce(b, 0)];
        const there = bytesOf(present);
        const missing = subtract(wanted, present);
        expect(sorted(bytesOf(missing))).toEqual(sorted(bytesOf(wanted)).filter((byte) => !there.has(byte)));
        expect(byteCount(missing)).toBe(bytesOf(missing).size);
        const window = { start: 7, end: 23 };
        expect(sorted(bytesOf(intersect(wanted, window)))).toEqual(sorted(bytesOf(wanted)).filter((byte) => byte >= 7 && byte < 23));
      }),
    );
  });
});

describe("copyInto", () => {
  it("copies the overlap and nothing else", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(10), fc.nat(20), fc.nat(10), (start, length, at, partLength) => {
        const target = new Uint8Array(length);
        copyInto(
          target,
          start,
          at,
          Uint8Array.from({ length: partLength }, (_, i) => 1 + at + i),
        );
        expect([...target]).toEqual(Array.from({ length }, (_, i) => (start + i >= at && start + i < at + partLength ? 1 + start + i : 0)));
      }),
    );
  });
});
