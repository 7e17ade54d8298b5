import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConformanceMeta, vectorStoreCases } from "../../src/conformance/index.js";
import { type FolderStore, type FolderStoreOptions, openFolderStore, readNpy } from "../../src/node/index.js";
import { MemoryStore } from "../../src/store/memory-store.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path } = scratchFolder();
const INFO = { fingerprint: "model-a", dim: 4 };
const READ_ONLY = { readOnly: true } as const;
let opened = 0;
const nextFolder = (): string => path(`index-${opened++}`);
const fileOf = (folder: string, start: string): string =>
  join(folder, readdirSync(folder).find((name) => name.startsWith(start)) ?? "none");
const item = (id: string, ...values: number[]): { id: string; embedding: Float32Array; meta: string } => ({
  id,
  embedding: Float32Array.from(values),
  meta: `meta of ${id}`,
});
const X = item("x", 1, 0, 0, 0);
const Y = item("y", 0, 1, 0, 0);

describe.each(["float32", "int8"] as const)("FolderStore conforms, in %s", (precision) => {
  const cases = vectorStoreCases(async (info) => {
    const folder = nextFolder();
    const reopen = (): Promise<FolderStore<ConformanceMeta>> => openFolderStore(folder, { create: false, precision });
    return { store: await openFolderStore(folder, { ...info, precision }), reopen };
  });
  for (const { name, run } of cases) it(name, run);
});

