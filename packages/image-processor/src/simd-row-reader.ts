/**
 * The horizontal pass on the WebAssembly kernel, four rows at a time: copied into its memory, widened there to int16, resized (wasm/resample.wat).
 */
import { type AxisWeights, axisWeights, type ResizeLibrary } from "./bicubic-coefficients.js";
import type { ResampleSource, ResampleTarget } from "./resample-source.js";
import type { SimdKernel } from "./simd-kernel.js";
import { type MemoryPlan, PackedWeights, VECTOR } from "./simd-memory.js";

/** How many rows the kernel resizes at once. */
export const GROUP = 4;

/** Reads rows of the source, resized to the window's columns, into the kernel's memory. */
export class SimdRowReader {
  readonly #kernel: SimdKernel;
  readonly #source: ResampleSource;
  readonly #axis: AxisWeights;
  readonly #rowPitch: number;
  readonly #weights: PackedWeights;
  /** The window's outputs read only the columns `[from, from + pixels)` of each source row. */
  readonly #from: number;
  readonly #pixels: number;
  /** Addresses: of each output's first vector, of the order of a row's bytes, of four rows as they come and widened. */
  readonly #starts: number;
  readonly #order: number;
  readonly #raw: number;
  readonly #wide: number;

  /** Plans the memory; `rowPitch` is the distance of the rows to be written, at least one byte more than they are long. */
  constructor(
    kernel: SimdKernel,
    plan: MemoryPlan,
    source: ResampleSource,
    { width, window }: ResampleTarget,
    library: ResizeLibrary,
    rowPitch: number,
  ) {
    const axis = axisWeights(source.width, width, window.left, window.width, library);
    const { starts, counts } = axis;
    const { stride, channels } = source;
    const from = starts[0]!;
    const pixels = starts[window.width - 1]! + counts[window.width - 1]! - from;
    this.#kernel = kernel;
    this.#source = source;
    this.#axis = axis;
    this.#rowPitch = rowPitch;
    this.#from = from;
    this.#pixels = pixels;
    // PyTorch's weights fit int16, but only the kernel of three channels reads them whole.
    const leads = Uint8Array.from(starts, (start) => (start - from) & 1);
    this.#weights = new PackedWeights(plan, axis, library === "pillow" || channels !== 3, leads);
    this.#starts = plan.take(window.width * 4);
    this.#order = plan.take(VECTOR);
    this.#raw = plan.take(GROUP * pixels * stride + VECTOR);
    // The last pixels are widened four at once, with up to three vectors more; windows at the right edge have zeros for what they lack.
    const pairs = Math.ceil(pixels / 2) + 1 + this.#weights.pairs;
    this.#wide = plan.take((pairs * channels + 3) * VECTOR);
  }

  /** Writes what the kernel reads beside the pixels. The memory has the plan's size by now. */
  start(): void {
    const { stride, channels } = this.#source;
    const { buffer } = this.#kernel.memory;
    const view = new DataView(buffer);
    this.#weights.write(view);
    for (const [x, start] of this.#axis.starts.entries()) {
      view.setInt32(this.#starts + x * 4, ((start - this.#from) >> 1) * channels * VECTOR, true);
    }
    const order = new Uint8Array(buffer, this.#order, VECTOR).fill(255);
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < 4; pixel++) order[(pixel >> 1) * 8 + channel * 2 + (pixel & 1)] = pixel * stride + channel;
    }
  }

  /** Rows `y .. y + count`, at most four, to address `into`. What is left of four rows there is overwritten too. */
  read(y: number, count: number, into: number): void {
    const { data, width, stride, channels } = this.#source;
    const bytes = new Uint8Array(this.#kernel.memory.buffer);
    const pitch = this.#pixels * stride;
    const at = (y * width + this.#from) * stride;
    // Whole rows lie one after the other: one copy is a tenth faster than four.
    const pieces = this.#pixels === width ? 1 : count;
    const length = (count / pieces) * pitch;
    for (let piece = 0; piece < pieces; piece++) {
      const from = at + piece * width * stride;
      bytes.set(data.subarray(from, from + length), this.#raw + piece * length);
    }
    const end = this.#wide + Math.ceil(this.#pixels / 2) * channels * VECTOR;
    this.#kernel.widen(this.#raw, pitch, stride * 4, this.#order, channels, this.#wide, end);
    const { address, pairs, split } = this.#weights;
    const { precision, starts } = this.#axis;
    if (channels === 3) {
      this.#kernel.acrossRgb(this.#wide, this.#starts, starts.length, address, pairs, split, precision, into, this.#rowPitch);
      return;
    }
    for (let channel = 0; channel < channels; channel++) {
      this.#kernel.acrossOne(
        this.#wide + channel * VECTOR,
        channels,
        this.#starts,
        starts.length,
        address,
        pairs,
        split,
        precision,
        into + channel,
        this.#rowPitch,
      );
    }
  }
}
