/**
 * Decoded pixels, and their conversion to RGB as Pillow's `Image.convert("RGB")` does it (`src/libImaging/Convert.c`: `l2rgb`,
 * `rgba2rgb`): gray is repeated, alpha is dropped and not blended with any background.
 */
import { ImageError } from "./image-error.js";

/** Decoded pixels, interleaved: the byte of channel `c` at column `x` of row `y` is `data[(y * width + x) * channels + c]`. */
export interface RawImage {
  /** [height, width, channels] bytes, 0-255, rows from the top, without padding between rows. Never written to by this package. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Columns, at least 1. */
  readonly width: number;
  /** Rows, at least 1. */
  readonly height: number;
  /** 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha (not premultiplied). */
  readonly channels: 1 | 2 | 3 | 4;
}

/** A picture that this package made: its bytes are a plain `Uint8Array`. */
export interface ByteImage extends RawImage {
  /** [height, width, channels] bytes, 0-255. */
  readonly data: Uint8Array;
}

/**
 * The image's bytes as a plain `Uint8Array` (a view, no copy: one class of array keeps the kernels' element access monomorphic).
 * @throws TypeError if `image` is not shaped like a RawImage; ImageError `invalid-image` if its numbers do not fit together.
 */
export function imageBytes(where: string, image: RawImage): Uint8Array {
  if (typeof image !== "object" || image === null) throw new TypeError(`${where}: expected a RawImage, got ${describe(image)}`);
  const { data, width, height, channels } = image;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new TypeError(`${where}: expected data to be a Uint8Array or Uint8ClampedArray, got ${describe(data)}`);
  }
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) {
    throw new ImageError("invalid-image", `${where}: expected 1, 2, 3 or 4 channels, got ${String(channels)}`, { channels });
  }
  if (!(Number.isSafeInteger(width) && width > 0 && Number.isSafeInteger(height) && height > 0)) {
    throw new ImageError("invalid-image", `${where}: expected a positive whole width and height, got ${String(width)}x${String(height)}`, {
      width,
      height,
    });
  }
  const expected = width * height * channels;
  if (data.length !== expected) {
    throw new ImageError("invalid-image", `${where}: expected ${width}x${height}x${channels} = ${expected} bytes, got ${data.length}`, {
      width,
      height,
      channels,
      byteLength: data.length,
    });
  }
  return data.constructor === Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/**
 * The picture as RGB: gray is repeated in the three channels, alpha is dropped, not blended. An image that is RGB already comes back
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

/** A value for an error message: its type, or itself where that is short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "boolean" || typeof value === "number") return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
