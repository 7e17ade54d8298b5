/** New items by COPY in its binary format, the fastest way into PostgreSQL. COPY knows no "on conflict": it fails as a whole where an id is there. */
import type { StoreItem } from "../store/vector-store.js";
import type { PgQueries } from "./pg-pool.js";
import { vectorSize, writeVector } from "./vector-bytes.js";

/** The part of a writable stream that is used. */
interface CopyStream {
  write(bytes: Uint8Array, onWritten: (error?: Error | null) => void): unknown;
  end(): unknown;
  once(event: "error", listener: (error: Error) => void): unknown;
  once(event: "finish", listener: () => void): unknown;
}

/** `from` of `pg-copy-streams`: what a connection of `pg` takes as a query, and is a stream then. */
export type CopyFrom = (text: string) => CopyStream;

/** Bytes that are sent together. */
const BLOCK = 256 * 1024;

/** Signature, flags and the size of an extension of the header. */
const HEADER = Uint8Array.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", (character) => character.charCodeAt(0));

/** Columns of each row. */
const COLUMNS = 3;

/** In the place of the columns' number: no further row. */
const TRAILER = Uint8Array.of(0xff, 0xff);

const UTF8 = new TextEncoder();

/** The version of a `jsonb`'s binary form. */
const JSONB = 1;

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
 * Writes items whose ids are not there.
 *
 * @param client - a connection in a transaction, which an error ends.
 * @param table - with its quotes.
 * @throws what PostgreSQL says: `23505`, an id is there.
 */
export async function copyItems(client: PgQueries, copy: CopyFrom, table: string, items: readonly StoreItem<unknown>[]): Promise<void> {
  const stream = copy(`copy ${table} (id, embedding, meta) from stdin (format binary)`);
  const finished = new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.once("finish", resolve);
  });
  finished.catch(() => undefined); // awaited below
  (client as unknown as { query(stream: CopyStream): unknown }).query(stream);
  for (const block of copyBlocks(items)) {
    const written = new Promise<void>((resolve, reject) => void stream.write(block, (error) => (error ? reject(error) : resolve())));
    await Promise.race([written, finished]);
  }
  stream.end();
  await finished;
}

/** Items as COPY's binary format has them. */
export function* copyBlocks(items: readonly StoreItem<unknown>[]): Generator<Uint8Array, void, undefined> {
  let [parts, size]: [Uint8Array[], number] = [[HEADER], HEADER.length];
  for (const item of items) {
    const row = rowBytes(item);
    parts.push(row);
    size += row.length;
    if (size < BLOCK) continue;
    yield joined(parts, size);
    [parts, size] = [[], 0];
  }
  yield joined([...parts, TRAILER], size + TRAILER.length);
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The number of columns, and each after its size. */
function rowBytes({ id, embedding, meta }: StoreItem<unknown>): Uint8Array {
  const [key, json] = [UTF8.encode(id), UTF8.encode(JSON.stringify(meta) ?? "null")];
  const row = new Uint8Array(2 + 4 + key.length + 4 + vectorSize(embedding) + 4 + 1 + json.length);
  const view = new DataView(row.buffer);
  view.setUint16(0, COLUMNS);
  view.setUint32(2, key.length);
  row.set(key, 6);
  view.setUint32(6 + key.length, vectorSize(embedding));
  const at = writeVector(view, 10 + key.length, embedding);
  view.setUint32(at, 1 + json.length);
  view.setUint8(at + 4, JSONB);
  row.set(json, at + 5);
  return row;
}
