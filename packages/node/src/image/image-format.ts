/**
 * Which format some bytes are in, by their first bytes alone: file names and `Content-Type` headers are not asked, since both lie.
 *
 * Only what this list names ever reaches a decoder. libvips would also render SVG, which is a program more than an image (it reads other
 * files and takes time without bound), so it is rejected here along with everything else that a search for photos does not meet.
 */

import { crc32 } from "node:zlib";

/** A format that `loadImage` decodes. */
export type ImageFormat = "png" | "jpeg" | "webp" | "gif" | "bmp" | "tiff" | "avif" | "heic";

interface Signature {
  readonly format: ImageFormat;
  readonly offset: number;
  /** Latin-1. */
  readonly magic: string;
}

const SIGNATURES: readonly Signature[] = [
  { format: "png", offset: 0, magic: "\x89PNG\r\n\x1a\n" },
  { format: "jpeg", offset: 0, magic: "\xff\xd8\xff" },
  { format: "webp", offset: 8, magic: "WEBP" },
  { format: "gif", offset: 0, magic: "GIF87a" },
  { format: "gif", offset: 0, magic: "GIF89a" },
  { format: "bmp", offset: 0, magic: "BM" },
  { format: "tiff", offset: 0, magic: "II*\0" },
  { format: "tiff", offset: 0, magic: "MM\0*" },
  { format: "tiff", offset: 0, magic: "II+\0" },
  { format: "tiff", offset: 0, magic: "MM\0+" },
];

