/**
 * Text-to-image search: every image is embedded once; each sentence is then one dot product per image.
 */
import type { ChineseCLIP } from "@chinese-clip/node";
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
  const paths = images.map(({ path }) => path);
  for await (const result of clip.embedImages(paths, { onProgress: ({ done }) => onProgress(done) })) {
    const image = images[result.index];
    if (image === undefined) continue;
    if ("error" in result) onUnreadable(image, result.error);
    else index.push({ image, embedding: result.embedding });
  }

  const { data, dim } = await clip.embedText(texts);
  return texts.map((text, row) => {
    const query = data.subarray(row * dim, (row + 1) * dim);
    const matches = index.map(({ image, embedding }) => ({ image, similarity: dot(query, embedding) }));
    return { text, matches: matches.toSorted((a, b) => b.similarity - a.similarity) };
  });
}

/** The cosine of two vectors of length 1. */
function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
