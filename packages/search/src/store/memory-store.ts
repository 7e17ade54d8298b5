/**
 * A vector store in memory: one matrix of rows that is scanned at every search. Exact; nothing outlives the process.
 */
import { dotAt } from "@chinese-clip/pipeline/vectors";
import { kindOf } from "../kind-of.js";
import { SearchError } from "../search-error.js";
import { TopRows } from "../top-k/top-rows.js";
import { type Filter, matchesFilter, parseFilter } from "./filter.js";
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
} from "./vector-store.js";

/** An item without its embedding, which is in the matrix. */
interface Entry<Meta> {
  readonly id: string;
  readonly meta: Meta;
}

/** A {@link VectorStore} in memory. Embeddings and metadata are copied in and out. */
export class MemoryStore<Meta = unknown> implements VectorStore<Meta> {
  readonly #fingerprint: string;
  readonly #dim: number;
  readonly #rowOf: Map<string, number> = new Map();
  /** By row; undefined where an item was removed. */
  #entries: (Entry<Meta> | undefined)[] = [];
  /** float32 `[capacity, dim]`. */
  #matrix: Float32Array;
  #isClosed = false;

  /** @throws TypeError - no object; RangeError - `dim` is no positive integer. */
  constructor(info: Pick<StoreInfo, "fingerprint" | "dim">) {
    if (typeof info !== "object" || info === null)
      throw new TypeError(`MemoryStore: expected an object with fingerprint and dim, got ${kindOf(info)}`);
    const { fingerprint, dim } = info;
    if (!(Number.isInteger(dim) && dim >= 1))
      throw new RangeError(`MemoryStore: expected dim to be a positive integer, got ${String(dim)}`);
    this.#fingerprint = fingerprint;
    this.#dim = dim;
    this.#matrix = new Float32Array(16 * dim);
  }

  /** {@inheritDoc VectorStore.info} */
  get info(): StoreInfo {
    return { fingerprint: this.#fingerprint, dim: this.#dim, count: this.#rowOf.size };
  }

  /** {@inheritDoc VectorStore.upsert} */
  async upsert(items: readonly StoreItem<Meta>[], { fingerprint }: { readonly fingerprint?: string | undefined } = {}): Promise<void> {
    this.#checkOpen();
    checkFingerprint(this.info, fingerprint);
    checkItems(items, this.#dim);
    const entries = items.map(({ id, meta }) => ({ id, meta: structuredClone(meta) })); // may throw, so before the first write
    this.#reserve(this.#entries.length + items.length);
    for (const [i, { id, embedding }] of items.entries()) {
      const row = this.#rowOf.get(id) ?? this.#entries.length;
      this.#entries[row] = entries[i];
      this.#rowOf.set(id, row);
      this.#matrix.set(embedding, row * this.#dim);
    }
  }

  /** {@inheritDoc VectorStore.delete} */
  async delete(ids: readonly string[]): Promise<number> {
    this.#checkOpen();
    checkIds("delete", ids);
    let removed = 0;
    for (const id of ids) {
      const row = this.#rowOf.get(id);
      if (row === undefined) continue;
      this.#rowOf.delete(id);
      this.#entries[row] = undefined;
      removed++;
    }
    return removed;
  }

  /** {@inheritDoc VectorStore.get} */
  async get(ids: readonly string[]): Promise<(StoreItem<Meta> | undefined)[]> {
    this.#checkOpen();
    checkIds("get", ids);
    return ids.map((id) => {
      const row = this.#rowOf.get(id);
      return row === undefined ? undefined : this.#itemAt(row);
    });
  }

  /** {@inheritDoc VectorStore.scan} */
  async *scan(filter?: Filter): AsyncGenerator<StoreItem<Meta>, void, undefined> {
    this.#checkOpen();
    const checked = filter === undefined ? undefined : parseFilter(filter);
    for (const id of this.#rowOf.keys()) {
      const row = this.#rowOf.get(id);
      const item = row === undefined ? undefined : this.#itemAt(row);
      if (item === undefined || (checked !== undefined && !matchesFilter(checked, item.meta))) continue;
      yield item;
      this.#checkOpen();
    }
  }

  /** {@inheritDoc VectorStore.list} */
  async *list(filter?: Filter): AsyncGenerator<Omit<StoreItem<Meta>, "embedding">, void, undefined> {
    this.#checkOpen();
    const checked = filter === undefined ? undefined : parseFilter(filter);
    for (const [id, row] of this.#rowOf) {
      const entry = this.#entries[row];
      if (entry === undefined || (checked !== undefined && !matchesFilter(checked, entry.meta))) continue;
      yield { id, meta: structuredClone(entry.meta) };
      this.#checkOpen();
    }
  }

  /** {@inheritDoc VectorStore.search} */
  async search(query: StoreQuery): Promise<StoreHit<Meta>[]> {
    this.#checkOpen();
    const { top, minScore, relativeScore } = checkLimits(query);
    const { vector, filter, fingerprint } = query;
    checkFingerprint(this.info, fingerprint);
    checkVector(vector, this.#dim);
    const checked = filter === undefined ? undefined : parseFilter(filter);
    const best = new TopRows(top);
    const wide = Float64Array.from(vector);
    for (const [row, entry] of this.#entries.entries()) {
      if (entry === undefined || (checked !== undefined && !matchesFilter(checked, entry.meta))) continue;
      const score = dotAt(this.#matrix, row * this.#dim, wide, 0, this.#dim);
      if (score >= minScore) best.offer(row, score);
    }
    return cutRelative(best.sorted(), relativeScore).flatMap(({ row, score }) => {
      const entry = this.#entries[row];
      return entry === undefined ? [] : [{ id: entry.id, score, meta: structuredClone(entry.meta) }];
    });
  }

  /** {@inheritDoc VectorStore.refresh} */
  async refresh(): Promise<void> {
    this.#checkOpen();
  }

  /** {@inheritDoc VectorStore.compact} */
  async compact(): Promise<void> {
    this.#checkOpen();
    const dim = this.#dim;
    const matrix = new Float32Array(Math.max(16, this.#rowOf.size) * dim);
    const entries: Entry<Meta>[] = [];
    for (const [row, entry] of this.#entries.entries()) {
      if (entry === undefined) continue;
      matrix.set(this.#matrix.subarray(row * dim, (row + 1) * dim), entries.length * dim);
      this.#rowOf.set(entry.id, entries.length);
      entries.push(entry);
    }
    [this.#matrix, this.#entries] = [matrix, entries];
  }

  /** {@inheritDoc VectorStore.close} */
  async close(): Promise<void> {
    this.#isClosed = true;
    [this.#matrix, this.#entries] = [new Float32Array(0), []];
    this.#rowOf.clear();
  }

  #itemAt(row: number): StoreItem<Meta> | undefined {
    const entry = this.#entries[row];
    if (entry === undefined) return undefined;
    return { id: entry.id, embedding: this.#matrix.slice(row * this.#dim, (row + 1) * this.#dim), meta: structuredClone(entry.meta) };
  }

  #reserve(rows: number): void {
    if (rows * this.#dim <= this.#matrix.length) return;
    const matrix = new Float32Array(Math.max(rows * this.#dim, 2 * this.#matrix.length));
    matrix.set(this.#matrix);
    this.#matrix = matrix;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SearchError("closed", "the store is closed");
  }
}
