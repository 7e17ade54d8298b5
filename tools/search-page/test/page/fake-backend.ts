/**
 * A backend of 50,000 images that are nowhere: their names, colours and sizes follow from their numbers.
 */
import {
  BackendError,
  type BackendInfo,
  type DuplicatePage,
  type ImageDetails,
  type ImageItem,
  type ResultPage,
  type ResultWindow,
  type SearchBackend,
  type SearchRequest,
} from "../../src/index.js";

/** Names that pages have been broken by. */
const HOSTILE: readonly string[] = [
  `<img src=x onerror="globalThis.wasHacked = true">.jpg`,
  `"><script>globalThis.wasHacked = true</script>.jpg`,
  "photo\u202egnp.exe",
  "two\nlines\tand\u0007bell.jpg",
  `${"very-long-name-".repeat(40)}.jpg`,
  "javascript:alert(1).jpg",
  "${globalThis.wasHacked = true}.jpg",
];

/** Finds the images whose number begins with the query's digits; every other query finds all, best first by number. */
export class FakeBackend implements SearchBackend {
  count = 50_000;
  /** Milliseconds until an answer. */
  delay = 5;
  /** Fails every call. */
  failure: BackendError | undefined;
  /** Key that is asked for. */
  key: string | undefined;
  /** Calls so far: each with its offset. */
  readonly searches: (SearchRequest & ResultWindow)[] = [];
  #key: string | undefined;

  async info(signal: AbortSignal): Promise<BackendInfo> {
    await this.#wait(signal);
    return {
      indexes: [
        { name: "photos", count: this.count },
        { name: "empty", count: 0 },
      ],
      filters: ["path", "takenFrom", "takenTo", "camera", "minSide", "minBytes"],
      searchesByImage: true,
      cameras: ["Canon EOS R6", "Apple iPhone 15 Pro"],
      duplicates: ["bytes", "image", "similar"],
    };
  }

  async search(request: SearchRequest, window: ResultWindow, signal: AbortSignal): Promise<ResultPage> {
    this.searches.push({ ...request, ...window });
    await this.#wait(signal);
    const { query, filter, index, minScore = -1 } = request;
    const text = query.kind === "text" ? query.text : "";
    if (/[-+]\s*$/u.test(text)) throw new BackendError("invalid-query", "query: expected a text or @file in each part, got an empty one");
    const all = index === "empty" || text === "nothing" ? 0 : filter.path === undefined ? this.count : Math.floor(this.count / 10);
    const scoreOf = (place: number): number => 0.62 / (1 + place / 90);
    const total = query.kind === "all" ? all : Math.min(all, Math.max(0, Math.floor(90 * (0.62 / Math.max(minScore, 1e-4) - 1)) + 1));
    const places = Array.from({ length: Math.max(0, Math.min(window.limit, total - window.offset)) }, (_, i) => window.offset + i);
    return { total, items: places.map((place) => (query.kind === "all" ? item(place) : { ...item(place), score: scoreOf(place) })) };
  }

  async details(_: string, id: string, signal: AbortSignal): Promise<ImageDetails> {
    await this.#wait(signal);
    if (id === "gone") throw new BackendError("not-found", "no such item");
    return details(Number(id));
  }

  async duplicates(_: string, tier: "bytes" | "image" | "similar", window: ResultWindow, signal: AbortSignal): Promise<DuplicatePage> {
    await this.#wait(signal);
    const total = tier === "bytes" ? 0 : 95;
    const count = Math.max(0, Math.min(window.limit, total - window.offset));
    const groups = Array.from({ length: count }, (_unused, i) => {
      const first = (window.offset + i) * 50;
      const others = Array.from({ length: 1 + (i % 3) }, (_other, n) => ({ ...details(first + 48 * (n + 1)), score: 0.998 - n / 100 }));
      return { keep: details(first), reason: "pixels" as const, others };
    });
    return { total, groups };
  }

  thumbnail(_: string, id: string): string {
    return thumbnailOf(Number(id));
  }

  original(_: string, id: string): string {
    return `${thumbnailOf(Number(id))}#original`;
  }

  useKey(key: string): void {
    this.#key = key;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.delay));
    signal.throwIfAborted();
    if (this.failure !== undefined) throw this.failure;
    if (this.#key !== this.key) throw new BackendError("unauthorized", "expected a key");
  }
}

const IMAGES = import.meta.glob<string>("../../../../examples/*/[0-9][0-9].{png,jpg,webp}", {
  query: "?url",
  import: "default",
  eager: true,
});
const addresses = Object.values(IMAGES);

function thumbnailOf(place: number): string {
  return addresses[place % addresses.length] ?? "data:,";
}

function nameOf(place: number): string {
  return HOSTILE[place - 3] ?? `IMG_${String(place).padStart(5, "0")}.jpg`;
}

function item(place: number): ImageItem {
  return { id: String(place), name: nameOf(place) };
}

function details(place: number): ImageDetails {
  return {
    ...item(place),
    path: `/照片/2024/杭州/${nameOf(place)}`,
    bytes: 3_412_345 + 7919 * place,
    width: 4032,
    height: 3024,
    takenAt: "2024-05-01T18:30:12+08:00",
    modifiedAt: Date.UTC(2024, 4, 2, 3, 4),
    camera: "Apple iPhone 15 Pro",
    latitude: 30.25961,
    longitude: 120.13026,
  };
}
