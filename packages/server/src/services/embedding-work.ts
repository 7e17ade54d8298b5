/**
 * Inputs to embeddings: texts by the cache and the text tower, images by the image tower.
 */
import type { Embeddings } from "@chinese-clip/pipeline";
import type { EmbeddingInput } from "../input/embedding-input.js";
import type { HandlerOptions, ServedImage } from "../options.js";
import { toServerError } from "../server-error.js";
import { type CachedText, TextCache } from "./text-cache.js";

/** Inputs' embeddings. */
export interface EmbeddedInputs {
  /** float32 `[E]` each, with L2 norm 1, in the inputs' order. */
  readonly rows: readonly Float32Array[];
  /** Tokens of all texts. */
  readonly tokens: number;
  /** Texts of which the model read only the start. */
  readonly truncated: readonly boolean[];
}

/** The embedder of a server, with its cache. */
export class EmbeddingWork {
  readonly #embedder: HandlerOptions["embedder"];
  readonly #countTokens: HandlerOptions["countTokens"];
  readonly #metrics: HandlerOptions["metrics"];
  readonly #cache: TextCache;

  constructor({ embedder, countTokens, metrics }: HandlerOptions, cacheBytes: number) {
    [this.#embedder, this.#countTokens, this.#metrics] = [embedder, countTokens, metrics];
    this.#cache = new TextCache(cacheBytes);
  }

  /**
   * Embeds inputs.
   *
   * @throws ServerError - an image that cannot be embedded, with its place; the signal's reason; what the embedder throws.
   */
  async embed(inputs: readonly EmbeddingInput[], signal: AbortSignal): Promise<EmbeddedInputs> {
    const texts = await this.#texts([...new Set(inputs.flatMap((input) => (input.kind === "text" ? [input.text] : [])))], signal);
    const images = await this.#images(
      inputs.filter((input) => input.kind === "image"),
      signal,
    );
    let next = 0;
    const found = inputs.map((input) => (input.kind === "text" ? texts.get(input.text) : undefined));
    return {
      rows: found.map((text) => (text === undefined ? images[next++] : text.embedding) as Float32Array),
      tokens: found.reduce((sum, text) => sum + (text?.tokens ?? 0), 0),
      truncated: found.map((text) => text?.truncated ?? false),
    };
  }

  /** Embeds texts as a list, for `embedClasses`. */
  async embedTexts(texts: readonly string[], signal: AbortSignal): Promise<Embeddings> {
    const { dim } = this.#embedder;
    const found = await this.#texts([...new Set(texts)], signal);
    const data = new Float32Array(texts.length * dim);
    for (const [i, text] of texts.entries()) data.set((found.get(text) as CachedText).embedding, i * dim);
    return { data, count: texts.length, dim };
  }

  async #texts(texts: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, CachedText>> {
    const found = new Map<string, CachedText>();
    const missing: string[] = [];
    for (const text of texts) {
      const cached = this.#cache.get(text);
      if (cached === undefined) missing.push(text);
      else found.set(text, cached);
    }
    if (found.size > 0) this.#metrics?.inputs("cached-text", found.size);
    if (missing.length === 0) return found;
    const embeddings: Embeddings & { readonly truncated?: readonly boolean[] } = await this.#embedder.embedText(missing, { signal });
    const { data, dim, truncated } = embeddings;
    const tokens = this.#countTokens?.(missing);
    for (const [i, text] of missing.entries()) {
      const entry = { embedding: data.slice(i * dim, (i + 1) * dim), tokens: tokens?.[i] ?? 0, truncated: truncated?.[i] ?? false };
      this.#cache.set(text, entry);
      found.set(text, entry);
    }
    this.#metrics?.inputs("text", missing.length);
    return found;
  }

  async #images(inputs: readonly { readonly image: ServedImage; readonly place: string }[], signal: AbortSignal): Promise<Float32Array[]> {
    const rows: Float32Array[] = [];
    if (inputs.length === 0) return rows;
    const images = inputs.map(({ image }) => image);
    for await (const result of this.#embedder.embedImages(images, { signal })) {
      signal.throwIfAborted();
      if ("error" in result) throw toServerError(result.error, inputs[result.index]?.place);
      rows.push(result.embedding);
    }
    if (rows.length !== inputs.length) throw new TypeError("embedImages: expected a result for each image");
    this.#metrics?.inputs("image", rows.length);
    return rows;
  }
}
