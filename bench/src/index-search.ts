/**
 * A folder index in memory, in float32 and in 8-bit integers, beside sqlite-vec in the same process: one query over clustered embeddings. Before a time
 * is shown, 8-bit integers name the items of a brute-force search for every query, and the others for the first of them. sqlite-vec runs where Node has `node:sqlite` with extensions (22.13 and newer).
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type FolderStore, openFolderStore } from "@chinese-clip/search/node";
import { compare, formatMs } from "./compare.js";
import { exactNeighbours } from "./exact-neighbours.js";

const DIM = 512;
const TOP = 10;
const CLUSTERS = 1000;
/** Items that are written together. */
const STEP = 1000;
/** Queries whose results are compared in 8 bits, at most; those that are in float32 and in sqlite-vec, too; and those that are timed. */
const [COMPARED, COMPARED_SLOW, QUERIES] = [1000, 100, 20] as const;

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

/** Says what opening takes in a process of its own. */
async function printOpening(folder: string, precision: "float32" | "int8"): Promise<void> {
  const child = fileURLToPath(new URL("children/open-index.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, folder, precision]);
  const { ms, cpuMs, vectorBytes, addedBytes } = JSON.parse(stdout) as Record<"ms" | "cpuMs" | "vectorBytes" | "addedBytes", number>;
  const [vectors, added] = [vectorBytes, addedBytes].map((bytes) => Math.round(bytes / 2 ** 20));
  console.log(
    `Opening in ${precision}: ${formatMs(ms)} ms, ${formatMs(cpuMs)} ms of processor time; ${vectors} MiB of vectors, ${added} MiB of memory in all.`,
  );
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

  for (const precision of ["float32", "int8"] as const) await printOpening(folder, precision);
  await using exact = await openFolderStore(folder, { readOnly: true });
  await using int8 = await openFolderStore(folder, { readOnly: true, precision: "int8" });
  const select = database?.prepare(`select rowid from items where embedding match ? and k = ${TOP} order by distance`);
  const idsIn = async (store: FolderStore, vector: Float32Array): Promise<string> =>
    (await store.search({ vector, top: TOP })).map(({ id }) => id).join();
  const [vectors] = (await readdir(folder)).filter((name) => name.endsWith(".npy"));
  const expected = await exactNeighbours(join(folder, vectors ?? ""), DIM, queries, TOP);
  for (const [i, vector] of queries.entries()) {
    const found = [await idsIn(int8, vector)];
    if (i < COMPARED_SLOW) found.push(await idsIn(exact, vector));
    if (i < COMPARED_SLOW && select !== undefined)
      found.push(
        select
          .all(new Uint8Array(vector.buffer))
          .map(({ rowid }) => String(rowid))
          .join(),
      );
    for (const ids of found)
      if (ids !== expected[i]?.join()) throw new Error(`benchIndexSearch: expected items ${expected[i]?.join()}, got ${ids}`);
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
  console.log(
    `8 bits named the ${TOP} items of a brute-force search for ${queries.length} queries, the others for ${Math.min(COMPARED_SLOW, queries.length)} of them.`,
  );
  console.log(`\n### One query over ${items.toLocaleString("en")} x ${DIM}, the best ${TOP}, in memory\n`);
  console.log("| contestant | median ms | least | most | float32 takes |\n|---|---:|---:|---:|---:|");
  const [first] = timings;
  for (const { name, medianMs, minMs, maxMs } of timings) {
    const [median, least, most] = [medianMs, minMs, maxMs].map((ms) => formatMs(ms / QUERIES));
    console.log(`| ${name} | ${median} | ${least} | ${most} | ${((first?.medianMs ?? Number.NaN) / medianMs).toFixed(2)}x |`);
  }
}
