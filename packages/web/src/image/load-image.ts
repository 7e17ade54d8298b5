/**
 * Reads and decodes an image from any source that a page has, at full size, with the pixel values of its file.
 */
import { ImageError, type RawImage } from "@chinese-clip/image-processor";
import { AS_DECODED, bitmapPixels } from "./bitmap-pixels.js";
import { withDeadline } from "./deadline.js";
import { tooLarge } from "./fetch-image.js";
import { type ImageInput, isBitmap, isBlob, type PortableImage, readImage } from "./image-input.js";
import { imageLimits, type ImageLimits, type WebLimits } from "./image-limits.js";
import { withoutOrientation } from "./without-orientation.js";

/** Options of {@link loadImage}. */
export interface LoadImageOptions {
  /** Rotate the image by its EXIF orientation. Default false, as the reference does. */
  readonly autoOrient?: boolean | undefined;
  /** The same as `limits.encodedBytes`. */
  readonly maxBytes?: number | undefined;
  /** The same as `limits.pixels`. */
  readonly maxPixels?: number | undefined;
  /**
   * What the image may cost: `encodedBytes` (default 256 MiB), `pixels` (default 178,956,970, above which Pillow raises an error) and
   * `milliseconds` until it is read and decoded (default 30,000).
   */
  readonly limits?: WebLimits | undefined;
  /** Stops reading, and discards the result of a decoder that is still running. */
  readonly signal?: AbortSignal | undefined;
}

/** How {@link decodePortable} decodes. */
export interface DecodeOptions {
  readonly limits: ImageLimits;
  /** Milliseconds of the limit that reading the image has left. */
  readonly milliseconds: number;
  readonly autoOrient: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads and decodes an image in any format that the browser decodes: PNG, JPEG, WebP, GIF, BMP, AVIF; the first of several frames. Alpha is
 * dropped, not blended; colour profiles and EXIF orientation are ignored.
 *
 * @returns RGB, rows from the top. For lossless files the same bytes as `@chinese-clip/node`, except for 16-bit gray PNGs, of which browsers
 *   return the high byte. A `RawImage` is returned as it is, an `ImageData` as a view.
 * @throws ImageError - `unreadable` (HTTP status, network), `too-large` (bytes, pixels or time), `unknown-format` (the browser cannot decode it),
 *   `invalid-image`; TypeError for another kind of input or limit, RangeError for a limit below 1; the signal's reason.
 */
export async function loadImage(input: ImageInput, options: LoadImageOptions = {}): Promise<RawImage> {
  const { autoOrient = false, maxBytes, maxPixels, signal } = options;
  const limits = imageLimits(options.limits, { maxBytes, maxPixels });
  const { image, milliseconds } = await readImage(input, limits, signal);
  return decodePortable(image, { limits, milliseconds, autoOrient, signal }, image !== input);
}

/** Decodes an image that was read. @param isOwn - whether a bitmap may be closed. */
export async function decodePortable(image: PortableImage, options: DecodeOptions, isOwn: boolean): Promise<RawImage> {
  const { limits, milliseconds, autoOrient, signal } = options;
  const { maxBytes, maxPixels, maxMilliseconds } = limits;
  if (!isBlob(image) && !isBitmap(image)) return image;
  return withDeadline({ milliseconds, maxMilliseconds }, signal, async (ended) => {
    const bitmap = isBlob(image) ? await decode(image, maxBytes, autoOrient) : image;
    try {
      ended.throwIfAborted();
      const { width, height } = bitmap;
      if (width * height > maxPixels)
        throw new ImageError("too-large", `expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
      return await bitmapPixels(bitmap);
    } finally {
      if (isOwn || isBlob(image)) bitmap.close();
    }
  });
}

async function decode(blob: Blob, maxBytes: number, autoOrient: boolean): Promise<ImageBitmap> {
  if (blob.size > maxBytes) throw tooLarge("Blob", maxBytes, blob.size);
  const bytes = await blob.arrayBuffer().catch((cause: unknown) => {
    throw new ImageError("unreadable", "Blob: cannot be read; was the file changed or removed?", {}, { cause });
  });
  try {
    const encoded = autoOrient ? bytes : withoutOrientation(new Uint8Array(bytes));
    return await createImageBitmap(new Blob([encoded], { type: blob.type }), { ...AS_DECODED, imageOrientation: "from-image" });
  } catch (cause) {
    throw new ImageError(
      "unknown-format",
      "expected an image that the browser can decode, got another file, or a damaged one",
      { type: blob.type },
      { cause },
    );
  }
}
