/**
 * A vector store in PostgreSQL with the extension `vector` (pgvector 0.8 or newer), through a pool of `pg`. Exact until {@link PgVectorStore.createIndex}
 * makes an HNSW index; approximate then, with iterative scans, so that a filter that leaves few items finds `top` of them all the same.
 */
import { SearchError } from "../search-error.js";
import { type Filter, parseFilter } from "../store/filter.js";
import {
  checkFingerprint,
  checkIds,
  checkItems,
  checkLimits,
  checkVector,
  cutRelative,
  type StoreHit,
  type StoreInfo,
  type StoreItem,
  type StoreQuery,
  type VectorStore,
} from "../store/vector-store.js";
import { type CopyFrom, copyItems, loadCopy } from "./copy-items.js";
import { filterSql, SqlParameters } from "./filter-sql.js";
import type { PgPool, PgQueries } from "./pg-pool.js";
import { vectorArrayBytes, vectorBytes, vectorOf } from "./vector-bytes.js";

/** Options of {@link openPgVectorStore}. */
export interface PgVectorOptions {
  /** A pool of `pg`, which stays the caller's: {@link PgVectorStore.close} does not end it. */
  readonly pool?: PgPool | undefined;
  /** Where there is no `pool`: the database, as `postgres://user@host/name`, for a pool of the store's own. Needs `pg`. */
  readonly url?: string | undefined;
  /** The table; it is made where there is none. Letters, digits and `_`. */
  readonly table: string;
  /** Values of an embedding. Needed to make the table; where there is one, checked. */
  readonly dim?: number | undefined;
  /** `Embedder.fingerprint`. Needed to make the table; where there is one, checked. */
  readonly fingerprint?: string | undefined;
  /** `hnsw.ef_search`: how many candidates a search in the HNSW index holds, 1 to 1000. Default 100. */
  readonly efSearch?: number | undefined;
  /**
   * Whether {@link PgVectorStore.upsert} sends items by COPY where all of them are new, for large loads. Needs the package `pg-copy-streams` and a pool of
   * `pg`. Default false.
   */
  readonly copy?: boolean | undefined;
}

/** Options of {@link PgVectorStore.createIndex}, with pgvector's defaults. */
export interface HnswOptions {
  /** Neighbours of each item in a layer. Default 16. */
  readonly m?: number | undefined;
  /** Candidates while it is built. Default 64. */
  readonly efConstruction?: number | undefined;
}

/** The table of all stores: their models. */
const STORES = "chinese_clip_stores";

/** Items that a scan reads at a time. */
const PAGE = 500;

/** Values of a `vector`, at most. */
const MAX_DIM = 16_000;

/**
 * Opens a store, or makes its table.
 *
 * @throws SearchError - `fingerprint-mismatch`, `dimension-mismatch`; TypeError - a name of a table that is none; `dim` or `fingerprint` are missing
 * where there is no table; what PostgreSQL says.
 */
export async function openPgVectorStore<Meta = unknown>(options: PgVectorOptions): Promise<PgVectorStore<Meta>> {
  return PgVectorStore.open<Meta>(options);
}

/** A {@link VectorStore} in PostgreSQL; {@link openPgVectorStore} opens one. */
export class PgVectorStore<Meta = unknown> implements VectorStore<Meta> {
  readonly #pool: PgPool;
  readonly #isOwn: boolean;
  /** With its quotes. */
  readonly #table: string;
  readonly #efSearch: number;
  readonly #copy: CopyFrom | undefined;
  /** The object identifier of the type `vector`. */
  readonly #vectorType: number;
  #info: StoreInfo;
  #isClosed = false;

