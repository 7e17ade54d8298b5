/**
 * What a data set is embedded with: a model's two towers, here or elsewhere.
 */
import type { ModelRecord, Tower } from "./model-record.js";

/** Texts to normalised rows, float32 `[texts.length, dim]`. */
export type EmbedTexts = (texts: readonly string[]) => Promise<{ readonly data: Float32Array; readonly dim: number }>;

/** A stream of images, files or their bytes, to a stream of rows of length 1, in the same order; unreadable ones are errors. */
export type EmbedImages = (
  images: AsyncIterable<string | Uint8Array>,
) => AsyncIterable<{ readonly index: number; readonly embedding: Float32Array } | { readonly index: number; readonly error: unknown }>;

/** A model's two towers as a data set is embedded with them. */
export interface DatasetEmbedder {
  /** Embeds texts. */
  readonly embedTexts: EmbedTexts;
  /** Embeds images. */
  readonly embedImages: EmbedImages;
  /** Values of an embedding. */
  readonly dim: number;
  /** Says which model it is, for one tower. */
  readonly record: (tower: Tower) => Promise<ModelRecord>;
}
