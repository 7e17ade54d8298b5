/**
 * COPY, against a PostgreSQL of the machine: PGlite's socket has none. It has no pgvector, so `vector` is a domain of texts here; with
 * `CHINESE_CLIP_PG_URL` the store's own test runs the conformance suite over COPY, too.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyItems, loadCopy } from "../../src/pgvector/copy-items.js";
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
    await pool.query("create domain vector as text");
    await pool.query("create table items (id text primary key, embedding vector not null, meta jsonb not null)");
  }, 60_000);

  afterAll(async () => {
    await pool.end();
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server?.kill("SIGQUIT");
    await ended;
    rmSync(data, { recursive: true, force: true });
  });

  const copy = async (items: readonly StoreItem<unknown>[], end: "commit" | "rollback" = "commit"): Promise<number> => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      const count = await copyItems(client, await loadCopy(), '"items"', items);
      await client.query(end);
      return count;
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  };
  const rows = async (): Promise<readonly { readonly id: string; readonly embedding: string; readonly meta: unknown }[]> =>
    (await pool.query('select * from items order by id collate "C"')).rows;

  it("writes what COPY's text format would take for something else, and replaces what is there", async () => {
    const odd = ["\\.", "\\N", "a\tb", "a\nb\r", "猫\\", "'; drop table items; --", "\\x41", '"', "😀"];
    const items = odd.map((id, i) => ({ id, embedding: Float32Array.of(i, -0.25, 1e-30), meta: { [id]: [id, { n: i }], none: null } }));
    expect(await copy(items)).toBe(odd.length);
    const expected = new Map(items.map(({ id, embedding, meta }) => [id, [`[${embedding.join(",")}]`, meta]]));
    expect(new Map((await rows()).map(({ id, embedding, meta }) => [id, [embedding, meta]]))).toEqual(expected);
    expect(
      await copy([
        { id: "\\N", embedding: Float32Array.of(7), meta: "new" },
        { id: "z", embedding: Float32Array.of(8), meta: 1 },
      ]),
    ).toBe(1);
    expect((await rows()).find(({ id }) => id === "\\N")).toEqual({ id: "\\N", embedding: "[7]", meta: "new" });
  });

  it("writes all of many or none: with the transaction, and where one cannot be", async () => {
    await pool.query("truncate items");
    const items = Array.from({ length: 20_000 }, (_, i) => ({ id: `${i}`, embedding: new Float32Array(64).fill(i), meta: { i } }));
    await copy(items, "rollback");
    expect(await rows()).toEqual([]);
    await expect(copy([...items, { id: "x", embedding: Float32Array.of(1), meta: "\0" }])).rejects.toThrow();
    expect(await rows()).toEqual([]);
    expect(await copy(items)).toBe(20_000);
    expect(await copy(items)).toBe(0);
    expect(await rows()).toHaveLength(20_000);
  });
});
