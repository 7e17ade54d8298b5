import { describe, expect, it } from "vitest";
import { type DuplicateMeta } from "../../src/duplicates/duplicate-image.js";
import { type DuplicateOptions, type DuplicateReport, findDuplicates } from "../../src/duplicates/find-duplicates.js";
import { MemoryStore } from "../../src/store/memory-store.js";

/** A direction in the plane; the cosine of two is that of the angle between them. */
const at = (degrees: number): Float32Array => Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));

type Item = DuplicateMeta & { readonly id: string; readonly angle?: number };

async function storeOf(items: readonly Item[]): Promise<MemoryStore<DuplicateMeta>> {
  const store = new MemoryStore<DuplicateMeta>({ fingerprint: "f", dim: 2 });
  await store.upsert(items.map(({ id, angle = 0, ...meta }) => ({ id, embedding: at(angle), meta })));
  return store;
}

const search = async (items: readonly Item[], options?: DuplicateOptions<DuplicateMeta>): Promise<DuplicateReport<DuplicateMeta>> =>
  findDuplicates(await storeOf(items), options);

/** `keep: other other, reason` of each group. */
const shown = (groups: DuplicateReport<DuplicateMeta>["groups"]["bytes"]): string[] =>
  groups.map(({ keep, others, reason }) => `${keep.id}: ${others.map(({ id }) => id).join(" ")}, ${reason}`);

const [ZERO, ONE, FIVE, EIGHT] = ["0000000000000000", "0000000000000001", "1010101010000000", "1111000011110000"];

