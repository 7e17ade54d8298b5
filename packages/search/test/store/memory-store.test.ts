import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vectorStoreCases } from "../../src/conformance/index.js";
import { type Filter, matchesFilter, parseFilter } from "../../src/store/filter.js";
import { cosine, topK } from "../../src/index.js";
import { MemoryStore } from "../../src/store/memory-store.js";

describe("MemoryStore conforms", () => {
  for (const { name, run } of vectorStoreCases(async (info) => ({ store: new MemoryStore(info) }))) it(name, run);
});

type Meta = Readonly<Record<string, unknown>>;

const keys = fc.constantFrom("a", "b", "c");
const scalars = fc.oneof(fc.constantFrom(null, true, false, "", "x", "xy", "猫", "😀", "\uffee"), fc.integer({ min: -2, max: 2 }));
const metas: fc.Arbitrary<Meta> = fc.dictionary(keys, fc.oneof(scalars, fc.array(scalars, { maxLength: 3 })), { noNullPrototype: true });
const conditions: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ field: keys, op: fc.constantFrom("eq" as const, "ne" as const), value: scalars }),
  fc.record({
    field: keys,
    op: fc.constantFrom("lt" as const, "lte" as const, "gt" as const, "gte" as const),
    value: fc.oneof(fc.constantFrom("x", "猫", "😀", "\uffee"), fc.integer({ min: -2, max: 2 })),
  }),
  fc.record({ field: keys, op: fc.constant("in" as const), value: fc.array(scalars, { maxLength: 3 }) }),
  fc.record({ field: keys, op: fc.constant("contains" as const), value: scalars }),
  fc.record({ field: keys, op: fc.constant("startsWith" as const), value: fc.constantFrom("", "x", "猫") }),
  fc.record({ field: fc.array(keys, { minLength: 1, maxLength: 2 }), op: fc.constant("exists" as const), value: fc.boolean() }),
);
const { filter: filters } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    conditions,
    fc.record({ and: fc.array(tie("filter"), { maxLength: 3 }) }),
    fc.record({ or: fc.array(tie("filter"), { maxLength: 3 }) }),
    fc.record({ not: tie("filter") }),
  ),
}));

