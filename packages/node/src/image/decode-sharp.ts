/**
 * PNG, JPEG, WebP, TIFF and AVIF by sharp (libvips), with the pixels that Pillow's `convert("RGB")` gives.
 *
 * Left to itself libvips would also *manage colours*, which Pillow does not: here an embedded ICC profile and gamma are ignored, CMYK is converted by
 * Pillow's arithmetic instead of a press profile, alpha is dropped and never blended, and a 16-bit gray PNG is clipped to 8 bits (Pillow's mode
 * `I;16`) while every other 16-bit image loses its low byte. JPEG, WebP and the lossless formats come out bit for bit as from Pillow; AVIF with
 * subsampled colour does not, since libheif repeats colour samples where libavif interpolates them.
 */
import { ImageError, type PixelSize, type RawImage } from "@chinese-clip/image-processor";
import type { Metadata, Sharp } from "sharp";
import type { ImageFormat } from "./image-format.js";
import type { ImageHeader } from "./image-header.js";

/** How to decode with sharp. */
export interface SharpOptions {
  readonly autoOrient: boolean;
  /** The size that an image will be resized to. Given: JPEG and WebP may be shrunk to twice that while they are decoded. */
  readonly resized?: ((size: PixelSize) => PixelSize) | undefined;
  readonly maxPixels: number;
  /** After which libvips stops, in whole seconds. */
  readonly maxMilliseconds: number;
}

/** An image whose header was read. */
export interface SharpImage {
  /** Bytes that its pixels need at their peak. */
  readonly memory: number;
  /** What its file says of it. */
  readonly header: ImageHeader;
  readonly decode: () => Promise<RawImage>;
}

/**
 * Reads an image's header.
 *
 * @throws {@link ImageError} with code `"too-large"` or `"invalid-image"`, or what libvips says.
 */
export async function openWithSharp(
  bytes: Uint8Array,
  format: ImageFormat,
  { autoOrient, resized, maxPixels, maxMilliseconds }: SharpOptions,
): Promise<SharpImage> {
  // Only when an image is to be decoded: loading libvips takes memory and time that a thread for other formats has no use for.
  const { default: sharp } = await import("sharp");
  const open = (limitInputPixels: number | false = maxPixels): Sharp =>
    sharp(bytes, {
      // Nearest to what Pillow accepts: sharp's default, "warning", rejects JPEGs for a stray byte between segments, and "truncated" lets cut
      // TIFFs and PNGs with damaged palettes pass.
      failOn: "error",
      ignoreIcc: true,
      limitInputPixels,
      // Pillow turns TIFF, and only TIFF, unasked.
      autoOrient: autoOrient || format === "tiff",
    }).timeout({ seconds: Math.ceil(maxMilliseconds / 1000) });
  // Without sharp's limit, whose error does not say the size.
  const metadata = await open(false).metadata();
  const { width, height } = metadata;
  if (width * height > maxPixels) {
    throw new ImageError("too-large", `expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
  }
  // libvips makes the first black, and shifts the second; Pillow reads neither as the file means it.
  if ((metadata.space === "cmyk" && metadata.depth !== "uchar") || metadata.depth === "short" || metadata.depth === "char") {
    const { space, depth } = metadata;
    throw new ImageError("invalid-image", `expected unsigned samples, in CMYK of 8 bits, got ${depth} samples in ${space}`, {
      space,
      depth,
    });
  }
  const shrunk =
    resized !== undefined && isShrinkable(metadata, format) ? shrunkSize(metadata, SHRINKS[format], autoOrient, resized) : undefined;
  const openShrunk = (): Sharp => (shrunk === undefined ? open() : open().resize({ ...shrunk, fit: "fill", kernel: "cubic" }));
  const isTurned = autoOrient || format === "tiff";
  const header: ImageHeader = {
    size: isTurned ? metadata.autoOrient : { width, height },
    orientation: isTurned ? 1 : (metadata.orientation ?? 1),
    exif: metadata.exif ?? (format === "tiff" ? bytes : undefined), // a TIFF has the tags itself
  };
  return { memory: width * height * bytesOfPixel(metadata, format), header, decode: () => decode(openShrunk, metadata, format, bytes) };
}

/** Whether the decoder can shrink an image with the colours of its pixels: libvips weighs them by alpha, which is dropped here. */
function isShrinkable({ space, hasAlpha }: Metadata, format: ImageFormat): format is keyof typeof SHRINKS {
  return (format === "jpeg" || format === "webp") && (space === "srgb" || space === "b-w") && !hasAlpha;
}

/**
 * By what an image is divided, the most first. A JPEG decoder divides by 8, 4 or 2, for less work; sharp asks it for that only from the next
 * integer on ("known libjpeg rounding errors"), below which it asks for half as much, and averages what is left; up to seven columns and rows that
 * do not fill a pixel are left out. A WebP decoder takes any size.
 */
const SHRINKS = { jpeg: [9, 5, 3], webp: [8, 4, 2] } as const;

/**
 * The size that an image is shrunk to while it is decoded: not below twice the size that it is resized to, so that the resize still averages.
 *
 * @returns undefined where the image is too small for that, or its proportions would round to another result.
 */
function shrunkSize(
  metadata: Metadata,
  shrinks: readonly number[],
  autoOrient: boolean,
  resized: (size: PixelSize) => PixelSize,
): PixelSize | undefined {
  const { width, height } = autoOrient ? metadata.autoOrient : metadata;
  const target = resized({ width, height });
  for (const shrink of shrinks) {
    const shrunk = { width: Math.floor(width / shrink), height: Math.floor(height / shrink) };
    if (shrunk.width < 2 * target.width || shrunk.height < 2 * target.height) continue;
    const again = resized(shrunk);
    if (again.width === target.width && again.height === target.height) return shrunk;
  }
  return undefined;
}

/** The result's, and those of the frame that a codec holds beside it. */
function bytesOfPixel({ space, channels, depth, isProgressive }: Metadata, format: ImageFormat): number {
  const result = space === "b-w" || space === "grey16" ? 1 : 3;
  const sample = depth === "uchar" ? 1 : 2;
  const isHeldWhole = format === "webp" || format === "avif" || isProgressive || space === "cmyk" || space === "grey16";
  return result + (isHeldWhole ? Math.max(channels, 3) * sample : 0);
}

async function decode(open: () => Sharp, metadata: Metadata, format: ImageFormat, bytes: Uint8Array): Promise<RawImage> {
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

/** Whether Pillow opens a 16-bit gray image in mode `I;16`, whose conversion clips; other modes keep the high byte. */
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
