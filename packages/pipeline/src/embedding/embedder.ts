/**
 * The seam between what makes embeddings and what uses them: servers, evaluations and stores see an Embedder, be it a model in this process or
 * one behind a server.
 */
import type { PreviewOptions } from "../platform.js";
import type { Embeddings } from "./embeddings.js";
import type { ImageEmbeddingResult } from "./embed-images.js";

/** What embeds texts and images into one space. `ChineseCLIP` is one. */
export interface Embedder<Image> {
  /** Values of an embedding. */
  readonly dim: number;
  /**
   * Which weights the embeddings are of, and in which dtype: in Node equal for the same weights in another folder, in a browser for the same files
   * by their server's versions; different for any other model. The two are not the same: what Node reads, a page would have to fetch from both towers
   * before it embeds its first text. An index that was made in Node is queried in a page by its vectors, without this check. Cosines between embeddings with different fingerprints mean nothing.
   */
  readonly fingerprint: string;
  /** Embeds texts; row `i` is of text `i`. */
  embedText(texts: readonly string[], options?: { readonly signal?: AbortSignal | undefined }): Promise<Embeddings>;
  /** Embeds any number of images, in their order; one that cannot be read is a result with its error. */
  embedImages<Input extends Image>(
    images: Iterable<Input> | AsyncIterable<Input>,
    options?: {
      readonly signal?: AbortSignal | undefined;
      readonly batchSize?: number | undefined;
      /** What is made of each image beside its embedding; an embedder may ignore it. */
      readonly preview?: PreviewOptions | undefined;
    },
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined>;
}
