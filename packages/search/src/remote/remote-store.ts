/**
 * A vector store behind a server of `@chinese-clip/server`: one of its indexes. What it can do is what the server allows; `upsert` and `delete` need an
 * index that is writable.
 */
import { SearchError } from "../search-error.js";
import { type Filter, parseFilter } from "../store/filter.js";
import {
  checkFingerprint,
  checkItems,
  checkLimits,
  checkVector,
  cutRelative,
  type StoreHit,
  type StoreInfo,
  type StoreItem,
  type StoreQuery,
  type VectorStore,
} from "../store/vector-store.js";
import { decodeVector, encodeVector } from "./remote-vector.js";
import { type RemoteOptions, ServerClient } from "./server-client.js";

/** Options of {@link openRemoteStore}. */
export interface RemoteStoreOptions extends RemoteOptions {
  /** The index's name on the server. */
  readonly index: string;
  /** `Embedder.fingerprint`, checked. */
  readonly fingerprint?: string | undefined;
  /** Values of an embedding, checked. With `fingerprint`, the store opens also while the server does not answer; its count is then 0 until it does. */
  readonly dim?: number | undefined;
}

/** Items or ids of one request, and results of a page: the server's default limits. */
const [ITEMS_PER_CALL, HITS_PER_CALL] = [1000, 1000] as const;

/** Characters of items in one request: three quarters of what the server reads, since its bytes are counted in UTF-8. */
const CALL_LENGTH = 8 * 2 ** 20;

/**
 * Opens an index of a server.
 *
 * @throws SearchError - `unavailable`, `rejected`, `missing-file` (no such index), `fingerprint-mismatch`, `dimension-mismatch`; TypeError, RangeError -
 * options that cannot be.
 */
export async function openRemoteStore<Meta = unknown>(options: RemoteStoreOptions): Promise<RemoteStore<Meta>> {
  return RemoteStore.open<Meta>(options);
}

/** A {@link VectorStore} behind a server; {@link openRemoteStore} opens one. */
export class RemoteStore<Meta = unknown> implements VectorStore<Meta> {
  /** The index's name on the server. */
  readonly index: string;
  readonly #client: ServerClient;
  readonly #path: string;
  #info: StoreInfo;
  #isClosed = false;

