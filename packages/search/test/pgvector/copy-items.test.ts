/**
 * COPY, against a PostgreSQL of the machine: PGlite's socket has none. It has no pgvector, so `vector` is a domain of bytes here; the test of the bytes
 * has pgvector read them.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPgVectorStore, type PgVectorStore } from "../../src/pgvector/index.js";
import type { StoreItem } from "../../src/store/vector-store.js";

const ROOT = "/usr/lib/postgresql";
const BIN = existsSync(ROOT)
  ? readdirSync(ROOT)
      .map((version) => join(ROOT, version, "bin"))
      .find((bin) => existsSync(join(bin, "initdb")))
  : undefined;
let [server, data]: [ChildProcess | undefined, string] = [undefined, ""];
let pool: Pool;

/** PostgreSQL does not run as root. */
function owner(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe.skipIf(BIN === undefined)("COPY (needs PostgreSQL in /usr/lib/postgresql)", () => {
  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), "chinese-clip-copy-"));
    const { uid, gid } = owner();
    if (uid !== undefined && gid !== undefined) chownSync(data, uid, gid);
    execFileSync(join(BIN ?? "", "initdb"), ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"], {
      stdio: "ignore",
      ...owner(),
    });
    const port = await freePort();
    server = spawn(join(BIN ?? "", "postgres"), ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", ""], {
      stdio: "ignore",
      cwd: "/",
      ...owner(),
    });
    pool = new Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` });
    for (;;) {
      const isUp = await pool.query("select 1").then(
        () => true,
        () => false,
      );
      if (isUp) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await pool.query("create domain vector as bytea");
    await pool.query("create function vector_send(vector) returns bytea language sql as 'select $1::bytea'");
    await pool.query("create table items (id text primary key, embedding vector not null, meta jsonb not null)");
    await pool.query("create table chinese_clip_stores (name text primary key, dim integer not null, fingerprint text not null)");
    await pool.query("insert into chinese_clip_stores values ('items', 3, 'model-a')");
  }, 60_000);

  afterAll(async () => {
    await pool.end();
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server?.kill("SIGQUIT");
    await ended;
    rmSync(data, { recursive: true, force: true });
  });

  const open = (): Promise<PgVectorStore> => openPgVectorStore({ pool, table: "items", copy: true });
  const itemsOf = (count: number, value = 0): StoreItem<unknown>[] =>
    Array.from({ length: count }, (_, i) => ({ id: `${i}`, embedding: Float32Array.of(i, value, 1e-30), meta: { i } }));

  it("writes any text, and replaces what is there", async () => {
    const store = await open();
    const odd = ["\\.", "\\N", "a\tb", "a\nb\r", "猫\\", "'; drop table items; --", "\\x41", '"', "😀"];
    const items = odd.map((id, i) => ({ id, embedding: Float32Array.of(i, -0.25, 1e-30), meta: { [id]: [id, { n: i }], none: null } }));
    await store.upsert(items);
    expect(store.info.count).toBe(odd.length);
    expect(await store.get(odd)).toEqual(items);
    await store.upsert([
      { id: "\\N", embedding: Float32Array.of(7, 8, 9), meta: "new" },
      { id: "z", embedding: Float32Array.of(8, 0, 0), meta: 1 },
    ]);
    expect(store.info.count).toBe(odd.length + 1);
    expect(await store.get(["\\N"])).toEqual([{ id: "\\N", embedding: Float32Array.of(7, 8, 9), meta: "new" }]);
  });

  it("writes all of many or none", async () => {
    await pool.query("truncate items");
    const store = await open();
    const items = itemsOf(20_000);
    await expect(store.upsert([...items, { id: "x", embedding: Float32Array.of(1, 2, 3), meta: "\0" }])).rejects.toThrow();
    await store.refresh();
    expect(store.info.count).toBe(0);
    await store.upsert(items);
    await store.upsert(items);
    await store.refresh();
    expect(store.info.count).toBe(20_000);
    expect((await store.get(["19999"]))[0]).toEqual(items[19_999]);
  });

  it("replaces an item that another writer commits while COPY runs", async () => {
    await pool.query("truncate items");
    const store = await open();
    const other = await pool.connect();
    try {
      await other.query("begin");
      await other.query("insert into items values ('5', '\\x', '{}')");
      const written = store.upsert(itemsOf(10, 4));
      const waiting = "select 1 from pg_stat_activity where query like 'copy%' and wait_event_type = 'Lock'";
      while ((await pool.query(waiting)).rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await other.query("commit");
      await written;
    } finally {
      other.release();
    }
    expect(store.info.count).toBe(9);
    expect((await store.get(["5"]))[0]).toEqual(itemsOf(10, 4)[5]);
  });
});
