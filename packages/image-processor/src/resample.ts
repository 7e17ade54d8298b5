/**
 * The resize of an image's window: in which order its passes go, and on which kernel. The WebAssembly kernel and the scalar one give the same
 * bytes; the scalar one is the reference and needs nothing of the engine.
 */
import type { ResizeLibrary } from "./bicubic-coefficients.js";
import type { ResampleSource, ResampleTarget } from "./resample-source.js";
import { scalarResample } from "./scalar-resample.js";
import { simdResample } from "./simd-resample.js";

/**
 * The window's pixels, [window.height, window.width, channels] new bytes. The caller has checked every size.
 *
 * Pillow (`Image.resize` in `src/PIL/Image.py`) makes an image that is more than 100 times as tall as wide lower before it makes it wider
 * or narrower, as two resizes: since each pass rounds to bytes, the order shows.
 */
export function resample(source: ResampleSource, target: ResampleTarget, library: ResizeLibrary): Uint8Array {
  if (library === "torch" || source.height <= source.width * 100 || target.height >= source.height) {
    return resampleBoth(source, target, library);
  }
  const { left, top, width, height } = target.window;
  const { channels } = source;
  const rows = { width: source.width, height: target.height, window: { left: 0, top, width: source.width, height } };
  const lower = { data: resampleBoth(source, rows, library), width: source.width, height, stride: channels, channels };
  return resampleBoth(lower, { width: target.width, height, window: { left, top: 0, width, height } }, library);
}

/** The horizontal pass, then the vertical. */
function resampleBoth(source: ResampleSource, target: ResampleTarget, library: ResizeLibrary): Uint8Array {
  return simdResample(source, target, library) ?? scalarResample(source, target, library);
}
