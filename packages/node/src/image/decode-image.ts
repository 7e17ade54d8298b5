/**
 * Encoded bytes to pixels: what Pillow's `Image.open(f).convert("RGB")` holds, in as few channels as say the same. The header is read first, so that
 * the memory that the pixels need is known before it is taken.
 */
import { ImageError, type RawImage } from "@chinese-clip/image-processor";
import { errorMessage } from "@chinese-clip/pipeline";
import { openBmp } from "./decode-bmp.js";
import { openGif } from "./decode-gif.js";
import { loadHeicDecoder, openHeic } from "./decode-heic.js";
import { findExif } from "./exif.js";
import { type ImageHeader, NO_HEADER } from "./image-header.js";
import { openWithSharp, type SharpImage, type SharpOptions } from "./decode-sharp.js";
import { describeUnknownBytes, detectImageFormat, isCutShort, type ImageFormat, isHeic, withPixelChecksums } from "./image-format.js";

/** How to decode. */
export interface DecodeOptions extends SharpOptions {
  /** The path or URL, for error messages. */
  readonly source: string;
  /** Whether a server sent the bytes: messages do not repeat any of them. */
  readonly isForeign: boolean;
  /** The module that decodes HEIC. Default: `heic-decode`, where it is installed. */
  readonly heicDecoder?: string | undefined;
}

/** An image whose header was read. */
export interface OpenedImage {
  /** Bytes that its pixels need at their peak. */
  readonly memory: number;
  /** What its file says of it. */
  readonly header: ImageHeader;
  /** Whether the pixels' buffer is JavaScript's own, so that it can be moved between threads. */
  readonly isOwned: boolean;
  /**
   * Decodes the first frame or page.
   *
   * @returns One channel for a gray image, three otherwise.
   * @throws {@link ImageError} with code `"truncated"` or `"invalid-image"`.
   */
  readonly decode: () => Promise<RawImage>;
}

/** libvips's and its codecs' words for data that ends too early. */
const CUT_MESSAGE =
  /premature end|truncat|unexpected end|end of (?:stream|file|data)|not enough (?:image )?data|(?<!libpng )read error|bad seek|out of order read/i;

/**
 * Reads the header of an encoded image.
 *
 * @param bytes - Read again by `decode`, not copied.
 * @throws {@link ImageError} with code `"unknown-format"`, `"truncated"`, `"invalid-image"` or `"too-large"`.
 */
export async function openImage(bytes: Uint8Array, options: DecodeOptions): Promise<OpenedImage> {
  const { source, maxPixels, isForeign } = options;
  const heic = isHeic(bytes) ? await loadHeicDecoder(options.heicDecoder) : undefined;
  const format = heic === undefined ? detectImageFormat(bytes) : "heic";
  if (format === undefined) {
    const got = describeUnknownBytes(bytes, isForeign);
    throw new ImageError("unknown-format", `${source}: expected a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF image, got ${got}`, {
      source,
      byteLength: bytes.length,
    });
  }
  const named = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw namedError(error, format, bytes, source);
    }
  };
  const isOwned = format === "bmp" || format === "gif" || format === "heic";
  const image = await named(async (): Promise<SharpImage> => {
    if (format === "bmp") return { ...openBmp(bytes, maxPixels), header: NO_HEADER };
    // libheif turns the pixels itself.
    if (heic !== undefined) return { ...(await openHeic(heic, bytes, maxPixels)), header: { ...NO_HEADER, exif: findExif(bytes) } };
    if (format === "gif") return { ...openGif(bytes, maxPixels), header: NO_HEADER };
    return openRepaired(bytes, format, options);
  });
  return { memory: image.memory, header: image.header, isOwned, decode: () => named(image.decode) };
}

/** With sharp, after what libvips insists on and Pillow does not is mended. */
async function openRepaired(bytes: Uint8Array, format: ImageFormat, options: SharpOptions): Promise<SharpImage> {
  // libvips knows a sequence of AVIF by the brand of sequences in general only.
  if (format === "avif" && Buffer.from(bytes.subarray(8, 12)).toString("latin1") === "avis") {
    const renamed = Uint8Array.from(bytes);
    renamed.set(Buffer.from("msf1"), 8);
    return openWithSharp(renamed, format, options);
  }
  if (format !== "png") return openWithSharp(bytes, format, options);
  const again = (error: unknown): Promise<SharpImage> => {
    const repaired = withPixelChecksums(bytes);
    if (repaired === undefined) throw error;
    return openWithSharp(repaired, format, options);
  };
  const image = await openWithSharp(bytes, format, options).catch(again);
  return { ...image, decode: () => image.decode().catch(async (error: unknown) => (await again(error)).decode()) };
}

/** An error of a decoder as one of this package, with the image's name. */
function namedError(error: unknown, format: ImageFormat, bytes: Uint8Array, source: string): ImageError {
  if (error instanceof ImageError) {
    return new ImageError(error.code, `${source}: ${error.message}`, { ...error.details, source, format }, { cause: error.cause });
  }
  // libvips repeats itself, line by line, up to megabytes.
  const [reason = ""] = errorMessage(error).trim().slice(0, 200).split("\n");
  const isCut = CUT_MESSAGE.test(reason) || isCutShort(format, bytes);
  const what = isCut ? "the end of the file is missing" : "it cannot be decoded";
  return new ImageError(
    isCut ? "truncated" : "invalid-image",
    `${source}: expected a whole ${format.toUpperCase()} image, but ${what} (${reason})`,
    { source, format, byteLength: bytes.length },
    { cause: error },
  );
}
