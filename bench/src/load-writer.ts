/** One load as a process of its own, for `load.ts`, which kills it: tells its parent the rows that are in the store after every batch, and what it did. */
import { type JsonObject, loadShards } from "@chinese-clip/dataset";
import type { VectorStore } from "@chinese-clip/search";
import { openFolderStore } from "@chinese-clip/search/node";
import { openPgVectorStore } from "@chinese-clip/search/pgvector";
import { oneSession } from "./one-session.js";

/** What the process is told. */
export interface LoadWriterOptions {
  readonly output: string;
  readonly dim: number;
  readonly fingerprint: string;
  /** A folder, or `postgres://`. */
  readonly to: string;
}

/** What it tells. */
export interface LoadWriterMessage {
  readonly rows: number;
  /** At the end alone: rows that were there before. */
  readonly present?: number | undefined;
}

const { output, to, ...model } = JSON.parse(process.argv[2] ?? "{}") as LoadWriterOptions;
const tell = (message: LoadWriterMessage): void => void process.send?.(message);
const pool = to.startsWith("postgres:") ? oneSession(to) : undefined;
const store: VectorStore<JsonObject> =
  pool === undefined ? await openFolderStore(to, model) : await openPgVectorStore({ pool, table: "images", ...model });
const { rows, present } = await loadShards(output, store, { onProgress: (progress) => tell({ rows: progress.rows }) });
await store.close();
await pool?.end();
tell({ rows, present });
process.disconnect();
