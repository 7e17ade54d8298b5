export type { PgPool, PgQueries } from "./pg-pool.js";
export { type HnswOptions, openPgVectorStore, type PgVectorOptions, PgVectorStore } from "./pgvector-store.js";
