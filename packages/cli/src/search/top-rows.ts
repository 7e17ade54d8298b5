/**
 * Exact search in one pass: the inner product of a query with every row, and the best few of them in a heap.
 */

/** A row that was found. */
export interface FoundRow {
  /** From 0, in the order in which rows were offered. */
  readonly row: number;
  readonly score: number;
}

/** The best `k` of a stream of scores; of equal ones the earlier. The worst that is kept is at the root. */
export class TopRows {
  readonly #k: number;
  readonly #heap: FoundRow[] = [];

  constructor(k: number) {
    this.#k = k;
  }

  /** What a score must be above to be kept: rows are offered in order, so an equal one is later than those that are kept. */
  get floor(): number {
    return this.#heap.length < this.#k ? -Infinity : (this.#heap[0]?.score ?? Infinity);
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
    const score = dotAt(rows, at, wide, dim);
    if (score > floor) {
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
    if (score > floor) {
      best.offer(first + row, score);
      floor = best.floor;
    }
  }
}

/** The inner product in eight sums, so that one addition does not wait for the one before. */
function dotAt(rows: Float32Array, at: number, query: Float64Array, dim: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let e = 0;
  let f = 0;
  let g = 0;
  let h = 0;
  let i = 0;
  for (; i + 7 < dim; i += 8) {
    a += (rows[at + i] as number) * (query[i] as number);
    b += (rows[at + i + 1] as number) * (query[i + 1] as number);
    c += (rows[at + i + 2] as number) * (query[i + 2] as number);
    d += (rows[at + i + 3] as number) * (query[i + 3] as number);
    e += (rows[at + i + 4] as number) * (query[i + 4] as number);
    f += (rows[at + i + 5] as number) * (query[i + 5] as number);
    g += (rows[at + i + 6] as number) * (query[i + 6] as number);
    h += (rows[at + i + 7] as number) * (query[i + 7] as number);
  }
  for (; i < dim; i++) a += (rows[at + i] as number) * (query[i] as number);
  return a + b + (c + d) + (e + f + (g + h));
}