  private constructor(
    pool: PgPool,
    isOwn: boolean,
    { table, efSearch = 100 }: PgVectorOptions,
    info: StoreInfo,
    copy: CopyFrom | undefined,
    vectorType: number,
  ) {
    [this.#pool, this.#isOwn, this.#table, this.#efSearch, this.#info] = [pool, isOwn, `"${table}"`, efSearch, info];
    [this.#copy, this.#vectorType] = [copy, vectorType];
  }

  /**
   * As {@link openPgVectorStore}.
   *
   * @internal
   */
  static async open<Meta>(options: PgVectorOptions): Promise<PgVectorStore<Meta>> {
    const { table, dim, efSearch = 100 } = options;
    if (!/^[a-z_]\w{0,50}$/i.test(table)) throw new TypeError("openPgVectorStore: expected a table of letters, digits and _, at most 51");
    if (!(Number.isInteger(efSearch) && efSearch >= 1 && efSearch <= 1000)) {
      throw new RangeError(`openPgVectorStore: expected efSearch from 1 to 1000, got ${String(efSearch)}`);
    }
    if (dim !== undefined && !(Number.isInteger(dim) && dim >= 1 && dim <= MAX_DIM)) {
      throw new RangeError(`openPgVectorStore: expected dim from 1 to ${MAX_DIM}, got ${String(dim)}`);
    }
    const copy = options.copy === true ? await loadCopy() : undefined;
    const pool = options.pool ?? (await createPool(options.url));
    try {
      const model = await openTable(pool, options);
      const { rows } = await pool.query("select 'vector'::regtype::oid as type");
      const type = Number(rows[0]?.["type"]);
      const store = new PgVectorStore<Meta>(pool, options.pool === undefined, options, { ...model, count: 0 }, copy, type);
      await store.refresh();
      return store;
    } catch (error) {
      if (options.pool === undefined) await pool.end();
      throw error;
    }
  }

  /** {@inheritDoc VectorStore.info} */
  get info(): StoreInfo {
    return this.#info;
  }

  /**
   * {@inheritDoc VectorStore.upsert}
   *
   * PostgreSQL has no character U+0000 and no half of a surrogate pair: `invalid-id` for an id with one, PostgreSQL's error for metadata.
   */
  async upsert(items: readonly StoreItem<Meta>[], { fingerprint }: { readonly fingerprint?: string | undefined } = {}): Promise<void> {
    this.#checkOpen();
    checkFingerprint(this.#info, fingerprint);
    checkItems(items, this.#info.dim);
    for (const { id } of items) {
      if (!isStorable(id)) throw new SearchError("invalid-id", "expected an id that UTF-8 and PostgreSQL can hold", { id });
    }
    if (items.length === 0) return;
    if (this.#copy !== undefined && (await this.#copyNew(this.#copy, items))) {
      this.#count(items.length);
      return;
    }
    const { rows } = await this.#pool.query(
      `insert into ${this.#table} (id, embedding, meta) select * from unnest($1::text[], $2::vector[], $3::text[]::jsonb[])
       on conflict (id) do update set embedding = excluded.embedding, meta = excluded.meta returning (xmax = 0) as is_new`,
      [
        items.map(({ id }) => id),
        vectorArrayBytes(
          items.map(({ embedding }) => embedding),
          this.#vectorType,
        ),
        items.map(({ meta }) => JSON.stringify(meta) ?? "null"),
      ],
    );
    this.#count(rows.filter((row) => row["is_new"] === true).length);
  }

  /** {@inheritDoc VectorStore.delete} */
  async delete(ids: readonly string[]): Promise<number> {
    this.#checkOpen();
    checkIds("delete", ids);
    const { rows } = await this.#pool.query(`delete from ${this.#table} where id = any($1::text[]) returning 1`, [ids.filter(isStorable)]);
    this.#count(-rows.length);
    return rows.length;
  }

  /** {@inheritDoc VectorStore.get} */
  async get(ids: readonly string[]): Promise<(StoreItem<Meta> | undefined)[]> {
    this.#checkOpen();
    checkIds("get", ids);
    const text = `select id, vector_send(embedding) as embedding, meta from ${this.#table} where id = any($1::text[])`;
    const { rows } = await this.#pool.query(text, [ids.filter(isStorable)]);
    const found = new Map(rows.map((row) => [row["id"], row]));
    return ids.map((id) => {
      const row = found.get(id);
      return row === undefined ? undefined : itemOf<Meta>(row);
    });
  }

  /** {@inheritDoc VectorStore.scan} */
  async *scan(filter?: Filter): AsyncGenerator<StoreItem<Meta>, void, undefined> {
    for await (const row of this.#rows("vector_send(embedding) as embedding, meta", filter)) yield itemOf<Meta>(row);
  }

  /** {@inheritDoc VectorStore.list} */
  async *list(filter?: Filter): AsyncGenerator<Omit<StoreItem<Meta>, "embedding">, void, undefined> {
    for await (const row of this.#rows("meta", filter)) yield { id: String(row["id"]), meta: row["meta"] as Meta };
  }

  /**
   * {@inheritDoc VectorStore.search}
   *
   * Scores are summed in float32. With an HNSW index a result may be missing.
   */
  async search(query: StoreQuery): Promise<StoreHit<Meta>[]> {
    this.#checkOpen();
    const { top, minScore, relativeScore } = checkLimits(query);
    const { vector, filter, fingerprint } = query;
    checkFingerprint(this.#info, fingerprint);
    checkVector(vector, this.#info.dim);
    const parameters = new SqlParameters();
    const distance = `embedding <#> ${parameters.add(vectorBytes(vector))}::vector`;
    const where = filter === undefined ? "" : `where ${filterSql(parseFilter(filter), "meta", parameters)}`;
    const text = `select id, meta, -(${distance}) as score from ${this.#table} ${where} order by ${distance} limit ${top}`;
    const rows = await inTransaction(this.#pool, async (client) => {
      await client.query(`set local hnsw.ef_search = ${Math.min(1000, Math.max(this.#efSearch, top))}`);
      await client.query("set local hnsw.iterative_scan = strict_order");
      return (await client.query(text, parameters.values)).rows;
    });
    const hits = rows.map((row) => ({ id: String(row["id"]), score: Number(row["score"]), meta: row["meta"] as Meta }));
    return cutRelative(
      hits.filter(({ score }) => score >= minScore),
      relativeScore,
    );
  }

  /** Makes an HNSW index: after the first items were written, since a full table is indexed faster than one that grows. At most 2,000 values. */
  async createIndex({ m = 16, efConstruction = 64 }: HnswOptions = {}): Promise<void> {
    this.#checkOpen();
    if (!(Number.isInteger(m) && Number.isInteger(efConstruction))) throw new TypeError("createIndex: expected integers");
    const name = `${this.#table.slice(0, -1)}_hnsw"`;
    await this.#pool.query(
      `create index if not exists ${name} on ${this.#table} using hnsw (embedding vector_ip_ops) with (m = ${m}, ef_construction = ${efConstruction})`,
    );
  }

  /** {@inheritDoc VectorStore.refresh} */
  async refresh(): Promise<void> {
    this.#checkOpen();
    const { rows } = await this.#pool.query(`select count(*) as count from ${this.#table}`);
    this.#info = { ...this.#info, count: Number(rows[0]?.["count"]) };
  }

  /** {@inheritDoc VectorStore.compact} */
  async compact(): Promise<void> {
    this.#checkOpen();
    await this.#pool.query(`vacuum ${this.#table}`);
  }

  /** Ends the use of the store; a pool of the caller's stays open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isOwn) await this.#pool.end();
  }

  /** Rows in the order of their ids, a page at a time. */
  async *#rows(columns: string, filter: Filter | undefined): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
    this.#checkOpen();
    const checked = filter === undefined ? undefined : parseFilter(filter);
    for (let last = ""; ;) {
      const parameters = new SqlParameters();
      const after = parameters.add(last);
      const where = checked === undefined ? "" : `and ${filterSql(checked, "meta", parameters)}`;
      const text = `select id, ${columns} from ${this.#table} where id > ${after} ${where} order by id limit ${PAGE}`;
      const { rows } = await this.#pool.query(text, parameters.values);
      for (const row of rows) {
        yield row;
        this.#checkOpen();
      }
      if (rows.length < PAGE) return;
      last = String(rows.at(-1)?.["id"]);
    }
  }

  /** Writes items by COPY. @returns whether it did: not where one of them is there. */
  async #copyNew(copy: CopyFrom, items: readonly StoreItem<Meta>[]): Promise<boolean> {
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query(`select 1 from ${this.#table} where id = any($1::text[]) limit 1`, [items.map(({ id }) => id)]);
      if (rows.length === 0) await copyItems(client, copy, this.#table, items);
      return rows.length === 0;
    }).catch((error: unknown) => {
      if (isUniqueViolation(error)) return false; // another writer wrote one of them since
      throw error;
    });
  }

  #count(change: number): void {
    this.#info = { ...this.#info, count: this.#info.count + change };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SearchError("closed", "the store is closed");
  }
}

/** A pool of `pg`, which is loaded when it is used. */
async function createPool(url: string | undefined): Promise<PgPool> {
  if (url === undefined) throw new TypeError("openPgVectorStore: expected pool, or url, got neither");
  const { Pool } = await import("pg").catch((cause: unknown) => {
    throw new TypeError("openPgVectorStore: expected the package pg, which url needs: npm install pg", { cause });
  });
  return new Pool({ connectionString: url });
}

/** Finds the table's model, or makes the table. */
async function openTable(pool: PgPool, { table, dim, fingerprint }: PgVectorOptions): Promise<Pick<StoreInfo, "dim" | "fingerprint">> {
  await pool.query(`create table if not exists ${STORES} (name text primary key, dim integer not null, fingerprint text not null)`);
  const found = await modelOf(pool, table);
  if (found === undefined) {
    if (dim === undefined || fingerprint === undefined) {
      throw new TypeError("openPgVectorStore: expected dim and fingerprint, which a new table needs");
    }
    await inTransaction(pool, async (client) => {
      await client.query("create extension if not exists vector");
      const columns = `id text collate "C" primary key, embedding vector(${dim}) not null, meta jsonb not null`;
      await client.query(`create table "${table}" (${columns})`);
      await client.query(`insert into ${STORES} values ($1, $2, $3)`, [table, dim, fingerprint]);
    });
    return { dim, fingerprint };
  }
  checkFingerprint(found, fingerprint);
  if (dim === undefined || dim === found.dim) return found;
  throw new SearchError("dimension-mismatch", `expected a table of ${dim} values, got ${found.dim}`, { expected: dim, actual: found.dim });
}

async function modelOf(pool: PgPool, table: string): Promise<Pick<StoreInfo, "dim" | "fingerprint"> | undefined> {
  const { rows } = await pool.query(`select dim, fingerprint from ${STORES} where name = $1`, [table]);
  const [row] = rows;
  return row === undefined ? undefined : { dim: Number(row["dim"]), fingerprint: String(row["fingerprint"]) };
}

async function inTransaction<Result>(pool: PgPool, run: (client: PgQueries) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    await client.query("begin");
    const result = await run(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => (isBroken = true));
    throw error;
  } finally {
    client.release(isBroken);
  }
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}

/** Whether PostgreSQL can hold a text; it rejects a comparison with any other. */
function isStorable(id: string): boolean {
  return !/\0|\p{Cs}/u.test(id);
}

function itemOf<Meta>(row: Readonly<Record<string, unknown>>): StoreItem<Meta> {
  return { id: String(row["id"]), embedding: vectorOf(row["embedding"] as Uint8Array), meta: row["meta"] as Meta };
}
