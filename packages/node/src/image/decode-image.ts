/**
 * Encoded bytes to pixels: what Pillow's `Image.open(f).convert("RGB")` holds, in as few channels as say the same.
 *
 * sharp (libvips) decodes everything but GIF and BMP. Left to itself it would also *manage colours*, which Pillow does not: here an embedded
 * ICC profile and gamma are ignored, CMYK is converted by Pillow's arithmetic instead of a press profile, alpha is dropped and never blended,
 * and a 16-bit gray PNG is clipped to 8 bits (Pillow's mode `I;16`) while every other 16-bit picture loses its low byte. JPEG, WebP and the
 * lossless formats come out bit for bit as from Pillow; AVIF with subsampled colour does not, since libheif repeats colour samples where
 * libavif interpolates them.
 */

import { ImageError, type RawImage } from "@chinese-clip/image-processor";
import type { Metadata, Sharp } from "sharp";
import { decodeBmp } from "./decode-bmp.js";
import { decodeGif } from "./decode-gif.js";
import { describeUnknownBytes, detectImageFormat, isCutShort, type ImageFormat, withPixelChecksums } from "./image-format.js";
import { errorMessage } from "@chinese-clip/pipeline";

/** How to decode. */
export interface DecodeOptions {
  /** Turn the picture as its EXIF orientation says. */
  readonly autoOrient: boolean;
  /** The most pixels for which memory is allocated. */
  readonly maxPixels: number;
  /** The path or URL, for error messages. */
  readonly source: string;
}

/** libvips's and its codecs' words for data that ends too early. */
const CUT_MESSAGE =
  /premature end|truncat|unexpected end|end of (?:stream|file|data)|not enough (?:image )?data|(?<!libpng )read error|bad seek|out of order read/i;

