/**
 * Search among the images of the browser's own index, with the model in the browser.
 */
import { type ChineseCLIP, cosine } from "@chinese-clip/web";
import {
  BackendError,
  type BackendInfo,
  type DuplicateGroup,
  type DuplicatePage,
  type ImageDetails,
  type ImageFilter,
  pathGlob,
  type ResultPage,
  type ResultWindow,
  type SearchBackend,
  type SearchRequest,
  type Store,
} from "@chinese-clip/search-page";
import { similarImages } from "./similar-images.js";
import { combine, matchesFilter, parseQuery, type QueryPart, SearchError } from "@chinese-clip/search";
import type { AppState } from "./app-state.js";
import { detailsOf, type LibraryImage } from "./image-library.js";

/** Name of the only index, which is not shown. */
const INDEX = "browser";

/** An image and how well it fits. */
interface Match {
  readonly image: LibraryImage;
  readonly score: number | undefined;
}

/** The direction that a query means. */
interface QueryVector {
  readonly vector: Float32Array;
  readonly truncated: boolean;
}

/** The backend. */
export class BrowserBackend implements SearchBackend {
  readonly #store: Store<AppState>;
  #clip: ChineseCLIP | undefined;
  readonly #waiting: Set<() => void> = new Set();
  /** The last query's vector, which its other windows and newly added images need. */
  #query: { readonly key: unknown; readonly clip: ChineseCLIP; readonly vector: Promise<QueryVector> } | undefined;
  /** The last ranking, which the query's other windows need. */
  #ranking:
    | {
        readonly request: string;
        readonly images: readonly LibraryImage[];
        readonly vector: Float32Array;
        readonly matches: readonly Match[];
      }
    | undefined;

  /** The groups of the images that were last compared. */
  #duplicates: { readonly images: readonly LibraryImage[]; readonly found: Promise<readonly DuplicateGroup[]> } | undefined;

  constructor(store: Store<AppState>) {
    this.#store = store;
  }

  /** Uses a model; searches that wait for one go on. */
  useModel(clip: ChineseCLIP): void {
    this.#clip = clip;
    this.#query = undefined;
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  async info(): Promise<BackendInfo> {
    const { images } = this.#store.state;
    return {
      indexes: [{ name: INDEX, count: images.length }],
      filters: ["path", "minSide", "minBytes"],
      searchesByImage: true,
      // A file that is there already is not added again, so that there are no equal bytes; and no hash of an image's pixels is stored.
      duplicates: ["similar"],
    };
  }

  async search(request: SearchRequest, { offset, limit }: ResultWindow, signal: AbortSignal): Promise<ResultPage> {
    const { query, filter } = request;
    if (query.kind === "all") {
      const found = this.#store.state.images.filter((image) => matches(image, filter)).reverse();
      return { total: found.length, items: found.slice(offset, offset + limit).map(({ id, name }) => ({ id, name })) };
    }
    const { vector, truncated } = await this.#embed(request, signal);
    const ranked = this.#rank(request, vector);
    const items = ranked.slice(offset, offset + limit).map(({ image: { id, name }, score }) => ({ id, name, score }));
    return { total: ranked.length, items, truncated };
  }

  async details(_: string, id: string): Promise<ImageDetails> {
    return detailsOf(this.#image(id));
  }

  async duplicates(_: string, __: unknown, { offset, limit }: ResultWindow, signal: AbortSignal): Promise<DuplicatePage> {
    const { images } = this.#store.state;
    if (this.#duplicates?.images !== images) {
      const found = similarImages(images);
      const duplicates = (this.#duplicates = { images, found });
      found.catch(() => {
        if (this.#duplicates === duplicates) this.#duplicates = undefined;
      });
    }
    const groups = await this.#duplicates.found;
    signal.throwIfAborted();
    return { total: groups.length, groups: groups.slice(offset, offset + limit) };
  }

  thumbnail(_: string, id: string): string | undefined {
    return this.#store.state.images.find((image) => image.id === id)?.thumbnailUrl;
  }

  /** The files are not stored. */
  original(): undefined {
    return undefined;
  }

  #image(id: string): LibraryImage {
    const image = this.#store.state.images.find((candidate) => candidate.id === id);
    if (image === undefined) throw new BackendError("not-found", `no image ${id}`);
    return image;
  }

  /** The model, as soon as there is one. */
  async #model(signal: AbortSignal): Promise<ChineseCLIP> {
    while (this.#clip === undefined) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    }
    return this.#clip;
  }

  async #embed({ query }: SearchRequest, signal: AbortSignal): Promise<QueryVector> {
    if (query.kind === "similar") return { vector: this.#image(query.id).embedding, truncated: false };
    const key = query.kind === "text" ? query.text : query.kind === "image" ? query.file : undefined;
    const parts = query.kind === "text" ? partsOf(query.text) : [];
    const clip = await this.#model(signal);
    if (this.#query?.key !== key || this.#query?.clip !== clip) {
      const vector = query.kind === "image" ? this.#embedFile(clip, query.file) : this.#embedParts(clip, parts);
      this.#query = { key, clip, vector };
      vector.catch(() => (this.#query = undefined));
    }
    const { vector } = this.#query;
    return vector;
  }

  async #embedFile(clip: ChineseCLIP, file: Blob): Promise<QueryVector> {
    return { vector: (await clip.embedImage(file)).data, truncated: false };
  }

  async #embedParts(clip: ChineseCLIP, parts: readonly QueryPart[]): Promise<QueryVector> {
    const texts = parts.filter(({ kind }) => kind === "text").map(({ content }) => content);
    const { data, dim, truncated } = texts.length === 0 ? { data: new Float32Array(), dim: 0, truncated: [] } : await clip.embedText(texts);
    let text = 0;
    const vectors = parts.map(({ kind, content }) => {
      if (kind === "text") return data.subarray(text * dim, ++text * dim);
      const image = this.#store.state.images.find(({ name, path }) => name === content || path === content);
      if (image === undefined)
        throw new BackendError("invalid-query", `query: expected the name of an image of the index after @, got ${content.slice(0, 60)}`);
      return image.embedding;
    });
    const [only] = vectors;
    const isOne = parts.length === 1 && parts[0]?.weight === 1;
    return { vector: isOne && only !== undefined ? only : translated(() => combine(parts, vectors)), truncated: truncated.some(Boolean) };
  }

  #rank(request: SearchRequest, vector: Float32Array): readonly Match[] {
    const { images } = this.#store.state;
    const { filter, minScore = -1 } = request;
    const key = JSON.stringify([filter, minScore]);
    const last = this.#ranking;
    if (last?.request === key && last.images === images && last.vector === vector) return last.matches;
    const found = images
      .filter((image) => matches(image, filter))
      .map((image) => ({ image, score: cosine(image.embedding, vector) }))
      .filter(({ score }) => score >= minScore)
      .sort((a, b) => b.score - a.score);
    this.#ranking = { request: key, images, vector, matches: found };
    return found;
  }
}

function partsOf(text: string): readonly QueryPart[] {
  return translated(() => parseQuery(text));
}

/** The result of work on a query, whose faults are the visitor's. */
function translated<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof SearchError) throw new BackendError("invalid-query", error.message, { cause: error });
    throw error;
  }
}

function matches(
  { name, path = name, width = 0, height = 0, bytes = 0 }: LibraryImage,
  { path: glob, minSide = 0, minBytes = 0 }: ImageFilter,
): boolean {
  if (Math.max(width, height) < minSide || bytes < minBytes) return false;
  return glob === undefined || matchesFilter({ field: "path", op: "glob", value: pathGlob(glob) }, { path });
}
