/**
 * The WebAssembly SIMD kernel of the resize (wasm/resample.wat), compiled when first asked for, in place: below 4 kB every browser compiles on its
 * main thread. Where WebAssembly or its SIMD is missing or forbidden (a Content Security Policy without `wasm-unsafe-eval`) there is no kernel.
 */
import { SIMD_KERNEL_BYTES } from "./simd-kernel-bytes.js";

/** The functions as wasm/resample.wat documents them. Addresses and distances are in bytes. */
export interface SimdKernel {
  readonly memory: WebAssembly.Memory;
  readonly widen: (from: number, pitch: number, stride: number, order: number, channels: number, into: number, end: number) => void;
  readonly acrossRgb: (
    pixels: number,
    starts: number,
    outputs: number,
    weights: number,
    pairs: number,
    split: number,
    precision: number,
    into: number,
    rowPitch: number,
  ) => void;
  readonly acrossOne: (
    pixels: number,
    channels: number,
    starts: number,
    outputs: number,
    weights: number,
    pairs: number,
    split: number,
    precision: number,
    into: number,
    rowPitch: number,
  ) => void;
  readonly down: (
    rows: number,
    pitch: number,
    weights: number,
    pairs: number,
    split: number,
    precision: number,
    into: number,
    bytes: number,
  ) => void;
}

function compile(): SimdKernel | undefined {
  try {
    const bytes = Uint8Array.from(atob(SIMD_KERNEL_BYTES), (character) => character.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as SimdKernel;
  } catch {
    return undefined;
  }
}

let compiled: { readonly kernel: SimdKernel | undefined } | undefined;

/** The one kernel, or undefined where there can be none: then the loops of scalar-resample.ts do the same. */
export function simdKernel(): SimdKernel | undefined {
  compiled ??= { kernel: compile() };
  return compiled.kernel;
}
