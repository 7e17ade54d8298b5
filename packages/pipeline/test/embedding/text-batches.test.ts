import { describe, expect, it } from "vitest";
import { batchByLength, textInputs } from "../../src/embedding/text-batches.js";

const lengthsOf = (lengths: readonly number[]): number[][] => batchByLength(lengths).map((rows) => rows.map((row) => lengths[row] ?? 0));

describe("batchByLength", () => {
  it("takes every text once, with little padding and few tokens", () => {
    const lengths = Array.from({ length: 2000 }, (_, i) => 3 + ((i * 7919) % 38));
    const batches = batchByLength(lengths);
    expect(
      batches
        .flat()
        .toSorted((a, b) => a - b)
        .join(),
    ).toBe(lengths.map((_, i) => i).join());
    for (const rows of batches) {
      const longest = Math.max(...rows.map((row) => lengths[row] ?? 0));
      const tokens = rows.reduce((sum, row) => sum + (lengths[row] ?? 0), 0);
      expect(rows.length * longest).toBeLessThanOrEqual(512);
      expect(rows.length * longest - tokens).toBeLessThanOrEqual(96);
    }
  });

  it("pads a few short texts rather than begin a batch for each", () => {
    expect(lengthsOf([5, 3, 4, 40])).toEqual([[3, 4, 5], [40]]);
  });

  it("takes a text that is longer than a batch alone, and none", () => {
    expect(lengthsOf([600, 3, 600])).toEqual([[3], [600], [600]]);
    expect(batchByLength([])).toEqual([]);
  });
});

describe("textInputs", () => {
  it("pads to the longest row, with a mask only where something is padded", () => {
    const [short, long] = [
      { ids: [101, 7, 102], truncated: false },
      { ids: [101, 8, 9, 102], truncated: false },
    ];
    const { inputIds, attentionMask } = textInputs([short, long], 5);
    expect(inputIds.dims).toEqual([2, 4]);
    expect([...inputIds.data]).toEqual([101n, 7n, 102n, 5n, 101n, 8n, 9n, 102n]);
    expect([...(attentionMask?.data ?? [])]).toEqual([1n, 1n, 1n, 0n, 1n, 1n, 1n, 1n]);
    expect(textInputs([long, long], 5).attentionMask).toBeUndefined();
  });
});
