/**
 * A picture from wherever it is: reading (`read-bytes.ts`), then decoding (`decode-image.ts`).
 */

import type { RawImage } from "@chinese-clip/image-processor";
import { fileURLToPath } from "node:url";
import { decodeImage } from "./decode-image.js";
import { fetchBytes, readBlobBytes, readFileBytes, tooLarge } from "./read-bytes.js";

/**
 * What {@link loadImage} takes. A string is a path, unless it begins with `http:`, `https:`, `file:` or `data:`; bytes and a Blob hold an
 * encoded file.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | RawImage;

/** Options of {@link loadImage}. */
export interface LoadImageOptions {
  /**
   * Turn the picture as its EXIF orientation says. Default `false`, as the reference does: the published models never saw a picture turned.
   * (TIFF is turned in any case, as Pillow does.)
   */
  readonly autoOrient?: boolean | undefined;
  /** The most encoded bytes to read. Default 256 MiB: more than any photo, less than what a careless server can send. */
  readonly maxBytes?: number | undefined;
  /**
   * The most pixels to decode, which take 3 bytes each. Default 178 956 970, above which Pillow raises `DecompressionBombError`: whatever the
   * reference opens, opens here.
   */
  readonly maxPixels?: number | undefined;
  /** Stops reading, and drops what a decoder is still busy with. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_MAX_BYTES = 256 * 2 ** 20;
const DEFAULT_MAX_PIXELS = 178_956_970;

/** Longer than any path of an operating system. */
const MAX_PATH = 32_767;

/** What says of itself that it is a URL. A lone letter before a colon is a drive on Windows. */
const SCHEME = /^(?:(?:https?|file|data):|[a-z][a-z0-9+.-]+:\/\/)/i;

/**
 * Reads and decodes a picture: PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF; of several frames or pages, the first.
 *
 * The pixels are what Pillow's `Image.open(f).convert("RGB")` gives: alpha is dropped, not blended; colour profiles are ignored; nothing is
 * turned. SVG and PDF are refused.
 *
 * @param input - A path, a URL, an encoded file, or a `RawImage`, which is returned as it is. Bytes are not copied: leave them alone until the
 *   promise settles.
 * @returns 8 bits a sample, rows from the top, `[height, width, channels]`; one channel for a gray picture, three for others.
 * @throws `ImageError` with code `"unreadable"` (no such file, HTTP status, network), `"too-large"`, `"unknown-format"`, `"truncated"` or
 *   `"invalid-image"`; `TypeError` for another kind of input or URL, `RangeError` for a limit below 1; `signal.reason` when aborted.
 */
export async function loadImage(input: ImageInput, options: LoadImageOptions = {}): Promise<RawImage> {
  const { autoOrient = false, signal } = options;
  const { maxBytes, maxPixels } = limitsOf(options);
  signal?.throwIfAborted();
  if (isRawImage(input)) return input;
  const { bytes, source } = await readInput(input, { maxBytes, signal });
  const image = await decodeImage(bytes, { autoOrient, maxPixels, source });
  signal?.throwIfAborted();
  return image;
}

/**
 * The limits of some options, defaults filled in.
 *
 * @throws RangeError for one that is not a number of at least 1.
 */
export function limitsOf(options: LoadImageOptions): { readonly maxBytes: number; readonly maxPixels: number } {
  const { maxBytes = DEFAULT_MAX_BYTES, maxPixels = DEFAULT_MAX_PIXELS } = options;
  for (const [name, value] of Object.entries({ maxBytes, maxPixels })) {
    if (!(value >= 1)) throw new RangeError(`loadImage: expected ${name} of at least 1, got ${String(value)}`);
  }
  return { maxBytes, maxPixels };
}

async function readInput(
  input: Exclude<ImageInput, RawImage>,
  options: { readonly maxBytes: number; readonly signal: AbortSignal | undefined },
): Promise<{ readonly bytes: Uint8Array; readonly source: string }> {
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) {
    const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
    if (bytes.length > options.maxBytes) throw tooLarge("bytes", options.maxBytes, bytes.length);
    return { bytes, source: "bytes" };
  }
  if (input instanceof Blob) return { bytes: await readBlobBytes(input, options), source: "Blob" };
  if (typeof input !== "string" && !(input instanceof URL)) {
    throw inputError(input);
  }
  if (typeof input === "string" && input.length > MAX_PATH && !SCHEME.test(input)) {
    const cure = 'base64 goes into a data: URL, or through Buffer.from(text, "base64")';
    throw new TypeError(`loadImage: expected a path, got a text of ${input.length} characters; ${cure}`);
  }
  if (typeof input === "string" && !SCHEME.test(input)) return { bytes: await readFileBytes(input, options), source: input };
  const url = parseUrl(input);
  switch (url.protocol) {
    case "file:":
      return { bytes: await readFileBytes(fileURLToPath(url), options), source: fileURLToPath(url) };
    case "http:":
    case "https:":
      return { bytes: await fetchBytes(url, options), source: url.href };
    case "data:":
      return { bytes: await fetchBytes(url, options), source: "data: URL" };
    default:
      throw new TypeError(`loadImage: expected an http:, https:, file: or data: URL, got ${url.protocol}`);
  }
}

function parseUrl(input: string | URL): URL {
  if (input instanceof URL) return input;
  try {
    return new URL(input);
  } catch (cause) {
    throw new TypeError(`loadImage: expected a URL, got ${JSON.stringify(input.slice(0, 100))}`, { cause });
  }
}

/** Told from the other inputs by its fields; whether they fit together is for the image processor to say. */
function isRawImage(input: ImageInput): input is RawImage {
  return typeof input === "object" && input !== null && "data" in input && "width" in input && "height" in input && "channels" in input;
}

/** The error for a value that is no image; a stream or a response is told what to give instead. */
export function inputError(input: unknown): TypeError {
  const isBody = typeof input === "object" && input !== null && ("body" in input || "getReader" in input || "pipe" in input);
  const cure = isBody ? "; give its bytes: await new Response(stream).arrayBuffer(), or await response.arrayBuffer()" : "";
  return new TypeError(`loadImage: expected a path, a URL, bytes, a Blob or a RawImage, got ${describe(input)}${cure}`);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? `an object of class ${value.constructor?.name ?? "null"}` : typeof value;
}
