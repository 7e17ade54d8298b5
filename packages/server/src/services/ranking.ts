/**
 * Whole results of searches, so that a page that scrolls to rank 40,000 does not make the store search to there for each screen.
 */
import type { Filter, MissingPart, StoreHit } from "@chinese-clip/search";
import type { NamedIndex } from "./indexes.js";

/** Ranks that are searched for directly: that is as fast, and always of the index as it is now. */
const DIRECT = 1000;

/** Milliseconds that a result is used for: items that came since are missing until then. */
const FRESH_MILLISECONDS = 15_000;

/** Results that are stored, at most: each is an id and a score for each item. */
const MAX_RESULTS = 4;

/** What is searched for. */
export interface RankingQuery {
  readonly vector: Float32Array;
  readonly minScore: number | undefined;
  readonly filter: Filter | undefined;
  readonly fingerprint: string | undefined;
  /** An item that is left out: the one that others are to be like. */
  readonly without: string | undefined;
}

/** A part of a result. */
export interface RankingPage {
  readonly hits: readonly StoreHit<unknown>[];
  /** Whether there are further ones. */
  readonly more: boolean;
  /** Stores that did not answer. */
  readonly missing: readonly MissingStore[];
}

/** A store of several that did not answer, as a caller is told. */
export interface MissingStore {
  readonly name: string;
  readonly message: string;
}

/** A whole result. */
interface Ranks {
  readonly hits: readonly Ranked[];
  readonly missing: readonly MissingStore[];
}

/** An item's place, without its metadata. */
type Ranked = Pick<StoreHit<unknown>, "id" | "score">;

/** The results of a server. */
export class Ranking {
  readonly #limit: number;
  readonly #results: Map<string, { readonly at: number; readonly count: number; readonly ranks: Promise<Ranks> }> = new Map();

  /** @param limit - the last rank. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The hits from rank `first` to `last` (half open, from 0), best first; fewer where there are no more. */
  async page(index: NamedIndex, query: RankingQuery, first: number, last: number, signal: AbortSignal): Promise<RankingPage> {
    const { store } = index;
    const { without, ...wanted } = query;
    if (last <= DIRECT) {
      // One more than asked for tells whether there are more.
      const top = last + (without === undefined ? 1 : 2);
      const missing: MissingStore[] = [];
      const all = await store.search({ ...wanted, top, signal, onMissing: (part) => missing.push(describe(part)) });
      const found = all.filter(({ id }) => id !== without);
      return { hits: found.slice(first, last), more: found.length > last, missing };
    }
    const { hits: all, missing } = await this.#all(index, query);
    const ranked = all.slice(first, last);
    const items = ranked.length === 0 ? [] : await store.get(ranked.map(({ id }) => id));
    const hits = ranked.flatMap(({ id, score }, i) => {
      const item = items[i];
      return item === undefined ? [] : [{ id, score, meta: item.meta }];
    });
    return { hits, more: all.length > last, missing };
  }

  /** How many hits there are, at most the limit. */
  async count(index: NamedIndex, query: RankingQuery): Promise<number> {
    return (await this.#all(index, query)).hits.length;
  }

  /** Forgets the results, after a change. */
  clear(): void {
    this.#results.clear();
  }

  #all(index: NamedIndex, query: RankingQuery): Promise<Ranks> {
    const { without, ...wanted } = query;
    const { vector, minScore, filter } = wanted;
    const key = JSON.stringify([index.name, [...vector], minScore, filter, without]);
    const [found, now, { count }] = [this.#results.get(key), performance.now(), index.store.info];
    if (found !== undefined && found.count === count && now - found.at < FRESH_MILLISECONDS) return found.ranks;
    const search = async (): Promise<Ranks> => {
      const missing: MissingStore[] = [];
      const all = await index.store.search({ ...wanted, top: this.#limit, onMissing: (part) => missing.push(describe(part)) });
      if (missing.length > 0) this.#results.delete(key); // the next request asks again
      return { hits: all.filter(({ id }) => id !== without).map(({ id, score }) => ({ id, score })), missing };
    };
    const ranks = search();
    this.#results.delete(key);
    this.#results.set(key, { at: now, count, ranks });
    ranks.catch(() => this.#results.delete(key));
    const [oldest] = this.#results.keys();
    if (this.#results.size > MAX_RESULTS && oldest !== undefined) this.#results.delete(oldest);
    return ranks;
  }
}

function describe({ name, error }: MissingPart): MissingStore {
  return { name, message: error instanceof Error && error.name === "SearchError" ? error.message : "the store failed" };
}
