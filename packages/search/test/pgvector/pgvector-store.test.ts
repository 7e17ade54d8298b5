/** PostgreSQL by PGlite behind a socket, spoken to by `pg`; or a server of one's own by `CHINESE_CLIP_PG_URL`. */
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConformanceMeta, vectorStoreCases } from "../../src/conformance/index.js";
import { openPgVectorStore } from "../../src/pgvector/index.js";
import { type Filter, matchesFilter } from "../../src/store/filter.js";

const URL = process.env["CHINESE_CLIP_PG_URL"];
let [database, server, opened]: [PGlite | undefined, PGLiteSocketServer | undefined, number] = [undefined, undefined, 0];
let pool: Pool;
let url = "";
const tables: string[] = [];
const nextTable = (): string => {
  const table = `test_${process.pid}_${opened++}`;
  tables.push(table);
  return table;
};

beforeAll(async () => {
  if (URL !== undefined) {
    url = URL;
    pool = new Pool({ connectionString: url });
    return;
  }
  database = await PGlite.create({ extensions: { vector } });
  server = new PGLiteSocketServer({ db: database, port: 0, maxConnections: 4 });
  let port = 0;
  server.addEventListener("listening", (event) => (port = (event as CustomEvent<{ readonly port: number }>).detail.port));
  await server.start();
  url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  pool = new Pool({ connectionString: url, max: 1 });
}, 60_000);

afterAll(async () => {
  for (const table of tables) {
    await pool.query(`drop table if exists "${table}"`);
    await pool.query("delete from chinese_clip_stores where name = $1", [table]);
  }
  await pool.end();
  await server?.stop();
  await database?.close();
});

describe("PgVectorStore conforms", () => {
  const cases = vectorStoreCases(async (info) => {
    const table = nextTable();
    const reopen = (): ReturnType<typeof openPgVectorStore<ConformanceMeta>> => openPgVectorStore<ConformanceMeta>({ pool, table });
    return { store: await openPgVectorStore<ConformanceMeta>({ pool, table, ...info }), reopen };
  });
  for (const { name, run } of cases) it(name, run);
});

describe("PgVectorStore", () => {
  it("finds enough for a filter that leaves few, with an index too", async () => {
    const store = await openPgVectorStore<{ readonly year: number }>({
      pool,
      table: nextTable(),
      dim: 8,
      fingerprint: "model-a",
      efSearch: 10,
    });
    const items = Array.from({ length: 600 }, (_, i) => ({
      id: `item ${i}`,
      embedding: Float32Array.from({ length: 8 }, (__, e) => Math.sin(i * 7 + e)),
      meta: { year: i % 50 },
    }));
    await store.upsert(items);
    await store.createIndex();
    await store.createIndex();
    const query = {
      vector: Float32Array.from({ length: 8 }, (_, e) => Math.cos(e)),
      top: 12,
      filter: { field: "year", op: "eq", value: 49 },
    } as const;
    const found = await store.search(query);
    expect(found).toHaveLength(12);
    expect(found.every(({ meta }) => meta.year === 49)).toBe(true);
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
  });

  it("rejects another model, a name that is no table's, and ids that PostgreSQL cannot hold", async () => {
    const table = nextTable();
    await expect(openPgVectorStore({ pool, table })).rejects.toThrow(TypeError);
    const store = await openPgVectorStore({ pool, table, dim: 2, fingerprint: "model-a" });
    await expect(openPgVectorStore({ pool, table, fingerprint: "model-b" })).rejects.toMatchObject({ code: "fingerprint-mismatch" });
    await expect(openPgVectorStore({ pool, table, dim: 3 })).rejects.toMatchObject({ code: "dimension-mismatch" });
    await expect(openPgVectorStore({ pool, table: 'a"; drop table b' })).rejects.toThrow(TypeError);
    await expect(openPgVectorStore({ pool, table, efSearch: 0 })).rejects.toThrow(RangeError);
    const embedding = Float32Array.of(1, 2);
    for (const id of ["a\0b", "\ud800"]) {
      await expect(store.upsert([{ id, embedding, meta: null }])).rejects.toMatchObject({ code: "invalid-id" });
      expect([await store.get([id]), await store.delete([id])]).toEqual([[undefined], 0]);
    }
    const quoted = `'); drop table "${table}"; --`;
    await store.upsert([{ id: quoted, embedding, meta: { [quoted]: quoted } }]);
    expect(await store.search({ vector: embedding, filter: { field: quoted, op: "startsWith", value: quoted } })).toHaveLength(1);
    expect(await store.search({ vector: embedding, filter: { field: quoted, op: "lt", value: 5 } })).toEqual([]);
  });

  it("has patterns that match as matchesFilter's", async () => {
    const store = await openPgVectorStore<{ readonly path: string }>({ pool, table: nextTable(), dim: 1, fingerprint: "model-a" });
    const paths = ["a.jpg", "b/a.jpg", "b/c/a.jpg", "b/c/😀.jpg", "(x)+[y].jpg", "a\\b$.png", "ajjpg", "b/c", "a\nb.jpg", "", "ab/c"];
    await store.upsert(paths.map((path, i) => ({ id: `${i}`, embedding: Float32Array.of(1), meta: { path } })));
    for (const value of [
      "*.jpg",
      "**/*.jpg",
      "**",
      "b/**",
      "b/**/a.jpg",
      "?.jpg",
      "b/c/?.jpg",
      "(x)+[y].*",
      "a\\b$*",
      "a**",
      "**b/c",
      "*",
      "",
      "a*b.jpg",
    ]) {
      const filter: Filter = { field: "path", op: "glob", value };
      const found: string[] = [];
      for await (const { meta } of store.list(filter)) found.push(meta.path);
      expect([value, found.toSorted()]).toEqual([value, paths.filter((path) => matchesFilter(filter, { path })).toSorted()]);
    }
  });

  it("makes a pool of its own for a URL, and ends it", async () => {
    const table = nextTable();
    const store = await openPgVectorStore({ url, table, dim: 2, fingerprint: "model-a" });
    await store.upsert([{ id: "a", embedding: Float32Array.of(1, 2), meta: null }]);
    await store.close();
    await store.close();
    expect((await openPgVectorStore({ pool, table })).info).toEqual({ dim: 2, fingerprint: "model-a", count: 1 });
    await expect(openPgVectorStore({ table })).rejects.toThrow("expected pool, or url");
  });
});
