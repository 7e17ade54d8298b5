/**
 * A vector store over several, each of which may be in this process, in a database or behind a server. A search asks all of them at once and merges
 * their best, which is exact where theirs is; an item belongs to the store that a hash of its id gives.
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
  type MissingPart,
  type StoreHit,
  type StoreInfo,
  type StoreItem,
  type StoreQuery,
  type VectorStore,
} from "../store/vector-store.js";
import { Shard } from "./shard.js";
import { shardOf } from "./shard-of.js";

/** Options of a {@link ShardedStore}. */
export interface ShardedStoreOptions {
  /** Milliseconds that a search, a `get`, or a step of a scan waits for each store. Writes wait as long as the stores take. Default 5000. */
  readonly milliseconds?: number | undefined;
  /** The stores' names in errors and {@link MissingPart}, in their order. Default their numbers from 0. */
  readonly names?: readonly string[] | undefined;
  /** The number of an item's store, from 0: the same for an id at all times. Default {@link shardOf}. */
  readonly route?: ((id: string, count: number) => number) | undefined;
}

/**
 * A {@link VectorStore} over several. Their order and number decide which item is where, so they are the same at each start. `upsert` rejects bad
 * items before anything is written, but is atomic in each store only: where one fails, `incomplete` names it, and the same call again completes the rest.
 */
export class ShardedStore<Meta = unknown> implements VectorStore<Meta> {
  readonly #shards: readonly Shard<Meta>[];
  readonly #route: (id: string, count: number) => number;
  #isClosed = false;

  /**
   * @param stores - at least one, of one model; closed by {@link ShardedStore.close}.
   * @throws TypeError, RangeError - options that cannot be; SearchError - `fingerprint-mismatch`, `dimension-mismatch`: stores of two models.
   */
  constructor(stores: readonly VectorStore<Meta>[], { milliseconds = 5000, names, route = shardOf }: ShardedStoreOptions = {}) {
    const [first] = stores;
    if (first === undefined) throw new RangeError("ShardedStore: expected at least one store, got none");
    if (!(Number.isFinite(milliseconds) && milliseconds > 0 && milliseconds < 2 ** 31))
      throw new RangeError(`ShardedStore: expected milliseconds to be a positive number, got ${String(milliseconds)}`);
    const distinct = new Set<string | number>(names ?? stores.keys());
    if (distinct.size !== stores.length)
      throw new RangeError(`ShardedStore: expected ${stores.length} different names, got ${distinct.size}`);
    for (const { info } of stores) {
      checkFingerprint(first.info, info.fingerprint);
      if (info.dim === first.info.dim) continue;
      const details = { expected: first.info.dim, actual: info.dim };
      throw new SearchError("dimension-mismatch", `expected stores of ${first.info.dim} values, got one of ${info.dim}`, details);
    }
    this.#shards = stores.map((store, i) => new Shard(names?.[i] ?? String(i), store, milliseconds));
    this.#route = route;
  }

  /** {@inheritDoc VectorStore.info} The count is that of all stores, as each last told it. */
  get info(): StoreInfo {
    const infos = this.#shards.map(({ store }) => store.info);
    const { fingerprint = "", dim = 0 } = infos[0] ?? {};
    return { fingerprint, dim, count: infos.reduce((sum, { count }) => sum + count, 0) };
  }

  /** {@inheritDoc VectorStore.upsert} See {@link ShardedStore} for one that fails. */
  async upsert(items: readonly StoreItem<Meta>[], options: { readonly fingerprint?: string | undefined } = {}): Promise<void> {
    this.#checkOpen();
    checkFingerprint(this.info, options.fingerprint);
    checkItems(items, this.info.dim);
    const parts = this.#partition(items, ({ id }) => id);
    await this.#writeAll(parts, (store, part) => store.upsert(part, options));
  }

