import fc from "fast-check";
import { expect, it } from "vitest";
import { type Hash64, HammingIndex, hammingDistance, parseHash64 } from "../../src/duplicates/hamming-index.js";

const words = fc.integer({ min: 0, max: 0xffff_ffff });
const hashes: fc.Arbitrary<Hash64> = fc.tuple(words, words);

/** Hashes near one another: a few bits of a common one flipped. */
const nearHashes: fc.Arbitrary<Hash64[]> = fc
  .tuple(hashes, fc.array(fc.array(fc.nat(63), { maxLength: 18 }), { minLength: 1, maxLength: 40 }))
  .map(([base, flips]) =>
    flips.map((bits) =>
      bits.reduce<Hash64>(
        ([upper, lower], bit) => (bit < 32 ? [(upper ^ (1 << bit)) >>> 0, lower] : [upper, (lower ^ (1 << (bit - 32))) >>> 0]),
        base,
      ),
    ),
  );

it("the distance is the number of bits that differ", () => {
  const bits = ([upper, lower]: Hash64): string => (BigInt(upper) * 2n ** 32n + BigInt(lower)).toString(2).padStart(64, "0");
  fc.assert(
    fc.property(hashes, hashes, (a, b) => {
      expect(hammingDistance(a, b)).toBe([...bits(a)].filter((bit, i) => bit !== bits(b)[i]).length);
    }),
  );
});

it("finds what a comparison with all finds, at every radius, nearest first", () => {
  fc.assert(
    fc.property(nearHashes, fc.nat(15), ([query, ...others], radius) => {
      const index = new HammingIndex(radius);
      for (const [key, hash] of others.entries()) index.add(hash, key);
      const expected = others
        .map((hash, key) => ({ key, distance: hammingDistance(query as Hash64, hash) }))
        .filter(({ distance }) => distance <= radius)
        .toSorted((a, b) => a.distance - b.distance || a.key - b.key);
      expect(index.near(query as Hash64)).toEqual(expected);
    }),
  );
});

it("reads 16 hexadecimal digits and nothing else", () => {
  expect(parseHash64("00000001fffffffe")).toEqual([1, 0xffff_fffe]);
  for (const bad of ["", "1234", "00000001ffffffff0", "g0000001ffffffff", 7, null, undefined, ["00000001fffffffe"]]) {
    expect(parseHash64(bad)).toBeUndefined();
  }
});

it("rejects a radius that would look at everything", () => {
  for (const radius of [-1, 16, 1.5, Number.NaN]) expect(() => new HammingIndex(radius)).toThrow(RangeError);
});
