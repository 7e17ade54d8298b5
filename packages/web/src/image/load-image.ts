/**
 * Reads and decodes an image from any source that a page has, at full size, with the pixel values of its file.
 */
import { ImageError, type RawImage } from "@chinese-clip/image-processor";
import { AS_DECODED, bitmapPixels } from "./bitmap-pixels.js";
import { withoutOrientation } from "./without-orientation.js";

/** What {@link loadImage} takes. A string is an address; bytes and a Blob hold an encoded file. */
export type ImageInput =
  | string
  | URL
  | Blob
  | Uint8Array<ArrayBuffer>
  | ArrayBuffer
  | RawImage
  | ImageBitmap
  | ImageData
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | VideoFrame;

/** Options of {@link loadImage}. */
export interface LoadImageOptions {
  /** Rotate the image by its EXIF orientation. Default false, as the reference does. */
  readonly autoOrient?: boolean | undefined;
  /** The most encoded bytes to read. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
  /** The most pixels to take. Default 178 956 970, above which Pillow raises an error. */
  readonly maxPixels?: number | undefined;
  /** Stops reading, and discards the result of a decoder that is still running. */
  readonly signal?: AbortSignal | undefined;
}

/** An image in a form that can be sent to a worker. */
export type PortableImage = Blob | RawImage | ImageBitmap;

const DEFAULT_MAX_BYTES = 256 * 2 ** 20;
const DEFAULT_MAX_PIXELS = 178_956_970;

/**
 * Reads and decodes an image in any format that the browser decodes: PNG, JPEG, WebP, GIF, BMP, AVIF; the first of several frames. Alpha is
 * dropped, not blended; colour profiles and EXIF orientation are ignored.
 *
 * @returns RGB, rows from the top. For lossless files the same bytes as `@chinese-clip/node`, except for 16-bit gray PNGs, of which browsers
 *   return the high byte. A `RawImage` is returned as it is, an `ImageData` as a view.
 * @throws ImageError - `unreadable` (HTTP status, network), `too-large`, `unknown-format` (the browser cannot decode it), `invalid-image`;
 *   TypeError for another kind of input, RangeError for a limit below 1; the signal's reason.
 */
export async function loadImage(input: ImageInput, options: LoadImageOptions = {}): Promise<RawImage> {
  const portable = await toPortable(input, options);
  return decodePortable(portable, options, portable !== input);
}

/** Reads the inputs that only the page's own thread can read. */
export async function toPortable(input: ImageInput, options: LoadImageOptions): Promise<PortableImage> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { maxBytes } = limitsOf(options);
  if (typeof input === "string" || input instanceof URL) return fetchBlob(input, maxBytes, signal);
  if (input instanceof Blob) return input;
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) return new Blob([input]);
  if (isA(input, "ImageBitmap")) return input as ImageBitmap;
  if (isA(input, "ImageData")) {
    const { data, width, height } = input as ImageData;
    return { data, width, height, channels: 4 };
  }
  if (isA(input, "HTMLImageElement")) return imageElement(input as HTMLImageElement, maxBytes, signal);
  const isDrawable = ["HTMLCanvasElement", "HTMLVideoElement", "OffscreenCanvas", "VideoFrame"].some((name) => isA(input, name));
  if (isDrawable) return bitmapOf(input as HTMLCanvasElement);
  if (typeof input === "object" && input !== null && "data" in input && "channels" in input) return input;
  throw new TypeError(
    `loadImage: expected an address, a Blob, bytes, a RawImage, an ImageBitmap, ImageData, <img>, <canvas>, <video> or a VideoFrame, got ${describe(input)}`,
  );
}

/** Decodes the result of {@link toPortable}. @param isOwn - whether a bitmap may be closed. */
export async function decodePortable(image: PortableImage, options: LoadImageOptions, isOwn: boolean): Promise<RawImage> {
  const { signal, autoOrient = false } = options;
  const { maxBytes, maxPixels } = limitsOf(options);
  if (!(image instanceof Blob) && !isA(image, "ImageBitmap")) return image as RawImage;
  const bitmap = image instanceof Blob ? await decode(image, maxBytes, autoOrient) : (image as ImageBitmap);
  try {
    signal?.throwIfAborted();
    const { width, height } = bitmap;
    if (width * height > maxPixels)
      throw new ImageError("too-large", `expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
    return await bitmapPixels(bitmap);
  } finally {
    if (isOwn || image instanceof Blob) bitmap.close();
  }
}

function limitsOf({ maxBytes = DEFAULT_MAX_BYTES, maxPixels = DEFAULT_MAX_PIXELS }: LoadImageOptions): {
  maxBytes: number;
  maxPixels: number;
} {
  for (const [name, value] of Object.entries({ maxBytes, maxPixels })) {
    if (!(value >= 1)) throw new RangeError(`loadImage: expected ${name} of at least 1, got ${String(value)}`);
  }
  return { maxBytes, maxPixels };
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

/** The file of an `<img>`, for its exact pixels; where the page may not read it, the pixels that the page shows. */
async function imageElement(image: HTMLImageElement, maxBytes: number, signal: AbortSignal | undefined): Promise<PortableImage> {
  await image.decode().catch(() => undefined);
  try {
    if (image.currentSrc !== "") return await fetchBlob(image.currentSrc, maxBytes, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ImageError && error.code === "too-large") throw error;
  }
  return bitmapOf(image);
}

async function bitmapOf(source: HTMLCanvasElement | HTMLImageElement): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(source, AS_DECODED);
  } catch (cause) {
    throw new ImageError("unreadable", "expected an image that the page may read, and that has been loaded", {}, { cause });
  }
}

async function fetchBlob(input: string | URL, maxBytes: number, signal: AbortSignal | undefined): Promise<Blob> {
  const url = new URL(input, globalThis.document?.baseURI ?? location.href);
  // A data: URL holds the content itself, too long for a message.
  const source = url.protocol === "data:" ? "data: URL" : url.href;
  if (!["http:", "https:", "data:", "blob:"].includes(url.protocol))
    throw new TypeError(`loadImage: expected an http:, https:, data: or blob: address, got ${url.protocol}`);
  let response: Response;
  let blob: Blob;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
    const stated = Number(response.headers.get("content-length") ?? 0);
    if (!response.ok || stated > maxBytes) {
      await response.body?.cancel();
      if (response.ok) throw tooLarge(source, maxBytes, stated);
      const { status } = response;
      throw new ImageError("unreadable", `${source}: expected a successful response, got HTTP status ${status}`, { source, status });
    }
    blob = await response.blob();
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof ImageError) throw cause;
    throw new ImageError(
      "unreadable",
      `${source}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { source },
      { cause },
    );
  }
  if (blob.size > maxBytes) throw tooLarge(source, maxBytes, blob.size);
  return blob;
}

function tooLarge(source: string, maxBytes: number, byteLength: number): ImageError {
  return new ImageError("too-large", `${source}: expected at most ${maxBytes} bytes, got ${byteLength}`, { source, maxBytes, byteLength });
}

/** Whether a value is an instance of a browser class, which workers and older browsers may lack. */
function isA(value: unknown, name: string): boolean {
  const constructor = (globalThis as unknown as Record<string, unknown>)[name];
  return typeof constructor === "function" && value instanceof constructor;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? `an object of class ${value.constructor?.name ?? "null"}` : typeof value;
}