/** What people hand over by mistake, in words for the error message: text by a pattern, the rest by bytes at an offset. */
const ELEMENTS: readonly (readonly [RegExp, string])[] = [
  [/^(?:!doctype svg|svg)\b/i, "an SVG drawing, which is not decoded"],
  [/^(?:!doctype html|html|head|body|script|title|meta)\b/i, "an HTML page"],
];
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^%PDF-/, "a PDF document, which is not decoded"],
  [/^version https:\/\/git-lfs/, "a Git LFS pointer instead of the file it stands for"],
  [/^\s*[{[]\s*["[{]/, "JSON text"],
];
const OTHERS: readonly (readonly [number, string, string])[] = [
  [4, "ftyphe", "a HEIC image, whose decoder is installed by npm install heic-decode"],
  [4, "ftypmif1", "a HEIF image; npm install heic-decode decodes HEIC"],
  [4, "ftypmsf1", "a HEIF image; npm install heic-decode decodes HEIC"],
  [0, "\xff\x0a", "a JPEG XL image, whose codec is not included"],
  [0, "\0\0\0\x0cJXL ", "a JPEG XL image, whose codec is not included"],
  [0, "\0\0\0\x0cjP  ", "a JPEG 2000 image, which is not decoded"],
  [0, "\xff\x4f\xff\x51", "a JPEG 2000 image, which is not decoded"],
  [0, "\0\0\x01\0", "an icon (ICO), which is not decoded"],
  [0, "8BPS", "a Photoshop document, which is not decoded"],
  [0, "DDS ", "a DDS texture, which is not decoded"],
  [0, "P1", "a PBM image, which is not decoded"],
  [0, "P2", "a PGM image, which is not decoded"],
  [0, "P3", "a PPM image, which is not decoded"],
  [0, "P4", "a PBM image, which is not decoded"],
  [0, "P5", "a PGM image, which is not decoded"],
  [0, "P6", "a PPM image, which is not decoded"],
  [4, "ftypisom", "a video (MP4)"],
  [4, "ftypmp4", "a video (MP4)"],
  [4, "ftypqt  ", "a video (QuickTime)"],
  [0, "PK\x03\x04", "a zip archive"],
  [0, "\x1f\x8b", "gzip-compressed data"],
];

/** How many bytes at the start are examined; a signature takes 12, and comments may come first in an HTML page. */
const HEAD_BYTES = 512;

/**
 * Names the format of an encoded image.
 *
 * @param bytes - The file, or at least its start.
 * @returns `undefined` when it is none that `loadImage` decodes.
 */
export function detectImageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = latin1(bytes);
  if (isAvif(head)) return "avif";
  return SIGNATURES.find(({ offset, magic }) => head.startsWith(magic, offset) && (offset !== 8 || head.startsWith("RIFF")))?.format;
}

/**
 * Says what bytes that are no known image seem to be, as the end of a sentence.
 *
 * @param isForeign - Whether the bytes themselves must not be shown.
 * @returns For example `"an HTML page"`, or the first bytes in hexadecimal.
 */
export function describeUnknownBytes(bytes: Uint8Array, isForeign = false): string {
  if (bytes.length === 0) return "no bytes at all";
  const head = latin1(bytes).replace(/^\xef\xbb\xbf/, "");
  const element = firstElement(head);
  const known =
    ELEMENTS.find(([pattern]) => pattern.test(element))?.[1] ??
    TEXTS.find(([pattern]) => pattern.test(head))?.[1] ??
    OTHERS.find(([offset, magic]) => head.startsWith(magic, offset))?.[2];
  if (known !== undefined) return known;
  if (isForeign) return "another kind of file";
  return `bytes that begin ${Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
}

/** A still or a sequence of AV1. */
function isAvif(head: string): boolean {
  return hasBrand(head, /^avi[fs]$/);
}

/** Whether an encoded image, with at least the whole box of its brands, is a HEIC: a still or a sequence of HEVC. */
export function isHeic(bytes: Uint8Array): boolean {
  const head = latin1(bytes);
  const isWhole = bytes.length >= 16 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) <= bytes.length;
  return isWhole && !isAvif(head) && hasBrand(head, /^he[iv][cmsx]$/);
}

/** Looks at the compatible brands too: a file may call itself an image file (mif1, msf1) first. */
function hasBrand(head: string, brand: RegExp): boolean {
  if (head.slice(4, 8) !== "ftyp") return false;
  const size = Buffer.from(head.slice(0, 4), "latin1").readUInt32BE();
  const brands = head.slice(8, 12) + head.slice(16, size);
  for (let at = 0; at + 4 <= brands.length; at += 4) {
    if (brand.test(brands.slice(at, at + 4))) return true;
  }
  return false;
}

/** What stands behind the first `<` of markup, its XML declaration and comments left out; empty for other text. Reads each character once. */
function firstElement(head: string): string {
  let at = head.length - head.trimStart().length;
  for (const [open, close] of [
    ["<?xml", ">"],
    ["<!--", "-->"],
  ] as const) {
    while (head.startsWith(open, at)) {
      const end = head.indexOf(close, at + open.length);
      if (end < 0) return "";
      at = end + close.length;
      while (at < head.length && head.charAt(at).trim() === "") at++;
    }
  }
  return head.charAt(at) === "<" ? head.slice(at + 1, at + 20) : "";
}

/**
 * A PNG with the checksums of its pixel data made right, or undefined where they are: Pillow does not look at them, libpng insists.
 */
export function withPixelChecksums(bytes: Uint8Array): Uint8Array | undefined {
  let repaired: Uint8Array | undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    if (view.getUint32(at + 4) === 0x49444154) {
      const checksum = crc32(bytes.subarray(at + 4, end));
      if (checksum !== view.getUint32(end)) {
        repaired ??= Uint8Array.from(bytes);
        new DataView(repaired.buffer).setUint32(end, checksum);
      }
    }
    at = end + 4;
  }
  return repaired;
}

/**
 * Whether an encoded image shows from the outside that its end is missing. Decoders report a cut and a corruption in the same words, and
 * only the former is cured by fetching the file again.
 */
export function isCutShort(format: ImageFormat, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "png":
      return !pngIsWhole(view);
    case "jpeg":
      // The marker cannot occur inside entropy-coded data; a thumbnail's, in the metadata, comes before the first scan.
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("ffd9", startOfScan(view), "hex") < 0;
    case "webp":
      return view.byteLength < 12 || view.getUint32(4, true) + 8 > view.byteLength;
    case "avif":
    case "heic":
      return !boxesAreWhole(view);
    case "tiff":
      return !tiffIsWhole(view);
    case "gif":
    case "bmp":
    default:
      // Their own decoders tell.
      return false;
  }
}

/** Walks the chunks; whole means that the walk meets IEND. */
function pngIsWhole(view: DataView): boolean {
  for (let at = 8; at + 12 <= view.byteLength;) {
    const end = at + 12 + view.getUint32(at);
    if (view.getUint32(at + 4) === 0x49454e44) return end <= view.byteLength;
    at = end;
  }
  return false;
}

/** The offset of the first SOS marker, or of the point where the walk over the segments loses its way. */
function startOfScan(view: DataView): number {
  let at = 2;
  while (at + 4 <= view.byteLength && view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda) {
    at += 2 + view.getUint16(at + 2);
  }
  return at;
}

function boxesAreWhole(view: DataView): boolean {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const size = view.getUint32(at);
    // 0: to the end of the file. 1: a 64-bit size, which no image needs.
    if (size === 0) return true;
    if (size < 8) return false;
    at += size;
  }
  return at === view.byteLength;
}

/** The directory of the first image is often at the end of the file. */
function tiffIsWhole(view: DataView): boolean {
  if (view.byteLength < 8) return false;
  const littleEndian = view.getUint8(0) === 0x49;
  // BigTIFF has its offset elsewhere, and no one meets it.
  if (view.getUint16(2, littleEndian) !== 42) return true;
  const directory = view.getUint32(4, littleEndian);
  return directory + 2 <= view.byteLength && directory + 2 + 12 * view.getUint16(directory, littleEndian) <= view.byteLength;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(HEAD_BYTES, bytes.length)).toString("latin1");
}
