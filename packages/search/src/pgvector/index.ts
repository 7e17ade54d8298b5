export { type HnswOptions, openPgVectorStore, type PgPool, type PgQueries, type PgVectorOptions, PgVectorStore } from "./pgvector-store.js";
