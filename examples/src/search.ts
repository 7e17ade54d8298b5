/**
 * Text-to-image search: every picture is embedded once; each sentence is then one dot product per picture.
 */
import type { ChineseCLIP } from "@chinese-clip/node";
import type { Picture } from "./pictures.js";

/** A picture and how well it fits a sentence. */
export interface Match {
  readonly picture: Picture;
  /** Cosine in [-1, 1]. */
  readonly similarity: number;
}

/** What one sentence found. */
export interface SearchResult {
  readonly text: string;
  /** All pictures, best first. */
  readonly matches: readonly Match[];
}

/** What to tell the user while the pictures go through the model. */
export interface SearchEvents {
  readonly onProgress: (done: number) => void;
  readonly onUnreadable: (picture: Picture, error: unknown) => void;
}

/** Ranks pictures by each of some sentences; pictures that cannot be read are left out. */
export async function searchPictures(
  clip: ChineseCLIP,
  pictures: readonly Picture[],
  texts: readonly string[],
  { onProgress, onUnreadable }: SearchEvents,
): Promise<SearchResult[]> {
  const index: { readonly picture: Picture; readonly embedding: Float32Array }[] = [];
  const paths = pictures.map(({ path }) => path);
  for await (const result of clip.embedImages(paths, { onProgress: ({ done }) => onProgress(done) })) {
    const picture = pictures[result.index];
    if (picture === undefined) continue;
    if ("error" in result) onUnreadable(picture, result.error);
    else index.push({ picture, embedding: result.embedding });
  }

  const { data, dim } = await clip.embedText(texts);
  return texts.map((text, row) => {
    const query = data.subarray(row * dim, (row + 1) * dim);
    const matches = index.map(({ picture, embedding }) => ({ picture, similarity: dot(query, embedding) }));
    return { text, matches: matches.toSorted((a, b) => b.similarity - a.similarity) };
  });
}

/** The cosine of two vectors of length 1. */
function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
