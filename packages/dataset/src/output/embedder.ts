/**
 * What a data set is embedded with: a model's two towers, here or elsewhere.
 */
import type { ModelRecord, Tower } from "./model-record.js";

/** Texts to normalised rows, float32 `[texts.length, dim]`. */
export type EmbedTexts = (texts: readonly string[]) => Promise<{ readonly data: Float32Array; readonly dim: number }>;

/** One input's result: its row with L2 norm 1, or why there is none. */
export type ImageResult<Input> =
  | { readonly index: number; readonly input: Input; readonly embedding: Float32Array }
  | { readonly index: number; readonly input: Input; readonly error: unknown };

/** A stream of inputs, of each of which `imageOf` gives the image's file or bytes, to their results in the same order. */
export type EmbedImages = <Input>(
  inputs: AsyncIterable<Input>,
  imageOf: (input: Input) => string | Uint8Array,
) => AsyncIterable<ImageResult<Input>>;

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
