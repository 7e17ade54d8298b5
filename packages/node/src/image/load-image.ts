/**
 * An image from wherever it is, as pixels. It is read and decoded in a thread, so that no file can hold up the caller's.
 */
import type { RawImage } from "@chinese-clip/image-processor";
import type { Limits } from "@chinese-clip/pipeline";
import { imageLimits, limitNames } from "./image-limits.js";
import { type ImageInput, isRawImage, sourceOf } from "./image-source.js";
import { ImageThreads } from "./image-threads.js";

export type { ImageInput } from "./image-source.js";

/** Options of {@link loadImage}. */
export interface LoadImageOptions {
  /**
   * Turn the image as its EXIF orientation says. Default `false`, as the reference does: the published models never saw an image turned.
   * (TIFF is turned in any case, as Pillow does, and so is AVIF by its `irot` and `imir`, which are part of decoding.)
   */
  readonly autoOrient?: boolean | undefined;
  /** The same as `limits.encodedBytes`. */
  readonly maxBytes?: number | undefined;
  /** The same as `limits.pixels`. */
  readonly maxPixels?: number | undefined;
  /** What the image may cost. */
  readonly limits?: Limits | undefined;
  /**
   * Fetch URLs also from private, loopback and link-local addresses. Default `false`: whoever chooses the URL could otherwise reach the services
   * of this machine and its network.
   */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** Stops reading, and drops what a decoder is still busy with. */
  readonly signal?: AbortSignal | undefined;
}

/** The threads hold no process, but memory; a program that decodes a few images gets it back. */
const IDLE_MILLISECONDS = 10_000;

let threads: ImageThreads | undefined;

/**
 * Reads and decodes an image: PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF; of several frames or pages, the first.
 *
 * The pixels are what Pillow's `Image.open(f).convert("RGB")` gives: alpha is dropped, not blended; colour profiles are ignored; nothing is
 * turned. SVG and PDF are rejected.
 *
 * @param input - A path, a URL, an encoded file, or a `RawImage`, which is returned as it is. Bytes are copied before the call returns.
 * @returns 8 bits a sample, rows from the top, `[height, width, channels]`; one channel for a gray image, three for others.
 * @throws `ImageError` with code `"unreadable"` (no such file, HTTP status, network, private address), `"too-large"` (bytes, pixels or time),
 *   `"unknown-format"`, `"truncated"` or `"invalid-image"`; `TypeError` for another kind of input or URL, `RangeError` for a limit below 1;
 *   `signal.reason` when aborted.
 */
export async function loadImage(input: ImageInput, options: LoadImageOptions = {}): Promise<RawImage> {
  const { autoOrient = false, allowPrivateAddresses = false, limits: given, maxBytes, maxPixels, signal } = options;
  const named = limitNames(given);
  const limits = imageLimits({ ...named, maxBytes: maxBytes ?? named.maxBytes, maxPixels: maxPixels ?? named.maxPixels });
  signal?.throwIfAborted();
  if (isRawImage(input)) return input;
  const source = await sourceOf(input, { maxBytes: limits.maxBytes, signal });
  threads ??= new ImageThreads({ idleMilliseconds: IDLE_MILLISECONDS });
  return threads.decode(source, { autoOrient, decode: "exact", allowPrivateAddresses, limits, signal });
}
