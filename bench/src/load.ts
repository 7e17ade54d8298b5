/**
 * Finished shards into an index in a folder, and into pgvector: PGlite, which is PostgreSQL in WebAssembly, behind a socket. Each writer is a process that is
 * killed half way and run again, while another connection searches. Before a rate is shown, every row is counted, and a filter that leaves one row in a thousand finds its ten.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type DataSource, embedShard, type JsonObject, type ShardEmbedder, type SourceShard } from "@chinese-clip/dataset";
import type { VectorStore } from "@chinese-clip/search";
import { openFolderStore } from "@chinese-clip/search/node";
import { openPgVectorStore } from "@chinese-clip/search/pgvector";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { formatMs } from "./compare.js";
import type { LoadWriterMessage, LoadWriterOptions } from "./load-writer.js";
import { oneSession } from "./one-session.js";

const WRITER = fileURLToPath(new URL("load-writer.ts", import.meta.url));
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
  const length = Math.sqrt(squares);
  for (let i = 0; i < DIM; i++) values[i] = (values[i] as number) / length;
  return values;
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
  /** Rows that were there when the writer was dead. */
  readonly rowsAtKill: number;
  readonly secondsToResume: number;
  /** Milliseconds of the searches meanwhile: without and with a filter. */
  readonly searches: readonly (readonly number[])[];
}

/** The group's items, and a number of it to search with. */
const filterOf = (group: number) => ({ filter: { field: "group", op: "eq", value: group }, top: TOP, vector: vectorOf(group) }) as const;

/** Searches in turn without and with a filter until it is told to end; waits nine times as long as each took, and half a second at least. */
async function searchUntil(ended: AbortSignal, reader: VectorStore<JsonObject>): Promise<Loaded["searches"]> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; !ended.aborted; i++) {
    const [kind, group] = [i % 2, i % GROUPS];
    const start = performance.now();
    await reader.refresh();
    const hits = await reader.search(kind === 0 ? { vector: vectorOf(group), top: TOP } : filterOf(group));
    const took = performance.now() - start;
    times[kind as 0 | 1].push(took);
    const other = hits.find(({ meta }) => kind === 1 && meta["group"] !== group);
    if (other !== undefined) throw new Error(`benchLoad: ${other.id} is not of group ${group}`);
    await sleep(Math.max(500, 9 * took), undefined, { signal: ended }).catch(() => undefined);
  }
  return times;
}

/** A load in a process of its own. @param killAt - it is killed when so many rows are in. @returns seconds from its start to the first progress past `from`, and in all. */
async function runWriter(
  options: LoadWriterOptions,
  { killAt = Infinity, from = 0 }: { readonly killAt?: number; readonly from?: number },
): Promise<{ readonly first: number; readonly seconds: number; readonly last: LoadWriterMessage }> {
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  const child = fork(WRITER, [JSON.stringify(options)]);
  let first = 0;
  let last: LoadWriterMessage = { rows: 0 };
  child.on("message", (message: LoadWriterMessage) => {
    last = message;
    if (message.rows > from) first ||= elapsed();
    if (message.rows >= killAt) child.kill("SIGKILL");
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (killAt === Infinity ? code !== 0 : signal !== "SIGKILL") throw new Error(`benchLoad: the writer ended with ${code ?? signal}`);
  return { first, seconds: elapsed(), last };
}

/** Loads half in a process that is killed, and the rest in another; searches meanwhile. */
async function measure(name: string, rows: number, options: LoadWriterOptions, reader: VectorStore<JsonObject>): Promise<Loaded> {
  const ended = new AbortController();
  const searching = searchUntil(ended.signal, reader);
  const killed = await runWriter(options, { killAt: rows / 2 });
  await reader.refresh();
  const rowsAtKill = reader.info.count;
  const { first, seconds, last } = await runWriter(options, { from: rowsAtKill });
  ended.abort();
  const searches = await searching;
  await reader.refresh();
  if (reader.info.count !== rows || last.rows !== rows || last.present !== rowsAtKill || rowsAtKill < rows / 2)
    throw new Error(`benchLoad: expected ${rows} rows, got ${JSON.stringify({ ...last, rowsAtKill, count: reader.info.count })}`);
  const hits = await reader.search(filterOf(3));
  if (hits.length !== Math.min(TOP, Math.floor(rows / GROUPS)) || hits[0]?.id !== "3.jpg" || hits.some(({ meta }) => meta["group"] !== 3))
    throw new Error(`benchLoad: got ${hits.length} hits of a filter`);
  return { name, rowsPerSecond: rows / (killed.seconds + seconds), rowsAtKill, secondsToResume: first, searches };
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
  const model = { output, dim: DIM, fingerprint: FINGERPRINT };
  const results: Loaded[] = [];
  {
    const to = join(folder, "store");
    await (await openFolderStore(to, model)).close();
    await using reader = await openFolderStore<JsonObject>(to, { readOnly: true });
    results.push(await measure("a folder", rows, { ...model, to }, reader));
  }
  const database = await PGlite.create(join(folder, "pglite"), { extensions: { vector } });
  const server = new PGLiteSocketServer({ db: database, port: 0, maxConnections: 4 });
  let port = 0;
  server.addEventListener("listening", (event) => (port = (event as CustomEvent<{ readonly port: number }>).detail.port));
  await server.start();
  const to = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const pool = oneSession(to);
  try {
    const reader = await openPgVectorStore<JsonObject>({ pool, table: "images", ...model });
    results.push(await measure("pgvector in PGlite", rows, { ...model, to }, reader));
  } finally {
    await pool.end();
    await server.stop();
    await database.close();
  }
  await rm(folder, { recursive: true });
  console.log(
    `\n### ${rows.toLocaleString("en")} x ${DIM} from shards of ${SHARD.toLocaleString("en")}, the writer killed half way and run again\n`,
  );
  console.log(
    "| into | rows/s | rows when it was killed | s until the second goes on | searches meanwhile | median ms | most | with a filter | median ms | most |",
  );
  console.log(`|---|${"---:|".repeat(9)}`);
  for (const { name, rowsPerSecond, rowsAtKill, secondsToResume, searches } of results) {
    const cells = searches.flatMap((times) => {
      const sorted = times.toSorted((a, b) => a - b);
      return [times.length, formatMs(sorted[sorted.length >> 1] ?? Number.NaN), formatMs(sorted.at(-1) ?? Number.NaN)];
    });
    console.log(
      `| ${[name, Math.round(rowsPerSecond), rowsAtKill.toLocaleString("en"), secondsToResume.toFixed(1), ...cells].join(" | ")} |`,
    );
  }
}
