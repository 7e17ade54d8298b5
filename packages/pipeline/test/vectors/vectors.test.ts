import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cosine, dot, dotAt, meanDirection, norm, normalize, softmax, weightedSum } from "../../src/vectors/index.js";

const integers = (length: number): fc.Arbitrary<Float32Array> =>
  fc.array(fc.integer({ min: -9, max: 9 }), { minLength: length, maxLength: length }).map((values) => Float32Array.from(values));
const pairs = fc.integer({ min: 1, max: 40 }).chain((length) => fc.tuple(integers(length), integers(length)));

describe("products", () => {
  it("are the plain sum, exactly for integers, also inside larger arrays", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const expected = a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
        expect(dot(a, b)).toBe(expected + 0);
        expect(dotAt(Float32Array.of(7, ...a, 7), 1, Float64Array.of(5, 5, ...b), 2, a.length)).toBe(expected + 0);
      }),
    );
  });

  it("a cosine is that of the directions, whatever the lengths", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        fc.pre(norm(a) > 0 && norm(b) > 0);
        expect(cosine(a, b)).toBeCloseTo(dot(a, b) / norm(a) / norm(b), 12);
        expect(
          cosine(
            a.map((value) => 3 * value),
            b,
          ),
        ).toBeCloseTo(cosine(a, b), 12);
        expect(cosine(a, a)).toBeCloseTo(1, 12);
      }),
    );
    expect(cosine(Float32Array.of(0), Float32Array.of(1))).toBeNaN();
  });

  it("reject vectors of different lengths", () => {
    expect(() => dot(Float32Array.of(1), Float32Array.of(1, 2))).toThrow(
      new RangeError("dot: expected vectors of one length, got 1 and 2 values"),
    );
    expect(() => cosine(Float32Array.of(1), Float32Array.of(1, 2))).toThrow(RangeError);
  });
});

describe("normalize, weightedSum, meanDirection", () => {
  it("give norm 1, a sum by weights, and the direction between", () => {
    expect([...normalize(Float32Array.of(3, 4))]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect([...weightedSum([Float32Array.of(1, 2), Float32Array.of(3, 4)], [2, -1])]).toEqual([-1, 0]);
    expect([...meanDirection([Float32Array.of(1, 0), Float32Array.of(0, 1)])]).toEqual([
      Math.fround(Math.SQRT1_2),
      Math.fround(Math.SQRT1_2),
    ]);
  });
});

describe("softmax", () => {
  it("sums to 1, keeps the order, and does not overflow", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 20 }), (scores) => {
        const weights = softmax(scores);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        for (const [i, score] of scores.entries())
          for (const [j, other] of scores.entries()) if (score > other) expect(weights[i]).toBeGreaterThanOrEqual(weights[j] as number);
      }),
    );
    expect([...softmax([1, 3], 0)]).toEqual([0.5, 0.5]);
    expect([...softmax([])]).toEqual([]);
  });

  it("I12 takes hundreds of thousands of scores", () => {
    expect(softmax(new Float32Array(300_000))[0]).toBeCloseTo(1 / 300_000, 12);
  });
});