describe("an index", () => {
  it("holds what a store in memory holds, whatever is called, and so does a reader beside the writer and who opens it later", async () => {
    const ids = fc.constantFrom("1", "2", "3", "猫", "\ud800", "a\nb");
    const vectors = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 4, maxLength: 4 });
    const items = fc.uniqueArray(fc.record({ id: ids, vector: vectors, meta: fc.jsonValue() }), { selector: ({ id }) => id, maxLength: 4 });
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("upsert" as const), items }),
        fc.record({ kind: fc.constant("delete" as const), ids: fc.array(ids, { maxLength: 3 }) }),
        fc.record({ kind: fc.constantFrom("compact" as const, "reopen" as const, "refresh" as const) }),
      ),
      { maxLength: 12 },
    );
    const contentOf = async (store: MemoryStore | FolderStore): Promise<unknown> => {
      const found: [string, unknown, number[]][] = [];
      for await (const { id, meta, embedding } of store.scan()) found.push([id, meta, [...embedding]]);
      return found.sort(([a], [b]) => (a < b ? -1 : 1));
    };
    await fc.assert(
      fc.asyncProperty(steps, vectors, async (all, query) => {
        const folder = nextFolder();
        const memory = new MemoryStore(INFO);
        let writer = await openFolderStore(folder, INFO);
        const reader = await openFolderStore(folder, READ_ONLY);
        for (const step of all) {
          if (step.kind === "upsert") {
            const given = step.items.map(({ id, vector, meta }) => ({
              id,
              embedding: Float32Array.from(vector),
              meta: JSON.parse(JSON.stringify(meta)) as unknown,
            }));
            await Promise.all([writer, memory].map((store) => store.upsert(given)));
          } else if (step.kind === "delete") expect(await writer.delete(step.ids)).toBe(await memory.delete(step.ids));
          else if (step.kind === "compact") await writer.compact();
          else if (step.kind === "refresh") {
            await reader.refresh();
            expect(await contentOf(reader)).toEqual(await contentOf(memory));
          } else {
            await writer.close();
            writer = await openFolderStore(folder, INFO);
            expect(writer.repaired).toEqual({ cutBytes: 0, removed: [] });
          }
        }
        await reader.refresh();
        const scoresOf = async (store: MemoryStore | FolderStore): Promise<number[]> =>
          (await store.search({ vector: Float32Array.from(query), top: 3 })).map(({ score }) => score);
        for (const store of [writer, reader]) {
          expect(await contentOf(store)).toEqual(await contentOf(memory));
          expect(await scoresOf(store)).toEqual(await scoresOf(memory));
          await store.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([null, 5])("%s is no options", async (value) => {
    await expect(openFolderStore(path("none"), value as never)).rejects.toThrow(/^openFolderStore: expected options to be an object, got/);
  });

  it("lets one writer in at a time, and names the other", async () => {
    const folder = nextFolder();
    const first = await openFolderStore(folder, INFO);
    await expect(openFolderStore(folder, INFO)).rejects.toMatchObject({
      code: "locked",
      details: { owner: process.pid, file: join(folder, "writer.lock") },
    });
    await first.upsert([X]);
    await first.close();
    const second = await openFolderStore(folder, INFO);
    expect(second.info.count).toBe(1);
    await second.close();
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it("rejects a write where it was opened to read", async () => {
    const folder = nextFolder();
    await (await openFolderStore(folder, INFO)).close();
    const reader = await openFolderStore(folder, READ_ONLY);
    for (const call of [() => reader.upsert([X]), () => reader.delete(["x"]), () => reader.compact()]) {
      await expect(call()).rejects.toMatchObject({ code: "read-only" });
    }
    await reader.close();
  });

  it.each<readonly [FolderStoreOptions, string]>([
    [{ create: false }, "missing-file"],
    [{ readOnly: true }, "missing-file"],
  ])("is not created with %j", async (options, code) => {
    const folder = nextFolder();
    await expect(openFolderStore(folder, options)).rejects.toMatchObject({ code });
    expect(existsSync(folder)).toBe(false);
  });

  it("needs a model when it is created, and the same one later", async () => {
    const folder = nextFolder();
    await expect(openFolderStore(folder)).rejects.toBeInstanceOf(TypeError);
    await expect(openFolderStore(folder, { ...INFO, dim: 1e9 })).rejects.toBeInstanceOf(TypeError);
    await (await openFolderStore(folder, INFO)).close();
    await expect(openFolderStore(folder, { fingerprint: "model-b" })).rejects.toMatchObject({ code: "fingerprint-mismatch" });
    await expect(openFolderStore(folder, { dim: 5, readOnly: true })).rejects.toMatchObject({ code: "dimension-mismatch" });
    await (await openFolderStore(folder)).close();
  });

  it("runs calls that overlap one after the other", async () => {
    const store = await openFolderStore<string>(nextFolder(), INFO);
    const items = Array.from({ length: 30 }, (_, i) => item(`${i}`, i, 0, 0, 0));
    await Promise.all([
      ...items.map((one) => store.upsert([one])),
      store.compact(),
      store.delete(["3", "4"]),
      store.upsert([item("5", 9, 9, 9, 9)]),
    ]);
    expect(store.info.count).toBe(28);
    expect((await store.get(["5"]))[0]?.embedding).toEqual(Float32Array.of(9, 9, 9, 9));
    const closing = [store.upsert([X]), store.close()];
    await Promise.all(closing);
    const again = await openFolderStore(store.folder);
    expect(again.info.count).toBe(29);
    await again.close();
  });

  it("cuts what a kill tore, and says so", async () => {
    const folder = nextFolder();
    const store = await openFolderStore(folder, INFO);
    await store.upsert([X]);
    await store.close();
    const whole = statSync(fileOf(folder, "log.")).size;
    appendFileSync(fileOf(folder, "log."), '{"n":2,"row":1,"put":[["y",12');
    appendFileSync(fileOf(folder, "vectors."), "half a vect");
    const reader = await openFolderStore(folder, READ_ONLY);
    expect(reader.info.count).toBe(1);
    const again = await openFolderStore(folder, INFO);
    expect(again.repaired).toEqual({ cutBytes: 29, removed: [] });
    expect(statSync(fileOf(folder, "log.")).size).toBe(whole);
    await again.upsert([Y]);
    await reader.refresh();
    expect(await reader.get(["y"])).toEqual([Y]);
    await reader.close();
    await again.close();
  });

  it("compacts to a file that NumPy reads, sweeps the generation before, and leaves other files", async () => {
    const folder = nextFolder();
    const store = await openFolderStore(folder, INFO);
    writeFileSync(join(folder, "notes.txt"), "mine");
    writeFileSync(join(folder, "vectors.npy"), "mine");
    await store.upsert([X, Y]);
    await store.upsert([item("x", 0, 0, 1, 0)]);
    expect(store.deadRows).toBe(1);
    const reader = await openFolderStore(folder, READ_ONLY);
    await store.compact();
    expect(store.deadRows).toBe(0);
    expect(await reader.get(["y"])).toEqual([Y]);
    await reader.refresh();
    await reader.close();
    await store.close();
    expect(readdirSync(folder)).toHaveLength(5);
    const { data, count } = await readNpy(fileOf(folder, "vectors.2-"));
    expect([count, [...data]]).toEqual([2, [0, 1, 0, 0, 0, 0, 1, 0]]);
  });

  it("takes nothing else for an index", async () => {
    const folder = nextFolder();
    await (await openFolderStore(folder, INFO)).close();
    writeFileSync(join(folder, "index.json"), '{"name":"my project"}');
    await expect(openFolderStore(folder, INFO)).rejects.toMatchObject({ code: "foreign-index" });
    await expect(openFolderStore(folder, READ_ONLY)).rejects.toMatchObject({ code: "foreign-index" });
    expect(readFileSync(join(folder, "index.json"), "utf8")).toBe('{"name":"my project"}');
  });

  it("removes items with damaged vectors, and the few that were written with them, where it is asked to", async () => {
    const folder = nextFolder();
    const store = await openFolderStore(folder, INFO);
    await store.upsert([X]);
    await store.upsert([Y, item("z", 0, 0, 1, 0)]);
    const many = Array.from({ length: 200 }, (_, i) => item(`many ${i}`, i, 0, 0, 0));
    await store.upsert(many);
    await store.close();
    const vectors = fileOf(folder, "vectors.");
    const bytes = readFileSync(vectors);
    bytes[128 + 16 + 2] = 7;
    bytes[128 + 16 * (3 + 70) + 5] = 7;
    writeFileSync(vectors, bytes);
    truncateSync(vectors, 128 + 16 * (3 + 199) + 8);
    await expect(openFolderStore(folder, INFO)).rejects.toMatchObject({ code: "damaged-index" });
    const repaired = await openFolderStore(folder, { ...INFO, repair: true });
    const inBlocks = many.filter((_, i) => (i >= 64 && i < 96) || i >= 192);
    expect(repaired.repaired.removed).toEqual(["y", "z", ...inBlocks.map(({ id }) => id)]);
    await repaired.upsert([Y]);
    await repaired.compact();
    await repaired.close();
    const again = await openFolderStore(folder, INFO);
    expect(await again.get(["x", "y", "z", "many 3", "many 70"])).toEqual([X, Y, undefined, many[3], undefined]);
    expect(again.info.count).toBe(2 + 200 - 40);
    await again.close();
  });
});
