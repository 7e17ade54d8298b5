/**
 * Exact search in one pass: the inner product of a query with every row, and the best few of them in a heap.
 */
import { dotAt } from "@chinese-clip/pipeline/vectors";

/** A row among the best. */
export interface FoundRow {
  /** From 0, in the order in which rows were offered. */
  readonly row: number;
  /** Its inner product with the query, summed in float64. */
  readonly score: number;
}

/** The best `k` of a stream of scores; of equal ones the earlier. The worst of them is at the heap's root. */
export class TopRows {
  readonly #k: number;
  readonly #heap: FoundRow[] = [];
  #nonFinite: number | undefined;

  constructor(k: number) {
    this.#k = k;
  }

  /** What a score must exceed to be among the best: rows are offered in order, so an equal one is later than those in the heap. */
  get floor(): number {
    return this.#heap.length < this.#k ? -Infinity : (this.#heap[0]?.score ?? Infinity);
  }

  /** The first row whose score is NaN or an infinity, as is that of a row with such a value; for the readers of files that others wrote. */
  get nonFinite(): number | undefined {
    return this.#nonFinite;
  }

  /** Notes a row whose score is no finite number; it is not among the best. */
  reject(row: number): void {
    this.#nonFinite ??= row;
  }

  /** Offers a row; rows are offered in order. */
  offer(row: number, score: number): void {
    const heap = this.#heap;
    if (heap.length < this.#k) {
      let at = heap.push({ row, score }) - 1;
      while (at > 0) {
        const up = (at - 1) >> 1;
        if (!isWorse(heap[at] as FoundRow, heap[up] as FoundRow)) break;
        [heap[at], heap[up]] = [heap[up] as FoundRow, heap[at] as FoundRow];
        at = up;
      }
      return;
    }
    if (!(score > this.floor)) return;
    heap[0] = { row, score };
    for (let at = 0; ;) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isWorse(heap[child] as FoundRow, heap[worst] as FoundRow)) worst = child;
      }
      if (worst === at) return;
      [heap[at], heap[worst]] = [heap[worst] as FoundRow, heap[at] as FoundRow];
      at = worst;
    }
  }

  /** Best first. */
  sorted(): FoundRow[] {
    return [...this.#heap].sort((a, b) => b.score - a.score || a.row - b.row);
  }
}

function isWorse(a: FoundRow, b: FoundRow): boolean {
  return a.score < b.score || (a.score === b.score && a.row > b.row);
}

/**
 * Scores rows and offers them.
 *
 * @param rows - float32 `[n, query.length]`, row by row.
 * @param first - number of the first of them.
 */
export function scoreRows(rows: Float32Array, first: number, query: Float32Array, best: TopRows): void {
  const dim = query.length;
  const count = Math.floor(rows.length / dim);
  // Widened once: each value would be with every row otherwise.
  const wide = Float64Array.from(query);
  let floor = best.floor;
  for (let row = 0, at = 0; row < count; row++, at += dim) {
    const score = dotAt(rows, at, wide, 0, dim);
    if (!Number.isFinite(score)) best.reject(first + row);
    else if (score > floor) {
      best.offer(first + row, score);
      floor = best.floor;
    }
  }
}

/** Offers the first `count` scores, of rows from `first` on. */
export function offerScores(scores: Float64Array, count: number, first: number, best: TopRows): void {
  let floor = best.floor;
  for (let row = 0; row < count; row++) {
    const score = scores[row] as number;
    if (!Number.isFinite(score)) best.reject(first + row);
    else if (score > floor) {
      best.offer(first + row, score);
      floor = best.floor;
    }
  }
}
