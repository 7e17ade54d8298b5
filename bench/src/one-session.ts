/** Connections to PGlite, which has one session for all of them. */
import type { PgPool } from "@chinese-clip/search/pgvector";
import pg from "pg";

/** A pool whose statements with parameters are each in a transaction: PGlite's socket lets no other connection in between the messages of one. */
export function oneSession(url: string): PgPool {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  return {
    connect: () => pool.connect(),
    end: () => pool.end(),
    async query(text, values) {
      if (values === undefined) return pool.query(text);
      const client = await pool.connect();
      try {
        await client.query("begin");
        const result = await client.query(text, values);
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    },
  };
}
