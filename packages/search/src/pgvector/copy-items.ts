/**
 * Items by COPY, the fastest way into PostgreSQL. They go to a temporary table of texts first, since COPY itself knows no "on conflict": the same items
 * once more change nothing.
 */
import type { StoreItem } from "../store/vector-store.js";
import type { PgQueries } from "./pg-pool.js";
import { vectorText } from "./vector-text.js";

/** The part of a writable stream that is used. */
interface CopyStream {
  write(text: string, onWritten: (error?: Error | null) => void): unknown;
  end(): unknown;
  once(event: "error", listener: (error: Error) => void): unknown;
  once(event: "finish", listener: () => void): unknown;
}

/** `from` of `pg-copy-streams`: what a connection of `pg` takes as a query, and is a stream then. */
export type CopyFrom = (text: string) => CopyStream;

/** Characters that are sent together. */
const BLOCK = 256 * 1024;

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/**
 * Loads `pg-copy-streams`, which the store needs only for COPY.
 *
 * @throws TypeError - it is not installed.
 */
export async function loadCopy(): Promise<CopyFrom> {
  const { from } = await import("pg-copy-streams").catch((cause: unknown) => {
    throw new TypeError("openPgVectorStore: expected the package pg-copy-streams, which copy needs: npm install pg-copy-streams", {
      cause,
    });
  });
  return from;
}

/**
 * Writes items, and replaces those whose ids are there.
 *
 * @param client - a connection in a transaction.
 * @param table - with its quotes.
 * @returns how many of them are new.
 */
export async function copyItems(client: PgQueries, copy: CopyFrom, table: string, items: readonly StoreItem<unknown>[]): Promise<number> {
  await client.query("create temporary table chinese_clip_copied (id text, embedding text, meta text) on commit drop");
  const stream = copy("copy chinese_clip_copied from stdin");
  const finished = new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.once("finish", resolve);
  });
  finished.catch(() => undefined); // awaited below
  (client as unknown as { query(stream: CopyStream): unknown }).query(stream);
  for (const block of blocksOf(items)) {
    const written = new Promise<void>((resolve, reject) => void stream.write(block, (error) => (error ? reject(error) : resolve())));
    await Promise.race([written, finished]);
  }
  stream.end();
  await finished;
  const { rows } = await client.query(
    `insert into ${table} select id, embedding::vector, meta::jsonb from chinese_clip_copied
     on conflict (id) do update set embedding = excluded.embedding, meta = excluded.meta returning (xmax = 0) as is_new`,
  );
  return rows.filter((row) => row["is_new"] === true).length;
}

function* blocksOf(items: readonly StoreItem<unknown>[]): Generator<string, void, undefined> {
  let text = "";
  for (const { id, embedding, meta } of items) {
    text += `${escaped(id)}\t${vectorText(embedding)}\t${escaped(JSON.stringify(meta) ?? "null")}\n`;
    if (text.length < BLOCK) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

/** A value of COPY's text format. */
function escaped(value: string): string {
  return value.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
