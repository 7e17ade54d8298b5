/** An embedder without a model: a text's or an image's embedding follows from its bytes. It counts its calls, and waits where a test says so. */
import type { Embedder, Embeddings, ImageEmbeddingResult } from "@chinese-clip/pipeline";
import type { ServedImage } from "../src/index.js";

export const DIM = 8;

/** Values of length 1, the same for the same bytes. */
export function embeddingOf(bytes: Uint8Array): Float32Array {
  let state = 2_166_136_261;
  for (const byte of bytes) state = Math.imul(state ^ byte, 16_777_619) >>> 0;
  const values = Float32Array.from({ length: DIM }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}

export const textEmbedding = (text: string): Float32Array => embeddingOf(new TextEncoder().encode(text));

export class FakeEmbedder implements Embedder<ServedImage> {
  readonly dim = DIM;
  readonly fingerprint = "model-a";
  readonly texts: string[][] = [];
  readonly images: ServedImage[] = [];
  readonly signals: AbortSignal[] = [];
  /** Waited for by each call. */
  wait: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

  async embedText(texts: readonly string[], { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Embeddings> {
    this.texts.push([...texts]);
    if (signal !== undefined) this.signals.push(signal);
    await this.wait(signal);
    signal?.throwIfAborted();
    const data = new Float32Array(texts.length * DIM);
    for (const [i, text] of texts.entries()) data.set(textEmbedding(text), i * DIM);
    const truncated = texts.map((text) => text.length > 50);
    return { data, count: texts.length, dim: DIM, truncated } as Embeddings;
  }

  async *embedImages<Input extends ServedImage>(
    images: Iterable<Input> | AsyncIterable<Input>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined> {
    if (signal !== undefined) this.signals.push(signal);
    let index = 0;
    for await (const input of images) {
      this.images.push(input);
      await this.wait(signal);
      signal?.throwIfAborted();
      const bytes: Uint8Array = input instanceof Uint8Array ? input : new TextEncoder().encode(input.href);
      if (bytes[0] === 0) {
        const error = Object.assign(new Error("bytes: expected an image, got something else"), {
          name: "ImageError",
          code: "unknown-format",
        });
        yield { index, input, error };
      } else yield { index, input, embedding: embeddingOf(bytes) };
      index++;
    }
  }
}
