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
const HEADER = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");

/** Of a row. */
const COLUMNS = 3;

/** In the place of the columns' number: no further row. */
const TRAILER = Buffer.from([0xff, 0xff]);

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
export function* copyBlocks(items: readonly StoreItem<unknown>[]): Generator<Buffer, void, undefined> {
  let parts: Buffer[] = [HEADER];
  let size = 0;
  for (const item of items) {
    const row = rowBytes(item);
    parts.push(row);
    size += row.length;
    if (size < BLOCK) continue;
    yield Buffer.concat(parts);
    [parts, size] = [[], 0];
  }
  yield Buffer.concat([...parts, TRAILER]);
}

/** The number of columns, and each after its size. */
function rowBytes({ id, embedding, meta }: StoreItem<unknown>): Buffer {
  const [key, json] = [Buffer.from(id), Buffer.from(JSON.stringify(meta) ?? "null")];
  const size = vectorSize(embedding);
  const row = Buffer.allocUnsafe(2 + 4 + key.length + 4 + size + 4 + 1 + json.length);
  let at = row.writeUInt32BE(key.length, row.writeInt16BE(COLUMNS));
  at += key.copy(row, at);
  at = writeVector(row, row.writeUInt32BE(size, at), embedding);
  at = row.writeUInt8(JSONB, row.writeUInt32BE(1 + json.length, at));
  json.copy(row, at);
  return row;
}
