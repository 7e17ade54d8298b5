import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { formatNpyHead, parseNpyHead } from "../../src/npy/npy-head.js";
import { describeRows, type FeatureLine, searchFeatureLines } from "../../src/gallery/feature-lines.js";
import { searchNpy } from "../../src/node/npy-file.js";
import { scoreRows, TopRows } from "../../src/top-k/top-rows.js";

const folder = mkdtempSync(join(tmpdir(), "search-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Small whole numbers: exact sums, many ties. */
const problems = fc
  .record({ rows: fc.integer({ min: 1, max: 60 }), dim: fc.integer({ min: 1, max: 19 }), k: fc.integer({ min: 1, max: 70 }) })
  .chain(({ rows, dim, k }) =>
    fc.record({
      dim: fc.constant(dim),
      k: fc.constant(k),
      query: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: dim, maxLength: dim }),
      data: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: rows * dim, maxLength: rows * dim }),
    }),
  );

function bruteForce(data: readonly number[], query: readonly number[], k: number): { row: number; score: number }[] {
  return Array.from({ length: data.length / query.length }, (_, row) => ({
    row,
    score: query.reduce((sum, value, e) => sum + value * (data[row * query.length + e] ?? 0), 0),
  }))
    .sort((a, b) => b.score - a.score || a.row - b.row)
    .slice(0, k);
}

async function* numbered(lines: readonly string[]): AsyncGenerator<FeatureLine, void, undefined> {
  for (const [i, text] of lines.entries()) yield { number: i + 1, text };
}

const plain = (found: readonly { row: number; score: number }[]): string[] => found.map(({ row, score }) => `${row}: ${score + 0}`);

describe("the best rows are those of a brute-force search, ties in order", () => {
  it("in memory, in parts of any size", () => {
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 9 }), ({ dim, k, query, data }, step) => {
        const best = new TopRows(k);
        for (let first = 0; first * dim < data.length; first += step) {
          scoreRows(Float32Array.from(data.slice(first * dim, (first + step) * dim)), first, Float32Array.from(query), best);
        }
        expect(plain(best.sorted())).toEqual(plain(bruteForce(data, query, k)));
      }),
      { numRuns: 1000 },
    );
  });

  it("in a .npy file and in feature lines", async () => {
    const npy = join(folder, "a.npy");
    await fc.assert(
      fc.asyncProperty(problems, async ({ dim, k, query, data }) => {
        const rows = data.length / dim;
        writeFileSync(npy, Buffer.concat([formatNpyHead(rows, dim), Buffer.from(Float32Array.from(data).buffer)]));
        const lines = Array.from({ length: rows }, (_, i) => JSON.stringify({ image_id: i, feature: data.slice(i * dim, (i + 1) * dim) }));
        const expected = plain(bruteForce(data, query, k));
        expect(plain(await searchNpy(npy, Float32Array.from(query), k))).toEqual(expected);
        const hits = await searchFeatureLines(numbered(lines), "a.jsonl", Float32Array.from(query), k);
        expect(hits.map(({ id, score }) => `${id}: ${score + 0}`)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("rejects lines with numbers that float32 does not have, and metadata that is no JSON object", async () => {
    const found = searchFeatureLines(numbered(['{"image_id": 1, "feature": [1e39]}']), "a.jsonl", Float32Array.of(1), 1);
    await expect(found).rejects.toMatchObject({ code: "invalid-feature", details: { file: "a.jsonl", line: 1 } });
    for (const line of ["{cut", "null"])
      await expect(describeRows([{ row: 0, score: 1 }], numbered([line]), "m.jsonl")).rejects.toMatchObject({
        code: "invalid-line",
        details: { file: "m.jsonl", line: 1 },
      });
  });

  it("in a .npy of several chunks", async () => {
    const [rows, dim] = [5000, 512];
    const data = Float32Array.from({ length: rows * dim }, (_, i) => ((i * 7919) % 17) - 8);
    const query = Float32Array.from({ length: dim }, (_, i) => ((i * 31) % 5) - 2);
    const file = join(folder, "chunks.npy");
    writeFileSync(file, Buffer.concat([formatNpyHead(rows, dim), Buffer.from(data.buffer)]));
    expect(plain(await searchNpy(file, query, 25))).toEqual(plain(bruteForce([...data], [...query], 25)));
    truncateSync(file, 128 + 4 * dim * 10 + 5);
    await expect(searchNpy(file, query, 25)).rejects.toThrow("cut off");
  });

  it.each([Number.NaN, Infinity, -Infinity])(
    "I6 a row with %d in a .npy is an error that names it, and no row that is left out",
    async (value) => {
      const [rows, dim] = [5000, 512];
      const query = new Float32Array(dim).fill(0.1);
      const file = join(folder, "not-finite.npy");
      for (const row of [0, 4321]) {
        const data = new Float32Array(rows * dim).fill(0.5);
        data[row * dim + 7] = value;
        writeFileSync(file, Buffer.concat([formatNpyHead(rows, dim), Buffer.from(data.buffer)]));
        const error = await searchNpy(file, query, 3).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ name: "SearchError", code: "non-finite", message: expect.stringContaining(`row ${row}: `) });
      }
    },
  );
});

it("a head is what NumPy reads and writes", () => {
  expect(parseNpyHead(formatNpyHead(1_000_000, 512))).toEqual({ rows: 1_000_000, dim: 512, offset: 128 });
  const head = Buffer.from(formatNpyHead(3, 4));
  expect([...head.subarray(0, 10)]).toEqual([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]);
  expect(head.toString("latin1", 10)).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3, 4\), \} +\n$/);
  expect(parseNpyHead(Buffer.from("not an array"))).toBeUndefined();
});
