/**
 * Search by the routes of the server that the page came from.
 */
import {
  BackendError,
  type BackendInfo,
  type DuplicatePage,
  type DuplicateTier,
  type ImageDetails,
  type ResultPage,
  type ResultWindow,
  type SearchBackend,
  type SearchRequest,
} from "@chinese-clip/search-page";
import { Connection } from "./connection.js";
import { filterOf } from "./filter.js";
import { detailsOf, itemOf, type ServedItem } from "./served-item.js";
import { uploadOf } from "./upload.js";

/** Thumbnails that are held while a key is needed: then an `<img>` cannot fetch them by itself. */
const MAX_THUMBNAILS = 600;

/** Milliseconds between two looks at a search for duplicates that goes on. */
const PAUSE = 500;

interface ServedDuplicates {
  readonly isComplete: boolean;
  readonly total: number;
  readonly data: readonly {
    readonly reason: "pixels" | "bytes" | "oldest" | "order";
    readonly keep: ServedItem;
    readonly others: readonly ServedItem[];
  }[];
}

/** The backend. */
export class HttpBackend implements SearchBackend {
  readonly #connection = new Connection();
  /** Embeddings of images that were searched for: each is sent once. */
  readonly #embeddings: WeakMap<Blob, Promise<readonly number[]>> = new WeakMap();
  readonly #thumbnails: Map<string, Promise<string | undefined>> = new Map();

  useKey(key: string): void {
    this.#connection.useKey(key);
  }

  async info(signal: AbortSignal): Promise<BackendInfo> {
    const { data } = await this.#connection.json<{ readonly data: readonly { readonly name: string; readonly count: number }[] }>(
      "GET",
      "/v1/indexes",
      { signal },
    );
    return {
      indexes: data.map(({ name, count }) => ({ name, count })),
      filters: ["path", "takenFrom", "takenTo", "camera", "minSide", "minBytes"],
      searchesByImage: true,
      duplicates: ["bytes", "image", "similar"],
    };
  }

  async search(request: SearchRequest, { offset, limit }: ResultWindow, signal: AbortSignal): Promise<ResultPage> {
    const { index, query, minScore } = request;
    const filter = filterOf(request.filter);
    if (query.kind === "all") {
      const params = new URLSearchParams({ offset: String(offset), limit: String(limit) });
      if (filter !== undefined) params.set("filter", JSON.stringify(filter));
      const { total, data } = await this.#connection.json<{ readonly total: number; readonly data: readonly ServedItem[] }>(
        "GET",
        `/v1/indexes/${encodeURIComponent(index)}/items?${params.toString()}`,
        { signal },
      );
      return { total, items: data.map(itemOf) };
    }
    const wanted =
      query.kind === "text"
        ? { query: query.text }
        : query.kind === "similar"
          ? { id: query.id }
          : { vector: await this.#embeddingOf(query.file, signal) };
    const body = { index, ...wanted, offset, limit, total: true, minScore, filter };
    const { total, data } = await this.#connection.json<{ readonly total: number; readonly data: readonly ServedItem[] }>(
      "POST",
      "/v1/search",
      {
        body,
        signal,
      },
    );
    return { total, items: data.map(itemOf) };
  }

  async details(index: string, id: string, signal: AbortSignal): Promise<ImageDetails> {
    return detailsOf(await this.#connection.json<ServedItem>("GET", this.#pathOf(index, id), { signal }));
  }

  async duplicates(index: string, tier: DuplicateTier, { offset, limit }: ResultWindow, signal: AbortSignal): Promise<DuplicatePage> {
    const params = new URLSearchParams({ tier, offset: String(offset), limit: String(limit) });
    const path = `/v1/indexes/${encodeURIComponent(index)}/duplicates?${params.toString()}`;
    let found = await this.#connection.json<ServedDuplicates>("GET", path, { signal });
    while (!found.isComplete) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      signal.throwIfAborted();
      found = await this.#connection.json<ServedDuplicates>("GET", path, { signal });
    }
    const { total, data } = found;
    return { total, groups: data.map(({ keep, reason, others }) => ({ keep: detailsOf(keep), reason, others: others.map(detailsOf) })) };
  }

  thumbnail(index: string, id: string): string | Promise<string | undefined> {
    return this.#image(`${this.#pathOf(index, id)}/thumbnail`);
  }

  original(index: string, id: string): string | Promise<string | undefined> {
    return this.#image(`${this.#pathOf(index, id)}/file`);
  }

  /** An image's address: the server's own, or, where that needs a key, that of its bytes in memory. */
  #image(path: string): string | Promise<string | undefined> {
    if (!this.#connection.hasKey) return path;
    const known = this.#thumbnails.get(path);
    if (known !== undefined) {
      this.#thumbnails.delete(path);
      this.#thumbnails.set(path, known);
      return known;
    }
    const address = this.#connection.image(path).catch(() => undefined);
    this.#thumbnails.set(path, address);
    const [oldest] = this.#thumbnails;
    if (this.#thumbnails.size > MAX_THUMBNAILS && oldest !== undefined) {
      this.#thumbnails.delete(oldest[0]);
      void oldest[1].then((url) => url !== undefined && URL.revokeObjectURL(url));
    }
    return address;
  }

  #pathOf(index: string, id: string): string {
    return `/v1/indexes/${encodeURIComponent(index)}/items/${encodeURIComponent(id)}`;
  }

  #embeddingOf(file: Blob, signal: AbortSignal): Promise<readonly number[]> {
    const known = this.#embeddings.get(file);
    if (known !== undefined) return known;
    const embedding = this.#embed(file, signal);
    this.#embeddings.set(file, embedding);
    embedding.catch(() => this.#embeddings.delete(file));
    return embedding;
  }

  async #embed(file: Blob, signal: AbortSignal): Promise<readonly number[]> {
    const body = { input: { image: await uploadOf(file) } };
    const { data } = await this.#connection.json<{ readonly data: readonly { readonly embedding: readonly number[] }[] }>(
      "POST",
      "/v1/embeddings",
      { body, signal },
    );
    const [first] = data;
    if (first === undefined) throw new BackendError("rejected", "expected an embedding");
    return first.embedding;
  }
}
