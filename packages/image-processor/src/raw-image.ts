/**
 * Decoded pixels, and their conversion to RGB as Pillow's `Image.convert("RGB")` does it (`src/libImaging/Convert.c`: `l2rgb`,
 * `rgba2rgb`): gray is repeated, alpha is dropped and not blended with any background.
 */
import { ImageError } from "./image-error.js";
import { showValue } from "./show-value.js";

/** Decoded pixels: the byte of channel `c` at column `x` of row `y` is `data[(y * width + x) * channels + c]`, unless `layout` is `"chw"`. */
export interface RawImage {
  /** [height, width, channels] bytes, 0-255, rows from the top, without padding between rows. Never written to by this package. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Columns, at least 1. */
  readonly width: number;
  /** Rows, at least 1. */
  readonly height: number;
  /** 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha (not premultiplied). */
  readonly channels: 1 | 2 | 3 | 4;
  /** `"hwc"` (default): interleaved, as said of `data`; `"chw"`: channel by channel, [channels, height, width]. */
  readonly layout?: "hwc" | "chw" | undefined;
}

/**
 * Pixels as floats, on the scale that `rescaleFactor` expects (0-255 unless `doRescale` is false). They can be cropped, rescaled and
 * normalised, but not resized: the floats of neither reference's resize are the same from machine to machine.
 */
export interface FloatImage extends Omit<RawImage, "data"> {
  /** [height, width, channels], or [channels, height, width]. Never written to by this package. */
  readonly data: Float32Array;
}

/** An image that this package made: its bytes are a plain `Uint8Array`. */
export interface ByteImage extends RawImage {
  /** [height, width, channels] bytes, 0-255. */
  readonly data: Uint8Array;
}

/**
 * The image's bytes as a plain `Uint8Array`, interleaved (a view unless `layout` is `"chw"`: one class of array keeps the kernels' element
 * access monomorphic).
 * @throws TypeError if `image` is not shaped like a RawImage; ImageError `invalid-image` if its numbers do not fit together.
 */
export function imageBytes(where: string, image: RawImage): Uint8Array {
  if (typeof image !== "object" || image === null) throw new TypeError(`${where}: expected a RawImage, got ${showValue(image)}`);
  const { data, width, height, channels } = image;
  if (!isArrayOf(data, "Uint8Array") && !isArrayOf(data, "Uint8ClampedArray")) {
    throw new TypeError(`${where}: expected data to be a Uint8Array or Uint8ClampedArray, got ${showValue(data)}`);
  }
  checkShape(where, image);
  if (image.layout === "chw" && channels > 1) return interleave(data, new Uint8Array(data.length), width * height, channels);
  return data.constructor === Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/** The image's floats, interleaved. Errors as {@link imageBytes}. */
export function imageFloats(where: string, image: FloatImage): Float32Array {
  checkShape(where, image);
  const { data, width, height, channels, layout } = image;
  return layout === "chw" ? interleave(data, new Float32Array(data.length), width * height, channels) : data;
}

/** Whether an image holds floats. */
export function isFloatImage(image: unknown): image is FloatImage {
  return typeof image === "object" && image !== null && "data" in image && isFloats(image.data);
}

/** Whether an array, of this realm or another, holds floats. */
export function isFloats(data: unknown): data is Float32Array {
  return isArrayOf(data, "Float32Array");
}

/** By its tag, not by `instanceof`: an array may come from another realm (a test runner's, a frame's). */
function isArrayOf(value: unknown, name: string): boolean {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === `[object ${name}]`;
}

function interleave<Values extends Uint8Array | Float32Array>(
  planes: ArrayLike<number>,
  into: Values,
  pixels: number,
  channels: number,
): Values {
  for (let c = 0, from = 0; c < channels; c++) {
    for (let to = c; to < into.length; to += channels) into[to] = planes[from++]!;
  }
  return into;
}

function checkShape(where: string, { data, width, height, channels, layout }: RawImage | FloatImage): void {
  if (layout !== undefined && layout !== "hwc" && layout !== "chw") {
    throw new ImageError("invalid-image", `${where}: expected layout "hwc" or "chw", got ${showValue(layout)}`, { layout });
  }
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) {
    throw new ImageError("invalid-image", `${where}: expected 1, 2, 3 or 4 channels, got ${showValue(channels)}`, { channels });
  }
  if (!(Number.isSafeInteger(width) && width > 0 && Number.isSafeInteger(height) && height > 0)) {
    throw new ImageError(
      "invalid-image",
      `${where}: expected a positive integer as width and height, got ${showValue(width)}x${showValue(height)}`,
      {
        width,
        height,
      },
    );
  }
  const expected = width * height * channels;
  if (data.length !== expected) {
    throw new ImageError("invalid-image", `${where}: expected ${width}x${height}x${channels} = ${expected} values, got ${data.length}`, {
      width,
      height,
      channels,
      byteLength: data.length,
    });
  }
}

/**
 * The image as RGB: gray is repeated in the three channels, alpha is dropped, not blended. An image that is RGB already comes back
 * as it is (a view); any other result is a new array.
 * @throws TypeError if `image` is not a RawImage; ImageError `invalid-image` if its numbers do not fit together.
 */
export function convertToRgb(image: RawImage): ByteImage {
  const source = imageBytes("convertToRgb", image);
  const { width, height, channels } = image;
  if (channels === 3) return { data: source, width, height, channels };
  const pixels = width * height;
  const data = new Uint8Array(pixels * 3);
  // Gray reads its one channel three times, RGBA its first three: the same loop with another distance between them.
  const step = channels === 4 ? 1 : 0;
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += channels, to += 3) {
    data[to] = source[from]!;
    data[to + 1] = source[from + step]!;
    data[to + 2] = source[from + step + step]!;
  }
  return { data, width, height, channels: 3 };
}
