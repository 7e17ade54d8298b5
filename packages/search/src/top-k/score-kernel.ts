/**
 * Scores of many rows at once, in WebAssembly with SIMD (wasm/score.wat): the same to the last bit as `scoreRows`, which took twice
 * as long as reading and adding up the values of a file does. Without WebAssembly, `scoreRows` takes over.
 */
import { SCORE_KERNEL_BYTES } from "./score-kernel-bytes.js";
import { offerScores, scoreRows, type TopRows } from "./top-rows.js";

/** The compiled kernel with a memory of its own. */
export interface Kernel {
  /** A `WebAssembly.Memory`, whose type programs without the DOM's types do not have. */
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Addresses in bytes; see wasm/score.wat. */
  readonly score: (row: number, end: number, query: number, dim: number, into: number) => void;
}

/** Bytes of a page of WebAssembly's memory. */
export const PAGE = 65_536;

let compiled: InstanceType<typeof WebAssembly.Module> | undefined;

/** One query against rows that are put into its buffers. */
export class RowScorer {
  /** Two, for the rows that are scored and those that are being read: float32, `[rows, dim]`. */
  readonly buffers: readonly [Float32Array, Float32Array];
  readonly #query: Float32Array;
  readonly #scores: Float64Array | undefined;
  readonly #kernel: Kernel | undefined;

  /** @param rows - rows of a buffer. */
  constructor(query: Float32Array, rows: number) {
    const dim = query.length;
    this.#query = query;
    const [queryBytes, scoreBytes, bufferBytes] = [8 * dim, 8 * rows, 4 * rows * dim];
    this.#kernel = createKernel(queryBytes + scoreBytes + 2 * bufferBytes);
    if (this.#kernel === undefined) {
      this.buffers = [new Float32Array(rows * dim), new Float32Array(rows * dim)];
      return;
    }
    const { buffer } = this.#kernel.memory;
    new Float64Array(buffer, 0, dim).set(query);
    this.#scores = new Float64Array(buffer, queryBytes, rows);
    const first = queryBytes + scoreBytes;
    this.buffers = [new Float32Array(buffer, first, rows * dim), new Float32Array(buffer, first + bufferBytes, rows * dim)];
  }

  /**
   * Scores rows and offers them.
   *
   * @param values - whole rows at the begin of one of the buffers.
   * @param first - number of the first of them.
   */
  offer(values: Float32Array, first: number, best: TopRows): void {
    const dim = this.#query.length;
    if (this.#kernel === undefined || this.#scores === undefined) return scoreRows(values, first, this.#query, best);
    const { byteOffset: from, byteLength } = values;
    this.#kernel.score(from, from + byteLength, 0, dim, this.#scores.byteOffset);
    offerScores(this.#scores, values.length / dim, first, best);
  }
}

/** A kernel with so many bytes of memory; undefined where there is none, as under `--jitless`. */
export function createKernel(memoryBytes: number): Kernel | undefined {
  try {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(SCORE_KERNEL_BYTES), (character) => character.charCodeAt(0)));
    const kernel = new WebAssembly.Instance(compiled).exports as unknown as Kernel;
    kernel.memory.grow(Math.ceil(memoryBytes / PAGE));
    return kernel;
  } catch {
    return undefined;
  }
}