/**
 * Decodes the first picture in some bytes.
 *
 * @param bytes - Read while the promise is pending, not copied: leave them alone until it settles.
 * @returns One channel for a gray picture, three otherwise.
 * @throws {@link ImageError} with code `"unknown-format"`, `"truncated"`, `"invalid-image"` or `"too-large"`.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<RawImage> {
  const { source, maxPixels } = options;
  const format = detectImageFormat(bytes);
  if (format === undefined) {
    const got = describeUnknownBytes(bytes);
    throw new ImageError("unknown-format", `${source}: expected a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF image, got ${got}`, {
      source,
      byteLength: bytes.length,
    });
  }
  try {
    if (format === "bmp") return decodeBmp(bytes, maxPixels);
    if (format === "gif") return decodeGif(bytes, maxPixels);
    // libvips knows a sequence of AVIF by the brand of sequences in general only.
    const isSequence = format === "avif" && Buffer.from(bytes.subarray(8, 12)).toString("latin1") === "avis";
    if (isSequence) {
      const renamed = Uint8Array.from(bytes);
      renamed.set(Buffer.from("msf1"), 8);
      return await decodeWithSharp(renamed, format, options);
    }
    return await decodeWithSharp(bytes, format, options).catch((error: unknown) => {
      const repaired = format === "png" ? withPixelChecksums(bytes) : undefined;
      if (repaired === undefined) throw error;
      return decodeWithSharp(repaired, format, options);
    });
  } catch (error) {
    if (error instanceof ImageError) {
      throw new ImageError(error.code, `${source}: ${error.message}`, { ...error.details, source, format }, { cause: error.cause });
    }
    // libvips repeats itself, line by line, up to megabytes.
    const [reason = ""] = errorMessage(error).trim().slice(0, 200).split("\n");
    const isCut = CUT_MESSAGE.test(reason) || isCutShort(format, bytes);
    const what = isCut ? "the end of the file is missing" : "it cannot be decoded";
    throw new ImageError(
      isCut ? "truncated" : "invalid-image",
      `${source}: expected a whole ${format.toUpperCase()} image, but ${what} (${reason})`,
      { source, format, byteLength: bytes.length },
      { cause: error },
    );
  }
}

async function decodeWithSharp(bytes: Uint8Array, format: ImageFormat, { autoOrient, maxPixels }: DecodeOptions): Promise<RawImage> {
  // Only when a picture is to be decoded: loading libvips takes memory and time that a process for texts alone has no use for.
  const { default: sharp } = await import("sharp");
  const open = (limitInputPixels: number | false = maxPixels): Sharp =>
    sharp(bytes, {
      // Nearest to what Pillow accepts: sharp's default, "warning", refuses JPEGs for a stray byte between segments, and "truncated" lets cut
      // TIFFs and PNGs with damaged palettes pass.
      failOn: "error",
      ignoreIcc: true,
      limitInputPixels,
      // Pillow turns TIFF, and only TIFF, unasked.
      autoOrient: autoOrient || format === "tiff",
    });
  // Without sharp's limit, whose error does not say the size.
  const metadata = await open(false).metadata();
  const { width, height } = metadata;
  if (width * height > maxPixels) {
    throw new ImageError("too-large", `expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
  }
  // libvips makes the first black, and shifts the second; Pillow reads neither as the file means it.
  if ((metadata.space === "cmyk" && metadata.depth !== "uchar") || metadata.depth === "short" || metadata.depth === "char") {
    throw new ImageError(
      "invalid-image",
      `expected unsigned samples, in CMYK of 8 bits, got ${metadata.depth} samples in ${metadata.space}`,
      {
        space: metadata.space,
        depth: metadata.depth,
      },
    );
  }
  if (metadata.space === "cmyk") {
    const { data, info } = await open().pipelineColourspace("cmyk").toColourspace("cmyk").raw().toBuffer({ resolveWithObject: true });
    return { data: cmykToRgb(data, info.width * info.height, info.channels), width: info.width, height: info.height, channels: 3 };
  }
  if (metadata.space === "grey16" && metadata.depth === "ushort") {
    const { data, info } = await open()
      .removeAlpha()
      .toColourspace("grey16")
      .raw({ depth: "ushort" })
      .toBuffer({ resolveWithObject: true });
    // The samples are in the machine's byte order.
    const samples = new Uint16Array(data.buffer, data.byteOffset, info.width * info.height);
    const gray = Uint8Array.from(samples, isMode16(metadata, format, bytes) ? (value) => Math.min(value, 255) : (value) => value >> 8);
    return { data: gray, width: info.width, height: info.height, channels: 1 };
  }
  const pipeline = metadata.space === "b-w" ? open().removeAlpha().toColourspace("b-w") : open().removeAlpha();
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 1 && info.channels !== 3) {
    throw new ImageError("invalid-image", `expected 1 or 3 channels besides alpha, got ${info.channels}`, { channels: info.channels });
  }
  return { data: viewOf(data), width: info.width, height: info.height, channels: info.channels };
}

/** Whether Pillow opens a 16-bit gray picture in mode `I;16`, whose conversion clips; other modes keep the high byte. */
function isMode16(metadata: Metadata, format: ImageFormat, bytes: Uint8Array): boolean {
  // A transparent gray makes libvips add an alpha channel; to Pillow it is still I;16, unlike colour type 4, so the header decides.
  return format === "png" ? bytes[25] === 0 : metadata.channels === 1;
}

/** Pillow's `cmyk2rgb` (`Convert.c`): `(255 - K) - C * (255 - K) / 255`, the quotient rounded to nearest. */
function cmykToRgb(cmyk: Uint8Array, pixels: number, stride: number): Uint8Array {
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += stride) {
    const white = 255 - cmyk[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = cmyk[from + c]! * white + 128;
      rgb[to++] = white - (((product >> 8) + product) >> 8);
    }
  }
  return rgb;
}

/** sharp's buffer as the plain array that it is. */
function viewOf(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
