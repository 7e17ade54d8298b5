/**
 * Finished shards into an index in a folder, and into pgvector: PGlite, which is PostgreSQL in WebAssembly, behind a socket. Each load is killed half way and
 * run again, while another connection searches. Before a rate is shown, every row is counted, and a filter that leaves one row in a thousand finds its ten.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type DataSource,
  embedShard,
  type JsonObject,
  loadShards,
  type LoadSummary,
  type ShardEmbedder,
  type SourceShard,
} from "@chinese-clip/dataset";
import type { VectorStore } from "@chinese-clip/search";
import { openFolderStore } from "@chinese-clip/search/node";
import { openPgVectorStore } from "@chinese-clip/search/pgvector";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import pg from "pg";
import { formatMs } from "./compare.js";

const DIM = 512;
const SHARD = 10_000;
const FINGERPRINT = "bench";
/** One item in so many has a group. */
const GROUPS = 1000;
const TOP = 10;

/** A vector of length 1, the same for a number on every run. */
function vectorOf(number: number): Float32Array {
  let state = (number * 2_654_435_761 + 7) >>> 0;
  const values = new Float32Array(DIM);
  let squares = 0;
  for (let i = 0; i < DIM; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const value = state / 2 ** 31 - 1;
    values[i] = value;
    squares += value * value;
  }
  return values.map((value) => value / Math.sqrt(squares));
}

/** Numbers in the place of images. */
const embedder: ShardEmbedder = {
  dim: DIM,
  fingerprint: FINGERPRINT,
  async *embedImages(images) {
    let index = 0;
    for await (const input of images) yield { index: index++, input, embedding: vectorOf(Number(Buffer.from(input).toString())) };
  },
  embedText: () => Promise.reject(new Error("no texts")),
};

const source: DataSource = {
  spec: "numbers:",
  list: () => {
    throw new Error("not listed");
  },
  async *read({ part }) {
    const { from, to } = part as { readonly from: number; readonly to: number };
    for (let i = from; i < to; i++) yield { key: `${i}.jpg`, image: Buffer.from(String(i)), meta: { group: i % GROUPS, width: 640 } };
  },
};

/** One store's load. */
interface Loaded {
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly secondsToResume: number;
  readonly queries: readonly number[];
}

/** Loads half, is killed, loads the rest; searches meanwhile. */
async function measure(
  name: string,
  output: string,
  rows: number,
  target: VectorStore<JsonObject>,
  reader: VectorStore<JsonObject>,
): Promise<Loaded> {
  const killed = new Error("killed");
  const controller = new AbortController();
  const queries: number[] = [];
  const ended = new AbortController();
  const search = async (): Promise<void> => {
    for (let i = 0; !ended.signal.aborted; i++) {
      const start = performance.now();
      await reader.refresh();
      await reader.search({ vector: vectorOf(i), top: TOP });
      queries.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  const searching = search();
  const start = performance.now();
  let half = 0;
  await loadShards(output, target, {
    signal: controller.signal,
    onProgress: ({ rows: done }) => {
      if (done < rows / 2 || half > 0) return;
      half = done;
      controller.abort(killed);
    },
  }).catch((error: unknown) => {
    if (error !== killed) throw error;
  });
  const seconds = (performance.now() - start) / 1000;
  const again = performance.now();
  let resumed = 0;
  const summary: LoadSummary = await loadShards(output, target, {
    onProgress: ({ rows: done }) => {
      if (done > half && resumed === 0) resumed = (performance.now() - again) / 1000;
    },
  });
  const rest = (performance.now() - again) / 1000;
  ended.abort();
  await searching;
  await target.refresh();
  if (target.info.count !== rows || summary.rows !== rows || summary.present !== half)
    throw new Error(
      `benchLoad: expected ${rows} rows, ${half} of them before, got ${JSON.stringify({ ...summary, count: target.info.count })}`,
    );
  const hits = await target.search({ vector: vectorOf(3), top: TOP, filter: { field: "group", op: "eq", value: 3 } });
  if (hits.length !== Math.min(TOP, Math.floor(rows / GROUPS)) || hits[0]?.id !== "3.jpg")
    throw new Error(`benchLoad: got ${hits.length} hits of a filter`);
  return { name, rowsPerSecond: rows / (seconds + rest - resumed), secondsToResume: resumed, queries };
}

/** Prints a table of both. */
export async function benchLoad(folder: string, rows: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const output = join(folder, "features");
  for (let from = 0; from < rows; from += SHARD) {
    const index = from / SHARD;
    const shard: SourceShard = { id: `bench-${index}`, index, part: { from, to: Math.min(rows, from + SHARD) } };
    await embedShard(embedder, source, shard, { output });
  }
  const results: Loaded[] = [];
  {
    await using store = await openFolderStore<JsonObject>(join(folder, "store"), { dim: DIM, fingerprint: FINGERPRINT });
    await using reader = await openFolderStore<JsonObject>(join(folder, "store"), { readOnly: true });
    results.push(await measure("a folder", output, rows, store, reader));
  }
  const database = await PGlite.create(join(folder, "pglite"), { extensions: { vector } });
  const server = new PGLiteSocketServer({ db: database, port: 0, maxConnections: 4 });
  let port = 0;
  server.addEventListener("listening", (event) => (port = (event as CustomEvent<{ readonly port: number }>).detail.port));
  await server.start();
  // PGlite has one session for all connections: two of them at a time would take each other's statements.
  const pool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, max: 1 });
  try {
    const open = (): ReturnType<typeof openPgVectorStore<JsonObject>> =>
      openPgVectorStore<JsonObject>({ pool, table: "images", dim: DIM, fingerprint: FINGERPRINT });
    const store = await open();
    results.push(await measure("pgvector in PGlite", output, rows, store, await open()));
  } finally {
    await pool.end();
    await server.stop();
    await database.close();
  }
  console.log(`\n### ${rows.toLocaleString("en")} x ${DIM} from shards of ${SHARD.toLocaleString("en")}, killed half way and run again\n`);
  console.log("| into | rows/s | s until a second run goes on | searches meanwhile | median ms | most |\n|---|---:|---:|---:|---:|---:|");
  for (const { name, rowsPerSecond, secondsToResume, queries } of results) {
    const sorted = queries.toSorted((a, b) => a - b);
    const [median = Number.NaN, most = Number.NaN] = [sorted[sorted.length >> 1], sorted.at(-1)];
    console.log(
      `| ${name} | ${Math.round(rowsPerSecond)} | ${secondsToResume.toFixed(1)} | ${queries.length} | ${formatMs(median)} | ${formatMs(most)} |`,
    );
  }
}
