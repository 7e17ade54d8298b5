/**
 * Exact search as in cn_clip's `make_topk_predictions.py`: the inner product of each query with each item of the gallery in float32, sorted
 * from high to low, equal ones in the gallery's order.
 *
 * Products are summed in float64 and then rounded to float32. cn_clip sums in float32, in an order that its library chooses; the rounded
 * exact sum is what every such order comes near to, and makes equal features equal in score.
 */
import { type Direction, DIRECTION_NAMES } from "./direction.js";
import type { Features } from "./features.js";

/** What is found for one query. */
export interface Found {
  readonly queryId: number;
  /** At most `k` ids, best first. */
  readonly ids: readonly number[];
}

/** Queries that go over the gallery together: their rows stay in the cache while the gallery's pass. */
const QUERY_BLOCK = 16;

/**
 * The `k` best of the gallery for each query, a block of queries at a time, so that the caller can show how far it is.
 */
export function* searchTopK(queries: Features, gallery: Features, k: number): Generator<Found[], void, undefined> {
  for (let start = 0; start < queries.ids.length; start += QUERY_BLOCK) {
    const end = Math.min(start + QUERY_BLOCK, queries.ids.length);
    const best = Array.from({ length: end - start }, () => new BestK(k));
    for (let item = 0; item < gallery.ids.length; item++) {
      for (let query = start; query < end; query++) {
        best[query - start]?.offer(item, Math.fround(dot(queries.data, query, gallery.data, item, queries.dim)));
      }
    }
    yield best.map((found, row) => ({
      queryId: queries.ids[start + row] as number,
      ids: found.items.map((item) => gallery.ids[item] as number),
    }));
  }
}

/** Row `a` of `left` times row `b` of `right`, summed in float64. */
export function dot(left: Float32Array, a: number, right: Float32Array, b: number, dim: number): number {
  const [leftStart, rightStart] = [a * dim, b * dim];
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  let e = 0;
  for (; e + 3 < dim; e += 4) {
    const [l, r] = [leftStart + e, rightStart + e];
    sum0 += (left[l] as number) * (right[r] as number);
    sum1 += (left[l + 1] as number) * (right[r + 1] as number);
    sum2 += (left[l + 2] as number) * (right[r + 2] as number);
    sum3 += (left[l + 3] as number) * (right[r + 3] as number);
  }
  for (; e < dim; e++) sum0 += (left[leftStart + e] as number) * (right[rightStart + e] as number);
  return sum0 + sum1 + (sum2 + sum3);
}

/** The best few of a stream, kept sorted; one that only equals another comes after it. */
class BestK {
  readonly items: number[] = [];
  readonly #scores: number[] = [];
  readonly #k: number;

  constructor(k: number) {
    this.#k = k;
  }

  offer(item: number, score: number): void {
    const scores = this.#scores;
    if (scores.length === this.#k && score <= (scores[this.#k - 1] as number)) return;
    let at = scores.length;
    while (at > 0 && (scores[at - 1] as number) < score) at--;
    scores.splice(at, 0, score);
    this.items.splice(at, 0, item);
    if (scores.length > this.#k) {
      scores.pop();
      this.items.pop();
    }
  }
}

/** A line of the prediction file, with its end of line. */
export function formatPrediction(found: Found, direction: Direction): string {
  const names = DIRECTION_NAMES[direction];
  return `{"${names.query}": ${found.queryId}, "${names.found}": [${found.ids.join(", ")}]}\n`;
}
