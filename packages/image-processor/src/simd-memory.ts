/**
 * The WebAssembly kernel's memory: its plan before an image is resized, and the weights as the kernel reads them (wasm/resample.wat).
 *
 * Numbers are written through a DataView, for the kernel reads little-endian whatever the machine.
 */
import type { AxisWeights } from "./bicubic-coefficients.js";

/** Bytes of a kernel's vector. Its loads and stores may touch as many, less one, beyond the bytes that are meant. */
export const VECTOR = 16;
/** Fractional bits of a split weight's low half. */
const LOW_BITS = 15;

/** Rounded up to whole vectors. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / VECTOR) * VECTOR;
}

/** Hands out addresses from 0 on, every one a multiple of 16, so that aligned loads stay within a cache line. */
export class MemoryPlan {
  /** Bytes handed out so far. */
  end = 0;

  /** The address of so many bytes. */
  take(bytes: number): number {
    const address = this.end;
    this.end += padded(bytes);
    return address;
  }
}

/** An axis's weights in the memory: [outputs, pairs, 2] int16, zeros where an output has fewer. */
export class PackedWeights {
  readonly address: number;
  /** Pairs of weights of every output, an even number: the kernel takes two at once. */
  readonly pairs: number;
  /** Distance in bytes from the weights' low halves to their high ones; 0 if they are whole. */
  readonly split: number;
  readonly #axis: AxisWeights;
  /** [outputs] zeros before an output's first weight, 0 or 1: pairs of weights go with pairs of inputs. */
  readonly #leads: Uint8Array;

  /** `leads` has a 1 for every output that begins in the middle of a pair of inputs. Weights that exceed int16 must be split. */
  constructor(plan: MemoryPlan, axis: AxisWeights, isSplit: boolean, leads: Uint8Array) {
    const taps = axis.counts.reduce((most, count, output) => Math.max(most, count + leads[output]!), 1);
    this.pairs = Math.ceil(taps / 4) * 2;
    const bytes = axis.counts.length * this.pairs * 4;
    this.address = plan.take(bytes);
    this.split = isSplit ? plan.take(bytes) - this.address : 0;
    this.#axis = axis;
    this.#leads = leads;
  }

  /** Writes them where the plan has put them. */
  write(view: DataView): void {
    const { address, pairs, split } = this;
    const { counts, weights, taps } = this.#axis;
    for (let output = 0, at = address; output < counts.length; output++) {
      const first = output * taps - this.#leads[output]!;
      const end = output * taps + counts[output]!;
      for (let tap = 0; tap < pairs * 2; tap++, at += 2) {
        const weight = first + tap < output * taps || first + tap >= end ? 0 : weights[first + tap]!;
        const high = split === 0 ? 0 : (weight + (1 << (LOW_BITS - 1))) >> LOW_BITS;
        view.setInt16(at, weight - (high << LOW_BITS), true);
        if (split !== 0) view.setInt16(at + split, high, true);
      }
    }
  }
}
