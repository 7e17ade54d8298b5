/**
 * What a data set is embedded with. A `ChineseCLIP` is one; so is any `Embedder` that takes `imageOf`. Structural, so that a data set needs no
 * runtime.
 */
import type { ImagePreview } from "@chinese-clip/pipeline";
import type { ModelRecord, Tower } from "./model-record.js";

/** One input's result: its row with L2 norm 1, or why there is none. */
export type ImageResult<Input> =
  | { readonly index: number; readonly input: Input; readonly embedding: Float32Array; readonly preview?: ImagePreview }
  | { readonly index: number; readonly input: Input; readonly error: unknown };

/** The part of `Embedder` that data sets need. */
export interface DatasetEmbedder {
  /** Values of an embedding. */
  readonly dim: number;
  /** Embeds texts: normalised rows, float32 `[texts.length, dim]`. */
  embedText(
    texts: readonly string[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly data: Float32Array; readonly dim: number }>;
  /** Embeds a stream of inputs in its order; `imageOf` gives an input's image, as its file or bytes. */
  embedImages<Input>(
    inputs: AsyncIterable<Input>,
    options: { readonly imageOf: (input: Input) => string | Uint8Array; readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<ImageResult<Input>>;
}

/** An embedder whose features can be told from another model's. */
export interface RecordedEmbedder extends DatasetEmbedder {
  /** Describes the weights of one tower. */
  readonly record: (tower: Tower) => Promise<ModelRecord>;
}
