/**
 * Antialiased bicubic resize of bytes, bit for bit as Pillow's `Image.resize((w, h), BICUBIC)` or as PyTorch's
 * `interpolate(uint8, size, mode="bicubic", antialias=True)` (so torchvision's `resize`, which transformers' fast processors call).
 *
 * Departs from Pillow for images with alpha: Pillow premultiplies those before it resizes, here every channel is resized for itself, as
 * PyTorch does. The processors convert to RGB first, so there this does not arise.
 */
import type { ResizeLibrary } from "./bicubic-coefficients.js";
import { type ByteImage, imageBytes, type RawImage } from "./raw-image.js";
import { resample } from "./resample.js";
import { showValue } from "./show-value.js";

/** The size to resize to, and whose arithmetic to reproduce. */
export interface ResizeOptions {
  /** Columns of the result, 1 to 2^24. */
  readonly width: number;
  /** Rows of the result, 1 to 2^24. */
  readonly height: number;
  /** `"pillow"` (default) or `"torch"`: they differ by 1 in a few bytes of an image. */
  readonly library?: ResizeLibrary;
}

/** Longest side of a resized image: beyond it Pillow's own box, which is float32, no longer holds every size. */
const MAX_SIDE = 2 ** 24;
/** Most bytes of a resized image, 1 GiB: far above any model's input, far below what makes a JavaScript engine fail. */
const MAX_BYTES = 2 ** 30;

/** @throws RangeError unless both are integers from 1 to 2^24. */
export function checkSide(where: string, width: number, height: number): void {
  for (const [name, side] of [
    ["width", width],
    ["height", height],
  ] as const) {
    if (typeof side !== "number") throw new TypeError(`${where}: expected ${name} to be a number, got ${showValue(side)}`);
    if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE) {
      throw new RangeError(`${where}: expected ${name} to be an integer from 1 to ${MAX_SIDE}, got ${side}`);
    }
  }
}

/** @throws RangeError if an image or tensor of so many bytes is not to be allocated. */
export function checkBytes(where: string, bytes: number): void {
  if (bytes > MAX_BYTES) throw new RangeError(`${where}: expected a result of at most ${MAX_BYTES} bytes, got ${bytes}`);
}

/**
 * The image at another size, with the same channels, as new bytes; each channel is resized for itself. A side that keeps its length is not
 * filtered, so the same size gives an equal copy.
 * @throws TypeError if an argument is of the wrong type; RangeError for a size below 1, above 2^24 or of more than 1 GiB;
 * ImageError `invalid-image` if the image's numbers do not fit together.
 */
export function resize(image: RawImage, options: ResizeOptions): ByteImage {
  const data = imageBytes("resize", image);
  if (typeof options !== "object" || options === null) throw new TypeError(`resize: expected options, got ${showValue(options)}`);
  const { width, height, library = "pillow" } = options;
  checkSide("resize", width, height);
  if (library !== "pillow" && library !== "torch") {
    throw new TypeError(`resize: expected library "pillow" or "torch", got ${showValue(library)}`);
  }
  const { channels } = image;
  checkBytes("resize", width * height * channels);
  const source = { data, width: image.width, height: image.height, stride: channels, channels };
  const window = { left: 0, top: 0, width, height };
  return { data: resample(source, { width, height, window }, library), width, height, channels };
}
