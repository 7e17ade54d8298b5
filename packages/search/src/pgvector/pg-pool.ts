/** What is used of `pg`, so that a pool of the caller's fits whatever its version. */

/** The part of a `Pool` of `pg` that is used. */
export interface PgPool extends PgQueries {
  /** A connection of its own, for a transaction. */
  connect(): Promise<PgQueries & { release(error?: boolean): void }>;
  /** Closes the connections; called of a pool of the store's own only. */
  end(): Promise<void>;
}

/** What runs statements. */
export interface PgQueries {
  /** Runs one. */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}
