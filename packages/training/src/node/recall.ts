/** Retrieval among validation pairs, judged as cn_clip does: what is found counts if it is one of the query's own. */
import { searchTopK } from "@chinese-clip/evaluation";
import { writeNormalizedRows } from "@chinese-clip/pipeline/vectors";

/** Found items among the first 1, 5 and 10, as shares from 0 to 1. */
export interface Recall {
  /** Among the first. */
  readonly r1: number;
  /** Among the first 5. */
  readonly r5: number;
  /** Among the first 10. */
  readonly r10: number;
}

/** Features of images and of texts, and to which image each text belongs. */
export interface RetrievalFeatures {
  readonly images: Float32Array;
  readonly texts: Float32Array;
  readonly imageOf: readonly number[];
  readonly dim: number;
}

/** Recall in both directions. */
export function recall({ images, texts, imageOf, dim }: RetrievalFeatures): { readonly textToImage: Recall; readonly imageToText: Recall } {
  const rowsOf = (data: Float32Array): { ids: number[]; dim: number; data: Float32Array } => {
    const ids = Array.from({ length: data.length / dim }, (_, i) => i);
    const normalized = new Float32Array(data.length);
    writeNormalizedRows(data, normalized, ids);
    return { ids, dim, data: normalized };
  };
  const [gallery, queries] = [rowsOf(images), rowsOf(texts)];
  const judge = (from: typeof gallery, to: typeof gallery, isOwn: (query: number, found: number) => boolean): Recall => {
    const hits = [0, 0, 0];
    for (const block of searchTopK(from, to, 10)) {
      for (const { queryId, ids } of block) {
        const rank = ids.findIndex((found) => isOwn(queryId, found));
        for (const [i, k] of [1, 5, 10].entries()) if (rank >= 0 && rank < k) hits[i] = (hits[i] ?? 0) + 1;
      }
    }
    const [r1 = 0, r5 = 0, r10 = 0] = hits.map((count) => count / from.ids.length);
    return { r1, r5, r10 };
  };
  return {
    textToImage: judge(queries, gallery, (text, image) => imageOf[text] === image),
    imageToText: judge(gallery, queries, (image, text) => imageOf[text] === image),
  };
}
