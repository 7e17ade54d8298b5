/**
 * A folder index in memory, in float32 and in 8-bit integers, beside sqlite-vec in the same process: one query over clustered embeddings. Before a time
 * is shown, the three name the same items for every query. sqlite-vec runs where Node has `node:sqlite` with extensions (22.13 and newer).
 */
import { createRequire } from "node:module";
import { rm } from "node:fs/promises";
import { type FolderStore, openFolderStore } from "@chinese-clip/search/node";
import { compare, formatMs } from "./compare.js";

const DIM = 512;
const TOP = 10;
const CLUSTERS = 1000;
/** Items that are written together. */
const STEP = 1000;
/** Queries whose results are compared, at most, and those of them that are timed. */
const [COMPARED, QUERIES] = [1000, 20] as const;

/** The part of `node:sqlite` that is used; Node 20's types have none. */
interface Database {
  exec(sql: string): void;
  prepare(sql: string): {
    run(...values: readonly (bigint | Uint8Array)[]): unknown;
    all(...values: readonly Uint8Array[]): readonly { readonly rowid: number | bigint }[];
  };
}

/** Numbers from -1 to 1, the same on every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** A vector of length 1 near another, or anywhere. */
function near(centre: Float32Array | undefined, distance: number, next: () => number): Float32Array {
  const vector = Float32Array.from({ length: DIM }, (_, i) => (centre?.[i] ?? 0) + distance * (next() + next() + next()));
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / norm);
}

/** Opens sqlite-vec; undefined where Node has none. */
function openSqlite(): Database | undefined {
  const require = createRequire(import.meta.url);
  try {
    const { DatabaseSync } = require("node:sqlite") as { readonly DatabaseSync: new (path: string, options: object) => Database };
    const { load } = require("sqlite-vec") as { readonly load: (database: Database) => void };
    const database = new DatabaseSync(":memory:", { allowExtension: true });
    load(database);
    database.exec(`create virtual table items using vec0(embedding float[${DIM}] distance_metric=cosine)`);
    return database;
  } catch {
    return undefined;
  }
}

async function opened(folder: string, precision: "float32" | "int8"): Promise<FolderStore> {
  const start = performance.now();
  const store = await openFolderStore(folder, { readOnly: true, precision });
  const megabytes = Math.round(store.vectorBytes / 2 ** 20);
  console.log(`Opening in ${precision}: ${formatMs(performance.now() - start)} ms, ${megabytes} MiB of vectors.`);
  return store;
}

/** Prints a table of the contestants. */
export async function benchIndexSearch(folder: string, items: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const next = random(7);
  const centres = Array.from({ length: CLUSTERS }, () => near(undefined, 1, next));
  const database = items <= 200_000 ? openSqlite() : undefined;
  const insert = database?.prepare("insert into items(rowid, embedding) values (?, ?)");
  const writer = await openFolderStore(folder, { dim: DIM, fingerprint: "bench" });
  const queries: Float32Array[] = [];
  for (let first = 0; first < items; first += STEP) {
    const batch = Array.from({ length: STEP }, (_, i) => near(centres[(first + i) % CLUSTERS], 0.045, next));
    await writer.upsert(batch.map((embedding, i) => ({ id: String(first + i), embedding, meta: { path: `${first + i}.jpg` } })));
    for (const [i, { buffer }] of batch.entries()) insert?.run(BigInt(first + i), new Uint8Array(buffer));
    if (queries.length < COMPARED) queries.push(near(batch[7], 0.02, next));
  }
  await writer.close();

  await using exact = await opened(folder, "float32");
  await using int8 = await opened(folder, "int8");
  const select = database?.prepare(`select rowid from items where embedding match ? and k = ${TOP} order by distance`);
  const idsIn = async (store: FolderStore, vector: Float32Array): Promise<string> =>
    (await store.search({ vector, top: TOP })).map(({ id }) => id).join();
  for (const vector of queries) {
    const expected = await idsIn(exact, vector);
    const others = [await idsIn(int8, vector)];
    if (select !== undefined)
      others.push(
        select
          .all(new Uint8Array(vector.buffer))
          .map(({ rowid }) => String(rowid))
          .join(),
      );
    for (const found of others) if (found !== expected) throw new Error(`benchIndexSearch: expected items ${expected}, got ${found}`);
  }
  const all = (search: (vector: Float32Array) => unknown) => async (): Promise<void> => {
    for (const vector of queries.slice(0, QUERIES)) await search(vector);
  };
  const timings = await compare<unknown>(
    [
      { name: "float32", run: all((vector) => idsIn(exact, vector)) },
      { name: "int8, rescored in float32", run: all((vector) => idsIn(int8, vector)) },
      ...(select === undefined ? [] : [{ name: "sqlite-vec", run: all((vector) => select.all(new Uint8Array(vector.buffer))) }]),
    ],
    { rounds: 5, warmup: 1 },
  );
  console.log(`All name the same ${TOP} items for ${queries.length} queries.`);
  console.log(`\n### One query over ${items.toLocaleString("en")} x ${DIM}, the best ${TOP}, in memory\n`);
  console.log("| contestant | median ms | least | most | float32 takes |\n|---|---:|---:|---:|---:|");
  const [first] = timings;
  for (const { name, medianMs, minMs, maxMs } of timings) {
    const [median, least, most] = [medianMs, minMs, maxMs].map((ms) => formatMs(ms / QUERIES));
    console.log(`| ${name} | ${median} | ${least} | ${most} | ${((first?.medianMs ?? Number.NaN) / medianMs).toFixed(2)}x |`);
  }
}
