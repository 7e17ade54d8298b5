/**
 * Embeddings of texts that were asked for lately: a search box sends the same words again and again. Least recently used ones go first.
 */

/** A text's embedding. */
export interface CachedText {
  /** float32 `[E]`. */
  readonly embedding: Float32Array;
  readonly tokens: number;
  /** Whether the model read only the text's start. */
  readonly truncated: boolean;
}

/** What an entry takes beside its text and its values. */
const OVERHEAD = 200;

/** Texts by their content, bounded in bytes. */
export class TextCache {
  readonly #limit: number;
  readonly #entries: Map<string, CachedText> = new Map();
  #bytes = 0;

  /** @param limit - bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of its entries. */
  get bytes(): number {
    return this.#bytes;
  }

  get(text: string): CachedText | undefined {
    const found = this.#entries.get(text);
    if (found !== undefined) {
      this.#entries.delete(text);
      this.#entries.set(text, found);
    }
    return found;
  }

  set(text: string, entry: CachedText): void {
    this.#remove(text);
    const size = sizeOf(text, entry);
    if (size > this.#limit) return;
    this.#entries.set(text, entry);
    this.#bytes += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#remove(oldest);
    }
  }

  #remove(text: string): void {
    const found = this.#entries.get(text);
    if (found === undefined) return;
    this.#entries.delete(text);
    this.#bytes -= sizeOf(text, found);
  }
}

function sizeOf(text: string, { embedding }: CachedText): number {
  return OVERHEAD + 2 * text.length + embedding.byteLength;
}