describe("duplicates", () => {
  it("are told apart by tier, and a file is in the others of one group only", async () => {
    const { count, groups } = await search(
      [
        { id: "large", sha256: "a", perceptualHash: ZERO, width: 200, height: 100, size: 9 },
        { id: "copy", sha256: "a", perceptualHash: ZERO, width: 200, height: 100, size: 9 },
        { id: "small", sha256: "b", perceptualHash: ONE, width: 100, height: 50, size: 5 },
        { id: "small copy", sha256: "b", perceptualHash: ONE, width: 100, height: 50, size: 5 },
        { id: "alike", sha256: "c", perceptualHash: EIGHT, width: 90, height: 90, size: 5, angle: 5 },
        { id: "other", sha256: "d", perceptualHash: EIGHT, width: 80, height: 80, size: 5, angle: 60 },
      ],
      { similarCosine: 0.98 },
    );
    expect(count).toBe(6);
    expect(shown(groups.bytes)).toEqual(["copy: large, order", "small: small copy, order"]);
    expect(shown(groups.image)).toEqual(["copy: small, pixels"]);
    expect(shown(groups.similar)).toEqual(["copy: alike, pixels"]);
  });

  it("suggests the most pixels, then the most bytes, then the oldest, then the first name", async () => {
    const same = { perceptualHash: ZERO };
    const reasons = async (...items: Item[]): Promise<string[]> => shown((await search(items)).groups.image);
    expect(await reasons({ id: "a", ...same, width: 10, height: 10 }, { id: "b", ...same, width: 20, height: 20 })).toEqual([
      "b: a, pixels",
    ]);
    expect(await reasons({ id: "a", ...same, size: 1 }, { id: "b", ...same, size: 2 })).toEqual(["b: a, bytes"]);
    expect(await reasons({ id: "a", ...same, mtime: 2 }, { id: "b", ...same, mtime: 1 })).toEqual(["b: a, oldest"]);
    expect(await reasons({ id: "b", ...same }, { id: "a", ...same })).toEqual(["a: b, order"]);
  });

  it("of one image agree in hash, shape, cosine and the last check, each of them", async () => {
    const kept = { id: "kept", perceptualHash: ZERO, width: 400, height: 300, size: 2 };
    const pair = async (other: Partial<Item>, options?: DuplicateOptions<DuplicateMeta>): Promise<number> =>
      (await search([kept, { id: "other", perceptualHash: ONE, width: 200, height: 150, size: 1, ...other }], options)).groups.image.length;
    expect(await pair({})).toBe(1);
    expect(await pair({ perceptualHash: FIVE })).toBe(0);
    expect(await pair({ perceptualHash: FIVE }, { hashDistance: 5 })).toBe(1);
    expect(await pair({ perceptualHash: FIVE }, { sameImage: () => true })).toBe(1);
    expect(await pair({ perceptualHash: "damaged" })).toBe(0);
    expect(await pair({ width: 201 })).toBe(1);
    expect(await pair({ width: 190 })).toBe(0);
    expect(await pair({ width: 150, height: 200 })).toBe(0);
    expect(await pair({ angle: 20 })).toBe(1);
    expect(await pair({ angle: 30 })).toBe(0);
    expect(await pair({ angle: 30 }, { imageCosine: 0.8 })).toBe(1);
    expect(await pair({}, { sameImage: async () => false })).toBe(0);
    expect(await pair({}, { sameImage: (a, b) => a.width === 400 && b.width === 200 })).toBe(1);
  });

  it("do not grow in chains: each was compared with the one to keep", async () => {
    const angles = [0, 8, 16, 24, 32];
    const { groups } = await search(
      angles.map((angle, i) => ({ id: `${i}`, angle, size: 9 - i })),
      { similarCosine: Math.cos((10 * Math.PI) / 180) },
    );
    expect(shown(groups.similar)).toEqual(["0: 1, bytes", "2: 3, bytes"]);
    for (const { others } of groups.similar) for (const { cosine } of others) expect(cosine).toBeCloseTo(Math.cos((8 * Math.PI) / 180), 6);
  });

  it("agree with a comparison of all pairs", async () => {
    let state = 7;
    const random = (below: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % below;
    const items = Array.from({ length: 600 }, (_, i): Item => ({
      id: String(i).padStart(3, "0"),
      angle: random(3600) / 10,
      size: 1000 - i,
    }));
    const least = Math.cos(Math.PI / 180);
    const { groups } = await search(items, { similarCosine: least });
    const kept: Item[] = [];
    const expected = new Map<string, string[]>();
    for (const item of items) {
      const cosines = kept.map((other) => at(other.angle ?? 0).reduce((sum, value, k) => sum + value * (at(item.angle ?? 0)[k] ?? 0), 0));
      const best = cosines.indexOf(Math.max(...cosines));
      if ((cosines[best] ?? -1) >= least) expected.set(kept[best]?.id ?? "", [...(expected.get(kept[best]?.id ?? "") ?? []), item.id]);
      else kept.push(item);
    }
    expect(new Map(groups.similar.map(({ keep, others }) => [keep.id, others.map(({ id }) => id)]))).toEqual(expected);
  });

  it("follow the filter, tell their progress and end with the signal", async () => {
    const items = Array.from({ length: 1000 }, (_, i): Item => ({ id: String(i), sha256: "same", size: 10 + (i % 2) }));
    const told: number[] = [];
    const { count } = await search(items, {
      filter: { field: "size", op: "eq", value: 10 },
      onProgress: (done, total) => told.push(done, total),
    });
    expect([count, told.slice(-2)]).toEqual([500, [500, 500]]);
    await expect(search(items, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    const ending = new AbortController();
    const slow = search(
      items.map((item, i) => ({ ...item, sha256: `${i}`, perceptualHash: ZERO })),
      { signal: ending.signal, sameImage: () => (ending.abort(new Error("later")), false) },
    );
    await expect(slow).rejects.toThrow("later");
  });

  it("need nothing but ids: without metadata nothing is the same", async () => {
    const { groups } = await search([{ id: "a" }, { id: "b" }]);
    expect(groups).toEqual({ bytes: [], image: [], similar: [] });
  });

  it.each([
    [{ hashDistance: 16 }, "a radius from 0 to 15"],
    [{ imageCosine: 2 }, "imageCosine"],
    [{ similarCosine: Number.NaN }, "similarCosine"],
  ])("reject %j", async (options, message) => {
    await expect(search([], options)).rejects.toThrow(message);
  });
});