  /** {@inheritDoc VectorStore.delete} */
  async delete(ids: readonly string[]): Promise<number> {
    this.#checkOpen();
    checkIds("delete", ids);
    const removed = await this.#writeAll(
      this.#partition(ids, (id) => id),
      (store, part) => store.delete(part),
    );
    return removed.reduce((sum, count) => sum + count, 0);
  }

  /**
   * {@inheritDoc VectorStore.get}
   *
   * @throws SearchError - `incomplete`.
   */
  async get(ids: readonly string[]): Promise<(StoreItem<Meta> | undefined)[]> {
    this.#checkOpen();
    checkIds("get", ids);
    const items: (StoreItem<Meta> | undefined)[] = Array.from({ length: ids.length });
    const places = this.#partition([...ids.keys()], (place) => ids[place] as string);
    const parts = await this.#askAll([...places.keys()], async (shard) => {
      const own = places.get(shard) ?? [];
      return { own, found: await shard.within(() => shard.store.get(own.map((place) => ids[place] as string))) };
    });
    for (const { own, found } of this.#answersOf(parts)) for (const [i, place] of own.entries()) items[place] = found[i];
    return items;
  }

  /** {@inheritDoc VectorStore.scan} One store after the other. */
  async *scan(filter?: Filter): AsyncGenerator<StoreItem<Meta>, void, undefined> {
    yield* this.#each(filter, (store, checked) => store.scan(checked));
  }

  /** {@inheritDoc VectorStore.list} One store after the other. */
  async *list(filter?: Filter): AsyncGenerator<Omit<StoreItem<Meta>, "embedding">, void, undefined> {
    yield* this.#each(filter, (store, checked) => store.list(checked));
  }

  /**
   * {@inheritDoc VectorStore.search}
   *
   * The earlier store's hits come first among equal scores. `onMissing` is told of each store that did not answer within the deadline; without it, and
   * where none did, the search rejects with `incomplete`.
   */
  async search(query: StoreQuery): Promise<StoreHit<Meta>[]> {
    this.#checkOpen();
    const { top, relativeScore } = checkLimits(query);
    checkFingerprint(this.info, query.fingerprint);
    checkVector(query.vector, this.info.dim);
    const { onMissing, signal } = query;
    const filter = query.filter === undefined ? undefined : parseFilter(query.filter);
    // The cut relative to a store's own best leaves out nothing that the best of all would not.
    const parts = await this.#askAll(this.#shards, (shard) =>
      shard.within((ending) => {
        const inner = onMissing && (({ name, error }: MissingPart) => onMissing({ name: `${shard.name}/${name}`, error }));
        return shard.store.search({ ...query, filter, signal: ending, onMissing: inner });
      }, signal),
    );
    signal?.throwIfAborted();
    const hits = this.#answersOf(parts, onMissing).flat();
    return cutRelative(hits.sort((a, b) => b.score - a.score).slice(0, top), relativeScore);
  }

  /** Sees what other processes have written in the stores that answer; those that do not stay as they were. */
  async refresh(): Promise<void> {
    this.#checkOpen();
    await this.#askAll(this.#shards, (shard) => shard.within(() => shard.store.refresh()));
  }

  /** {@inheritDoc VectorStore.compact} */
  async compact(): Promise<void> {
    this.#checkOpen();
    this.#answersOf(await this.#askAll(this.#shards, ({ store }) => store.compact()));
  }

  /** Closes the stores; idempotent. @throws what the first store that cannot be closed throws, once the others are. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ends = await Promise.allSettled(this.#shards.map(async ({ store }) => store.close()));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Closes the stores; see {@link ShardedStore.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What goes to each store, in its order. */
  #partition<One>(all: readonly One[], idOf: (one: One) => string): Map<Shard<Meta>, One[]> {
    const parts = new Map<Shard<Meta>, One[]>();
    for (const one of all) {
      const number = this.#route(idOf(one), this.#shards.length);
      const shard = this.#shards[number];
      if (shard === undefined)
        throw new RangeError(`ShardedStore: expected route to give 0 to ${this.#shards.length - 1}, got ${String(number)}`);
      const part = parts.get(shard);
      if (part === undefined) parts.set(shard, [one]);
      else part.push(one);
    }
    return parts;
  }

  async #writeAll<One, Answer>(
    parts: ReadonlyMap<Shard<Meta>, One[]>,
    write: (store: VectorStore<Meta>, part: One[]) => Promise<Answer>,
  ): Promise<Answer[]> {
    return this.#answersOf(await this.#askAll([...parts.keys()], (shard) => write(shard.store, parts.get(shard) ?? [])));
  }

  #askAll<Answer>(shards: readonly Shard<Meta>[], call: (shard: Shard<Meta>) => Promise<Answer>): Promise<Part<Answer>[]> {
    const ask = async (shard: Shard<Meta>): Promise<Part<Answer>> => {
      try {
        return { name: shard.name, answer: await call(shard) };
      } catch (error) {
        return { name: shard.name, error };
      }
    };
    return Promise.all(shards.map(ask));
  }

  /**
   * The answers of the stores that gave one.
   *
   * @throws SearchError - `incomplete`: one gave none and nobody is told, or none gave one.
   */
  #answersOf<Answer>(parts: readonly Part<Answer>[], onMissing?: (part: MissingPart) => void): Answer[] {
    const missing = parts.filter((part): part is MissingPart => !("answer" in part));
    if (missing.length > 0 && (onMissing === undefined || missing.length === parts.length)) {
      const names = missing.map(({ name }) => name);
      const reason = missing[0]?.error instanceof Error ? `: ${missing[0].error.message}` : "";
      const message = `expected answers of ${parts.length} stores, got none of ${names.slice(0, 10).join(", ")}${reason}`;
      throw new SearchError("incomplete", message, { missing: names }, { cause: missing[0]?.error });
    }
    for (const { name, error } of missing) onMissing?.({ name, error });
    return parts.flatMap((part) => ("answer" in part ? [part.answer] : []));
  }

  async *#each<Item>(
    filter: Filter | undefined,
    open: (store: VectorStore<Meta>, filter: Filter | undefined) => AsyncIterable<Item>,
  ): AsyncGenerator<Item, void, undefined> {
    this.#checkOpen();
    const checked = filter === undefined ? undefined : parseFilter(filter);
    for (const shard of this.#shards) {
      const items = open(shard.store, checked)[Symbol.asyncIterator]();
      let isDone = false;
      try {
        for (;;) {
          const step = await shard.within(() => items.next());
          if (step.done === true) break;
          yield step.value;
          this.#checkOpen();
        }
        isDone = true;
      } finally {
        if (!isDone) items.return?.().catch(() => undefined); // not awaited: one that hangs never ends
      }
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SearchError("closed", "the store is closed");
  }
}

/** What one store answered, or why it did not. */
type Part<Answer> = { readonly name: string; readonly answer: Answer } | MissingPart;
