import fc from "fast-check";
import { normalize } from "@chinese-clip/pipeline/vectors";
import { describe, expect, it } from "vitest";
import { NearestRow, sampleSize } from "../../src/duplicates/nearest-row.js";
import { Projection } from "../../src/duplicates/projection.js";

/** Vectors of norm 1 in clusters of a common direction, as a model's are. */
function vectorsOf(seed: number, count: number, dim: number, spread: number): Float32Array[] {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 31 - 1;
  const centers = Array.from({ length: 5 }, () => Float64Array.from({ length: dim }, random));
  return Array.from({ length: count }, (_, i) =>
    normalize(Float64Array.from({ length: dim }, (__, k) => 1 + (centers[i % 5]?.[k] ?? 0) + spread * random())),
  );
}

const dotOf = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe("a projection", () => {
  it("never underestimates an inner product, of vectors that it has not seen either", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.constantFrom(40, 64), fc.constantFrom(0.01, 0.5, 4), (seed, dim, spread) => {
        const [sample, others] = [vectorsOf(seed, 40, dim, spread), vectorsOf(seed + 1, 10, dim, 2)];
        const projection = new Projection(sample);
        const all = [...sample, ...others].map((vector) => ({ vector, ...projection.shorten(vector) }));
        const excess = all.flatMap((a) => all.map((b) => dotOf(a.row, b.query) - dotOf(a.vector, b.vector)));
        expect(Math.min(...excess)).toBeGreaterThanOrEqual(-1e-5);
      }),
      { numRuns: 8 },
    );
  });

  it("is a bound also where the sample is one vector many times", () => {
    const [vector = new Float32Array(64), other = new Float32Array(64)] = vectorsOf(3, 2, 64, 1);
    const projection = new Projection(Array.from({ length: 50 }, () => vector));
    expect(dotOf(projection.shorten(vector).row, projection.shorten(other).query)).toBeGreaterThanOrEqual(dotOf(vector, other) - 1e-5);
  });
});

describe("the nearest row", () => {
  it("is that of a comparison with all, with and without a projection", () => {
    const vectors = vectorsOf(11, 500, 64, 0.3);
    const [plain, bounded] = [new NearestRow(64), new NearestRow(64, vectors.slice(0, 100))];
    let found = 0;
    for (const [i, vector] of vectors.entries()) {
      const accepts = (row: number): boolean => row % 3 !== 0;
      const scores = vectors.slice(0, i).map((other, row) => (accepts(row) ? dotOf(vector, other) : -1));
      const best = scores.reduce((most, score, row) => (score > (scores[most] ?? -1) ? row : most), 1);
      const expected = (scores[best] ?? -1) >= 0.98 ? best : undefined;
      for (const rows of [plain, bounded]) expect(rows.nearest(vector, 0.98, accepts)?.row).toBe(expected);
      if (expected !== undefined) found++;
      plain.append(vector);
      bounded.append(vector);
    }
    expect(found).toBeGreaterThan(50);
    expect(found).toBeLessThan(450);
  });

  it("needs no projection of few or short vectors", () => {
    expect([sampleSize(100, 512), sampleSize(50_000, 32)]).toEqual([0, 0]);
    expect(sampleSize(50_000, 512)).toBeGreaterThan(100);
  });
});