  private constructor(client: ServerClient, index: string, info: StoreInfo) {
    [this.#client, this.index, this.#info] = [client, index, info];
    this.#path = `/v1/indexes/${encodeURIComponent(index)}`;
  }

  /** @internal */
  static async open<Meta>(options: RemoteStoreOptions): Promise<RemoteStore<Meta>> {
    const { index, fingerprint, dim } = options;
    const client = new ServerClient(options, "openRemoteStore");
    const expected = fingerprint === undefined || dim === undefined ? undefined : { fingerprint, dim, count: 0 };
    const info = await readInfo(client, index).catch((error: unknown) => {
      if (expected !== undefined && error instanceof SearchError && error.code === "unavailable") return expected;
      throw error;
    });
    checkFingerprint(info, fingerprint);
    if (dim !== undefined && dim !== info.dim) throw dimensionMismatch(dim, info.dim);
    return new RemoteStore<Meta>(client, index, info);
  }

  /** {@inheritDoc VectorStore.info} */
  get info(): StoreInfo {
    return this.#info;
  }

  /** {@inheritDoc VectorStore.upsert} Atomic for each thousand items, or fewer where they are large. */
  async upsert(items: readonly StoreItem<Meta>[], { fingerprint }: { readonly fingerprint?: string | undefined } = {}): Promise<void> {
    this.#checkOpen();
    checkFingerprint(this.#info, fingerprint);
    checkItems(items, this.#info.dim);
    const body = (part: readonly unknown[]): unknown => ({ fingerprint: this.#info.fingerprint, items: part });
    let [part, length]: [unknown[], number] = [[], 0];
    const flush = async (): Promise<void> => {
      if (part.length > 0) this.#count(await this.#client.json({ method: "PUT", path: `${this.#path}/items`, body: body(part) }));
      [part, length] = [[], 0];
    };
    for (const { id, embedding, meta } of items) {
      const size = 6 * embedding.length + id.length + (JSON.stringify(meta)?.length ?? 0);
      if (part.length === ITEMS_PER_CALL || length + size > CALL_LENGTH) await flush();
      part.push({ id, meta, vector: encodeVector(embedding) });
      length += size;
    }
    await flush();
  }

  /** {@inheritDoc VectorStore.delete} */
  async delete(ids: readonly string[]): Promise<number> {
    this.#checkOpen();
    let removed = 0;
    for (const part of partsOf(ids)) {
      const answer = await this.#client.json({ method: "DELETE", path: `${this.#path}/items`, body: { ids: part } });
      this.#count(answer);
      removed += this.#integer(answer["deleted"], "deleted");
    }
    return removed;
  }

  /** {@inheritDoc VectorStore.get} */
  async get(ids: readonly string[]): Promise<(StoreItem<Meta> | undefined)[]> {
    this.#checkOpen();
    const items: (StoreItem<Meta> | undefined)[] = [];
    for (const part of partsOf(ids)) {
      const body = { ids: part, vectors: true };
      const { data } = await this.#client.json({ method: "POST", path: `${this.#path}/items/get`, body });
      if (!Array.isArray(data) || data.length !== part.length) throw this.#client.unexpected("an item or null for each id");
      for (const one of data as readonly unknown[]) items.push(one === null ? undefined : this.#item(one));
    }
    return items;
  }

  /** {@inheritDoc VectorStore.scan} */
  async *scan(filter?: Filter): AsyncGenerator<StoreItem<Meta>, void, undefined> {
    for await (const line of this.#lines(filter, true)) yield this.#item(line);
  }

  /** {@inheritDoc VectorStore.list} */
  async *list(filter?: Filter): AsyncGenerator<Omit<StoreItem<Meta>, "embedding">, void, undefined> {
    for await (const line of this.#lines(filter, false)) yield this.#entry(line);
  }

  /** {@inheritDoc VectorStore.search} */
  async search(query: StoreQuery): Promise<StoreHit<Meta>[]> {
    this.#checkOpen();
    const { top, minScore, relativeScore } = checkLimits(query);
    checkFingerprint(this.#info, query.fingerprint);
    checkVector(query.vector, this.#info.dim);
    const filter = query.filter === undefined ? undefined : parseFilter(query.filter);
    if (minScore === Number.POSITIVE_INFINITY) return []; // no JSON
    const body = {
      index: this.index,
      vector: encodeVector(query.vector),
      fingerprint: this.#info.fingerprint,
      ...(filter === undefined ? {} : { filter }),
      ...(minScore === Number.NEGATIVE_INFINITY ? {} : { minScore }),
    };
    const hits: StoreHit<Meta>[] = [];
    for (;;) {
      const limit = Math.min(HITS_PER_CALL, top - hits.length);
      const page = { ...body, offset: hits.length, limit };
      const answer = await this.#client.json({ method: "POST", path: "/v1/search", body: page, signal: query.signal });
      this.#count(answer);
      this.#tellMissing(answer["missing"], query, hits.length === 0);
      const found = this.#hits(answer["data"], limit);
      for (const hit of found) hits.push(hit);
      if (hits.length >= top || answer["more"] !== true || found.length === 0) break;
    }
    return cutRelative(hits, relativeScore);
  }

  /**
   * {@inheritDoc VectorStore.refresh}
   *
   * @throws SearchError - `unavailable`, `rejected`; `fingerprint-mismatch`, `dimension-mismatch`: the server has another model's index by now.
   */
  async refresh(): Promise<void> {
    this.#checkOpen();
    const info = await readInfo(this.#client, this.index);
    checkFingerprint(this.#info, info.fingerprint);
    if (info.dim !== this.#info.dim) throw dimensionMismatch(this.#info.dim, info.dim);
    this.#info = info;
  }

  /** {@inheritDoc VectorStore.compact} */
  async compact(): Promise<void> {
    this.#checkOpen();
    await this.#client.json({ method: "POST", path: `${this.#path}/compact`, body: {} });
  }

  /** Ends the use of the store; nothing is held. */
  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** Ends the use of the store; see {@link RemoteStore.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#lines(filter: Filter | undefined, vectors: boolean): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
    this.#checkOpen();
    const body = { vectors, ...(filter === undefined ? {} : { filter: parseFilter(filter) }) };
    for await (const line of this.#client.lines({ method: "POST", path: `${this.#path}/items/scan`, body })) {
      yield line;
      this.#checkOpen();
    }
  }

  /** Parts of the server's own store that did not answer it. @throws SearchError - `incomplete`, where nobody is told. */
  #tellMissing(given: unknown, { onMissing }: StoreQuery, isFirst: boolean): void {
    if (given === undefined) return;
    const parts = Array.isArray(given) ? (given as readonly unknown[]).map(asObject) : [];
    if (parts.length === 0) throw this.#client.unexpected("a list of missing stores");
    const missing = parts.map((part) => {
      const name = typeof part["name"] === "string" ? part["name"].slice(0, 200) : "?";
      return { name, message: typeof part["message"] === "string" ? part["message"].slice(0, 500) : "" };
    });
    if (onMissing === undefined) {
      const names = missing.map(({ name }) => name);
      const message = `${this.#client.url}: no answers of ${names.slice(0, 10).join(", ")}`;
      throw new SearchError("incomplete", message, { url: this.#client.url, missing: names });
    }
    for (const { name, message } of isFirst ? missing : [])
      onMissing({ name, error: new SearchError("unavailable", message, { url: this.#client.url }) });
  }

  #hits(data: unknown, limit: number): StoreHit<Meta>[] {
    if (!Array.isArray(data) || data.length > limit) throw this.#client.unexpected(`at most ${limit} items`);
    return (data as readonly unknown[]).map((one) => {
      const { score } = asObject(one);
      if (typeof score !== "number") throw this.#client.unexpected("a score of each item");
      const { id, meta } = this.#entry(one);
      return { id, score, meta };
    });
  }

  #item(value: unknown): StoreItem<Meta> {
    const embedding = decodeVector(asObject(value)["vector"]);
    if (embedding?.length !== this.#info.dim) throw this.#client.unexpected(`vectors of ${this.#info.dim} values`);
    return { ...this.#entry(value), embedding };
  }

  #entry(value: unknown): Omit<StoreItem<Meta>, "embedding"> {
    const { id, meta } = asObject(value);
    if (typeof id !== "string" || id === "") throw this.#client.unexpected("an id of each item");
    return { id, meta: meta as Meta };
  }

  /** Takes over how many items the index has. */
  #count({ count }: Readonly<Record<string, unknown>>): void {
    this.#info = { ...this.#info, count: this.#integer(count, "count") };
  }

  #integer(value: unknown, name: string): number {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#client.unexpected(`an integer ${name}`);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SearchError("closed", "the store is closed");
  }
}

/** What the server says of an index. */
async function readInfo(client: ServerClient, index: string): Promise<StoreInfo> {
  const { data } = await client.json({ method: "GET", path: "/v1/indexes" });
  const found = Array.isArray(data) ? (data as readonly unknown[]).map(asObject).find(({ name }) => name === index) : undefined;
  if (found === undefined) throw new SearchError("missing-file", `the server has no index ${JSON.stringify(index)}`, { file: client.url });
  const { fingerprint, dim, count } = found;
  const isValid = typeof fingerprint === "string" && Number.isSafeInteger(dim) && Number(dim) >= 1 && Number.isSafeInteger(count);
  if (!isValid) throw client.unexpected("fingerprint, dim and count of the index");
  return { fingerprint, dim: Number(dim), count: Number(count) };
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function dimensionMismatch(expected: number, actual: number): SearchError {
  return new SearchError("dimension-mismatch", `expected an index of ${expected} values, got ${actual}`, { expected, actual });
}

function* partsOf(ids: readonly string[]): Generator<readonly string[], void, undefined> {
  for (let start = 0; start < ids.length; start += ITEMS_PER_CALL) yield ids.slice(start, start + ITEMS_PER_CALL);
}
