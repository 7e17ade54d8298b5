/**
 * Text-to-image search: every image is embedded once; each sentence is then one dot product per image.
 */
import { type ChineseCLIP, topK } from "@chinese-clip/node";
import type { ImageFile } from "./image-files.js";

/** An image and how well it fits a sentence. */
export interface Match {
  readonly image: ImageFile;
  /** Cosine in [-1, 1]. */
  readonly similarity: number;
}

/** What one sentence found. */
export interface SearchResult {
  readonly text: string;
  /** All images, best first. */
  readonly matches: readonly Match[];
}

/** What to tell the user while the images go through the model. */
export interface SearchEvents {
  readonly onProgress: (done: number) => void;
  readonly onUnreadable: (image: ImageFile, error: unknown) => void;
}

/** Ranks images by each of some sentences; images that cannot be read are left out. */
export async function searchImages(
  clip: ChineseCLIP,
  images: readonly ImageFile[],
  texts: readonly string[],
  { onProgress, onUnreadable }: SearchEvents,
): Promise<SearchResult[]> {
  const index: { readonly image: ImageFile; readonly embedding: Float32Array }[] = [];
  const options = { imageOf: ({ path }: ImageFile) => path, onProgress: ({ done }: { readonly done: number }) => onProgress(done) };
  for await (const result of clip.embedImages(images, options)) {
    if ("error" in result) onUnreadable(result.input, result.error);
    else index.push({ image: result.input, embedding: result.embedding });
  }

  const { data, dim } = await clip.embedText(texts);
  const embeddings = index.map(({ embedding }) => embedding);
  return texts.map((text, row) => {
    const query = data.subarray(row * dim, (row + 1) * dim);
    const best = topK(query, embeddings, Math.max(1, index.length));
    return { text, matches: best.map((found) => ({ image: (index[found.row] as (typeof index)[number]).image, similarity: found.score })) };
  });
}
