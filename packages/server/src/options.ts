/**
 * What a server is made of: an embedder, stores, and rules. Nothing here is of Node; `@chinese-clip/server/node` listens on a port.
 */
import type { Embedder } from "@chinese-clip/pipeline";
import type { ImageClassifier } from "@chinese-clip/pipeline/classifier";
import type { DuplicateMeta, VectorStore } from "@chinese-clip/search";
import type { ServerLimits } from "./limits.js";

/** What the server gives an embedder as an image: an encoded file, or a URL where `allowUrls` is set. */
export type ServedImage = Uint8Array | URL;

/** A width and a height in pixels. */
export interface PixelSize {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows of pixels. */
  readonly height: number;
}

/** An index by its store, with the images that its items are of. */
export interface ServedIndex {
  /** Embeddings and metadata. */
  readonly store: VectorStore<unknown>;
  /** Whether `PUT` and `DELETE` may change it. Default false. */
  readonly writable?: boolean | undefined;
  /** An item's image as it is stored. Called only with ids that are in the store. @returns undefined where there is none (any more). */
  readonly readFile?: ((id: string, meta: unknown) => Promise<Uint8Array | undefined>) | undefined;
  /** A small image of an item. Called only with ids that are in the store. @returns undefined where there is none. */
  readonly readThumbnail?: ((id: string, meta: unknown) => Promise<Uint8Array | undefined>) | undefined;
  /** A last check of two items that seem to be the same image, as `findDuplicates` takes it, such as by the pixels of their thumbnails. */
  readonly sameImage?: ((kept: DuplicateMeta, other: DuplicateMeta) => boolean | Promise<boolean>) | undefined;
}

/** A request that was answered, as metrics count it. */
export interface RequestRecord {
  /** As it was sent. */
  readonly method: string;
  /** The route's pattern, `/v1/indexes/{name}/items`; `unmatched` for none. */
  readonly route: string;
  /** The HTTP status. */
  readonly status: number;
  /** Seconds from the request's headers to the answer's. */
  readonly seconds: number;
}

/** What counts requests and work; `createMetrics` of `@chinese-clip/server/node` makes one for Prometheus. */
export interface ServerMetrics {
  /** A request was answered. */
  request(record: RequestRecord): void;
  /** Texts were found in the cache, or not; images were embedded. */
  inputs(kind: "cached-text" | "text" | "image", count: number): void;
  /** The queue changed. */
  queue(working: number, waiting: number): void;
  /** The body of `/metrics` with its content type. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** A file of the page at `/`. */
export interface PageFile {
  /** Its header. */
  readonly contentType: string;
  /** Its bytes, or a text that is sent as UTF-8. */
  readonly body: Uint8Array<ArrayBuffer> | string;
  /** Whether the path changes with the file, so that browsers need not ask for it again. Default false. */
  readonly isImmutable?: boolean | undefined;
}

/** Options of {@link createHandler}. */
export interface HandlerOptions {
  /** What embeds texts and images; a `ChineseCLIP` is one. Its own limits are those of an image's decoding. */
  readonly embedder: Embedder<ServedImage>;
  /** What is searched, by name: letters, digits, `.`, `_` and `-`. Each store's fingerprint has to be the embedder's. Default none. */
  readonly stores?: Readonly<Record<string, ServedIndex | VectorStore<unknown>>> | undefined;
  /** The model's name in answers and in `/v1/models`. Default `chinese-clip`. */
  readonly modelName?: string | undefined;
  /** Further names that requests may give, for programs whose model's name cannot be set. */
  readonly modelAliases?: readonly string[] | undefined;
  /**
   * Few-shot classifiers for `/v1/classify`, by the names that requests give. Each has to be of the embedder's model; `checkClassifierModel` of
   * `@chinese-clip/pipeline/classifier` tells. Default none.
   */
  readonly classifiers?: Readonly<Record<string, ImageClassifier>> | undefined;
  /** The factor of cosines in the softmax of `/v1/classify`. Default 100, the published models'. */
  readonly logitScale?: number | undefined;
  /** Tokens of each text, for `usage`. Without it `usage` counts 0 tokens. */
  readonly countTokens?: ((texts: readonly string[]) => readonly number[]) | undefined;
  /** An image's size by its header, for `limits.pixels` and immich. */
  readonly imageSize?: ((bytes: Uint8Array) => PixelSize | undefined) | undefined;
  /** What a request may cost. */
  readonly limits?: ServerLimits | undefined;
  /** The key that requests have to give as `Authorization: Bearer`. Default none: then only requests by a loopback host name are answered. */
  readonly apiKey?: string | undefined;
  /** Host names that requests may come by, without ports; `*` for any. Default: any with an `apiKey`, without one those of loopback. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of other web pages that may call the server from a browser, such as `https://photos.example`. Default none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Whether an image may be an `http:` or `https:` URL, which the embedder fetches. Default false. Its rule on private addresses is its own. */
  readonly allowUrls?: boolean | undefined;
  /** A server of immich's machine learning for its tasks other than CLIP. Default none: they are rejected. */
  readonly immichUpstream?: string | URL | undefined;
  /** What makes requests to `immichUpstream`. Default the platform's. */
  readonly fetch?: ((url: URL, init: RequestInit) => Promise<Response>) | undefined;
  /** Files of the page, by path; `/` is its start. */
  readonly page?: Readonly<Record<string, PageFile>> | undefined;
  /** Counts requests, for `/metrics`; without it there is no such route. */
  readonly metrics?: ServerMetrics | undefined;
  /** Told of each fault of the server, which a caller learns nothing of. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What each option has to be, where calls without types give something else: `apiKey: null` would become a key of four letters. */
const KINDS: Readonly<Record<string, "string" | "number" | "boolean" | "object" | "function" | "strings">> = {
  embedder: "object",
  stores: "object",
  modelName: "string",
  modelAliases: "strings",
  classifiers: "object",
  logitScale: "number",
  countTokens: "function",
  imageSize: "function",
  limits: "object",
  apiKey: "string",
  allowedHosts: "strings",
  allowedOrigins: "strings",
  allowUrls: "boolean",
  metrics: "object",
  page: "object",
  onError: "function",
};

/** @throws TypeError - an option of another kind, or no embedder. */
export function checkOptions(options: HandlerOptions): void {
  if (typeof options !== "object" || options === null) throw new TypeError(`createHandler: expected options, got ${kindOf(options)}`);
  const given: Readonly<Record<string, unknown>> = { ...options };
  for (const [name, kind] of Object.entries(KINDS)) {
    const value = given[name];
    if (value === undefined && name !== "embedder") continue;
    const isRight =
      kind === "strings"
        ? Array.isArray(value) && value.every((one) => typeof one === "string")
        : typeof value === kind && value !== null && !Number.isNaN(value);
    if (!isRight)
      throw new TypeError(
        `createHandler: expected ${name} to be ${kind === "strings" ? "an array of strings" : `of type ${kind}`}, got ${kindOf(value)}`,
      );
  }
  if (typeof options.embedder.embedText !== "function")
    throw new TypeError("createHandler: expected embedder to have embedText and embedImages, as a ChineseCLIP has");
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Number.isNaN(value) ? "NaN" : typeof value;
}