describe("filters", () => {
  it("obey logic: double negation, De Morgan, in as several eq, lte as lt or eq", () => {
    fc.assert(
      fc.property(filters, filters, metas, keys, fc.array(scalars, { maxLength: 3 }), (f, g, meta, field, values) => {
        const matches = (filter: Filter): boolean => matchesFilter(parseFilter(JSON.parse(JSON.stringify(filter))), meta);
        expect(matches({ not: { not: f } })).toBe(matches(f));
        expect(matches({ not: { and: [f, g] } })).toBe(matches({ or: [{ not: f }, { not: g }] }));
        expect(matches({ field, op: "in", value: values })).toBe(
          matches({ or: values.map((value) => ({ field, op: "eq" as const, value })) }),
        );
        for (const value of values) {
          expect(matches({ field, op: "ne", value })).toBe(!matches({ field, op: "eq", value }));
          if (typeof value !== "string" && typeof value !== "number") continue;
          expect(matches({ field, op: "lte", value })).toBe(
            matches({
              or: [
                { field, op: "lt", value },
                { field, op: "eq", value },
              ],
            }),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("order strings by code points", () => {
    expect(matchesFilter({ field: "a", op: "lt", value: "😀" }, { a: "\uffee" })).toBe(true);
    expect(matchesFilter({ field: "a", op: "gt", value: "\uffee" }, { a: "😀" })).toBe(true);
  });

  it.each([
    [null, "filter: expected an object"],
    [{}, "filter: expected field, op and value, or one of and, or, not"],
    [{ and: {} }, "filter.and: expected an array of filters"],
    [{ or: [{ field: "a", op: "like", value: 1 }] }, "filter.or[0].op: expected one of eq"],
    [{ field: "a", op: "lt", value: null }, "filter.value: expected a string or a finite number"],
    [{ field: [], op: "eq", value: 1 }, "filter.field: expected a string"],
    [{ field: "a", op: "eq", value: {} }, "filter.value: expected a string, a finite number, a boolean or null"],
    [{ field: "a", op: "in", value: Array.from({ length: 20_000 }, () => 1) }, "filter.value: expected at most 10000"],
  ])("%j is rejected with its place", (filter, message) => expect(() => parseFilter(filter)).toThrow(message));

  it("rejects nesting that would exhaust the stack", () => {
    let filter: unknown = { and: [] };
    for (let depth = 0; depth < 100_000; depth++) filter = { not: filter };
    expect(() => parseFilter(filter)).toThrow("at most 32 levels");
  });

  it("take no inherited key for a field", () => {
    expect(matchesFilter({ field: "constructor", op: "exists", value: true }, {})).toBe(false);
  });
});

it("a search is that of brute force, after any upserts, deletions and compactions", async () => {
  const vectors = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 });
  const ids = fc.constantFrom("1", "2", "3", "4", "5", "6");
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("upsert" as const), id: ids, vector: vectors, meta: metas }),
      fc.record({ kind: fc.constant("delete" as const), id: ids }),
      fc.record({ kind: fc.constant("compact" as const) }),
    ),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(
      steps,
      vectors,
      filters,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: -9, max: 9 }),
      async (all, query, filter, top, minScore) => {
        const store = new MemoryStore<Meta>({ fingerprint: "a", dim: 3 });
        const model = new Map<string, { vector: readonly number[]; meta: Meta }>();
        for (const step of all) {
          if (step.kind === "compact") await store.compact();
          else if (step.kind === "delete") expect(await store.delete([step.id])).toBe(model.delete(step.id) ? 1 : 0);
          else {
            await store.upsert([{ id: step.id, embedding: Float32Array.from(step.vector), meta: step.meta }]);
            model.set(step.id, step);
          }
        }
        expect(store.info.count).toBe(model.size);
        const scores = [...model.values()]
          .filter(({ meta }) => matchesFilter(filter, meta))
          .map(({ vector }) => vector.reduce((sum, value, e) => sum + value * (query[e] ?? 0), 0))
          .filter((score) => score >= minScore)
          .sort((a, b) => b - a)
          .slice(0, top);
        const hits = await store.search({ vector: Float32Array.from(query), top, minScore, filter });
        expect(hits.map(({ score }) => score + 0)).toEqual(scores.map((score) => score + 0));
      },
    ),
    { numRuns: 300 },
  );
});

describe("calls without types", () => {
  const store = new MemoryStore({ fingerprint: "a", dim: 2 });
  const embedding = Float32Array.of(1, 0);
  it.each([undefined, null, 5, {}, new Set([1]), [null]])("%s is no items and no ids", async (value) => {
    const given = value as never[];
    await expect(store.upsert(given)).rejects.toThrow(/^upsert: expected (?:an array of items|items with an id)/);
    await expect(store.delete(given)).rejects.toThrow(/^delete: expected (?:an array of ids|ids that are strings)/);
    await expect(store.get(given)).rejects.toThrow(/^get: expected (?:an array of ids|ids that are strings)/);
  });

  it.each([undefined, null, "ab", {}, new BigInt64Array(2), new DataView(new ArrayBuffer(2))])("%s is no vector", async (value) => {
    const vector = value as Float32Array;
    await expect(store.upsert([{ id: "a", embedding: vector, meta: {} }])).rejects.toThrow(TypeError);
    await expect(store.search({ vector })).rejects.toThrow("expected vectors of numbers");
    expect(() => topK(vector, [embedding], 1)).toThrow("topK: expected vectors of numbers");
    expect(() => topK(embedding, [vector], 1)).toThrow("topK: expected vectors of numbers");
    expect(() => cosine(embedding, vector)).toThrow("cosine: expected vectors of numbers");
  });

  it.each([undefined, null, 5])("%s is nothing that a store is made of", (value) => {
    expect(() => new MemoryStore(value as never)).toThrow(/^MemoryStore: expected an object with fingerprint and dim, got/);
  });

  it("nothing is no query, and no rows", async () => {
    await expect(store.search(null as unknown as { vector: Float32Array })).rejects.toThrow(
      "search: expected a query with a vector, got null",
    );
    expect(() => topK(embedding, {} as unknown as Float32Array[], 1)).toThrow(
      "topK: expected rows to be { data, dim } or an array of vectors",
    );
  });
});
