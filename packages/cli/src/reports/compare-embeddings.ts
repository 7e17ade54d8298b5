/**
 * How far two models' embeddings of the same things are from each other, and what that changes in a search.
 */
import { dotAt } from "@chinese-clip/search";
import { searchTopK } from "@chinese-clip/evaluation";

/** Rows of length 1, float32 `[count, dim]`. */
export interface Rows {
  readonly data: Float32Array;
  readonly dim: number;
  readonly count: number;
}

/** Cosines between two models' embeddings, thing by thing. */
export interface Agreement {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  /** Index of the thing with the least. */
  readonly worst: number;
}

/** @returns undefined where there is nothing to compare, or the embeddings are of different lengths. */
export function compareRows(first: Rows, second: Rows): Agreement | undefined {
  if (first.count === 0 || first.dim !== second.dim) return undefined;
  let [min, sum, worst] = [Infinity, 0, 0];
  for (let row = 0; row < first.count; row++) {
    const cosine = dotAt(first.data, row * first.dim, second.data, row * first.dim, first.dim);
    sum += cosine;
    if (cosine < min) [min, worst] = [cosine, row];
  }
  return { count: first.count, min, mean: sum / first.count, worst };
}

/** How many results of a search two models do not have in common. */
export interface Changes {
  readonly queries: number;
  readonly gallery: number;
  /** Queries whose first result is another one. */
  readonly top1: number;
  /** Results that are counted for each query: 10, or all there are. */
  readonly depth: number;
  /** Results among the first model's best `depth` that are not among the second's, over all queries. */
  readonly top10: number;
}

/** Results that are compared for each query. */
const DEPTH = 10;

/**
 * Searches a gallery with both models.
 *
 * @param first - queries and gallery by the first model; @param second - by the second.
 */
export function compareSearches(
  first: { readonly queries: Rows; readonly gallery: Rows },
  second: { readonly queries: Rows; readonly gallery: Rows },
): Changes {
  const [before, after] = [first, second].map(({ queries, gallery }) =>
    [...searchTopK(features(queries), features(gallery), DEPTH)].flat(),
  );
  let [top1, top10] = [0, 0];
  for (const [query, { ids }] of (before ?? []).entries()) {
    const others = after?.[query]?.ids ?? [];
    if (ids[0] !== others[0]) top1++;
    top10 += ids.filter((id) => !others.includes(id)).length;
  }
  const gallery = first.gallery.count;
  return { queries: first.queries.count, gallery, top1, depth: Math.min(DEPTH, gallery), top10 };
}

function features({ data, dim, count }: Rows): { ids: number[]; data: Float32Array; dim: number } {
  return { ids: Array.from({ length: count }, (_, row) => row), data, dim };
}
