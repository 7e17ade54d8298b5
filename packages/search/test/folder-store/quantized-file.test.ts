/** The 8-bit rows beside an index: used where they are of its vectors, made again where not, and never the reason for another result. */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { describe, expect, it } from "vitest";
import { type FolderStore, openFolderStore } from "../../src/node/index.js";
import { SearchError } from "../../src/search-error.js";
import type { StoreHit } from "../../src/store/vector-store.js";

const { path } = scratchFolder();
const INFO = { fingerprint: "model-a", dim: 20 };
const INT8 = { precision: "int8" } as const;
const isFar = (seed: number): boolean => seed >= 850 && seed < 950;
/** Some are opposite to all queries. */
const vectorOf = (seed: number): Float32Array =>
  Float32Array.from({ length: INFO.dim }, (_, i) => (isFar(seed) ? -1 : Math.sin(seed * 7.3 + i * i)));
const itemsOf = (from: number, count: number, shift = 0): { id: string; embedding: Float32Array; meta: number }[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${from + i}`, embedding: vectorOf(from + i + shift), meta: from + i + shift }));
const fileOf = (folder: string, start: string): string =>
  join(folder, readdirSync(folder).find((name) => name.startsWith(start)) ?? `no ${start}`);
const QUERIES = [3, 500, 1500, 2900, 4000].map((seed) => vectorOf(seed + 0.1).map(Math.abs));
const searched = async (store: FolderStore): Promise<StoreHit<unknown>[][]> =>
  Promise.all(QUERIES.map((vector) => store.search({ vector, top: 7 })));

async function made(name: string, precision: "float32" | "int8" = "float32"): Promise<string> {
  const folder = path(name);
  const store = await openFolderStore(folder, { ...INFO, precision });
  for (const [from, count] of [
    [0, 1000],
    [1000, 7],
    [1007, 1500],
    [2507, 693],
  ] as const)
    await store.upsert(itemsOf(from, count));
  await store.delete(["17", "2000"]);
  await store.upsert(itemsOf(5, 3, 10_000));
  await store.close();
  return folder;
}

/** What an index opened to read in 8 bits finds, and how many bytes of its vectors that took. */
async function found(folder: string): Promise<StoreHit<unknown>[][]> {
  await using store = await openFolderStore(folder, { readOnly: true, ...INT8 });
  return searched(store);
}

async function exact(folder: string): Promise<StoreHit<unknown>[][]> {
  await using store = await openFolderStore(folder, { readOnly: true });
  return searched(store);
}

describe.each(["float32", "int8"] as const)("8-bit rows that a writer in %s left", (precision) => {
  it("open to the same results, also where the vectors are damaged that no search reads", async () => {
    const folder = await made(`same-${precision}`, precision);
    const expected = await exact(folder);
    expect(await found(folder)).toEqual(expected);
    const blocks = (statSync(fileOf(folder, "int8")).size - 256) / (1024 * 40 + 8);
    expect(blocks).toBe(3);
    // Bytes of a vector that nothing is near: found damaged when it is read, and by who opens the index in float32.
    const file = fileOf(folder, "vectors");
    const bytes = readFileSync(file);
    bytes[128 + 4 * INFO.dim * 900]! ^= 1;
    writeFileSync(file, bytes);
    expect(await found(folder)).toEqual(expected);
    await expect(exact(folder)).rejects.toMatchObject({ code: "damaged-index" });
    await using store = await openFolderStore(folder, { readOnly: true, ...INT8 });
    await expect(store.get(["900"])).rejects.toMatchObject({ code: "damaged-index" });
    await expect(store.search({ vector: vectorOf(900), top: 1 })).rejects.toMatchObject({ code: "damaged-index" });
    expect(await store.get(["2500"])).toMatchObject([{ meta: 2500 }]);
  });

  it("survive compaction", async () => {
    const folder = await made(`compact-${precision}`, precision);
    const expected = await exact(folder);
    const store = await openFolderStore(folder, { precision });
    await store.compact();
    expect(await searched(store)).toEqual(expected);
    await store.upsert(itemsOf(3200, 2000));
    await store.close();
    expect(readdirSync(folder).filter((name) => name.startsWith("int8"))).toHaveLength(1);
    expect(await found(folder)).toEqual(await exact(folder));
  });
});

it("are made again where they are missing, foreign or damaged, and whatever byte is changed the results are the same", async () => {
  const folder = await made("damaged");
  const expected = await exact(folder);
  const file = fileOf(folder, "int8");
  const whole = readFileSync(file);
  for (let i = 0; i < 60; i++) {
    const bytes = Buffer.from(whole);
    const at = i < 10 ? i * 25 : Math.floor((i / 60) * whole.length);
    bytes[at]! ^= 1 << (i % 8);
    writeFileSync(file, i % 6 === 5 ? bytes.subarray(0, at) : bytes);
    expect(await found(folder), `byte ${at}`).toEqual(expected);
  }
  const writer = await openFolderStore(folder, INT8);
  await writer.upsert(itemsOf(9000, 1));
  await writer.close();
  expect(readFileSync(file).subarray(0, whole.length).equals(whole)).toBe(true);
  rmSync(file);
  expect(await found(folder)).toEqual(await exact(folder));
  expect(existsSync(file)).toBe(false);
});

it("are not taken for those of other vectors that came to the same rows", async () => {
  const folder = await made("other");
  const [int8, log] = [fileOf(folder, "int8"), fileOf(folder, "log")];
  copyFileSync(int8, path("stale.bin"));
  // The log loses its end, as by a damaged disk, and other vectors are written to the same rows.
  const lines = readFileSync(log, "utf8").split("\n");
  truncateSync(log, Buffer.byteLength(`${lines.slice(0, 3).join("\n")}\n`));
  const writer = await openFolderStore(folder);
  expect(writer.info.count).toBe(1007);
  await writer.upsert(itemsOf(1007, 2193, 50_000));
  const expected = await searched(writer);
  await writer.close();
  expect(await found(folder)).toEqual(expected);
  copyFileSync(path("stale.bin"), int8);
  expect(await found(folder)).toEqual(expected);
});

it("are no reason to fail: a folder in their place, and vectors that end early", async () => {
  const folder = await made("early");
  truncateSync(fileOf(folder, "vectors"), 128 + 4 * INFO.dim * 3000);
  const error = await found(folder).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(SearchError);
  expect(error).toMatchObject({ code: "damaged-index" });
});
