/**
 * Windows bitmaps, which libvips does not read.
 *
 * Follows Pillow's `BmpImagePlugin.py` in what a pixel comes out as: 5- and 6-bit channels scale by `v * 255 / max`, rounded down; the fourth
 * byte of an uncompressed 32-bit pixel is no alpha; alpha, where masks name it, is dropped. Departs from it where Pillow loses pixels: a run of
 * an odd number of 4-bit pixels keeps its last one, an empty run-length coded line is a line, and pixels that a finished run-length stream
 * skipped have colour 0 (Pillow rejects the file). No library was taken: those on npm allocate what the header says before they look at
 * the data, and scale 16-bit pixels in another way.
 */

import { ImageError, type RawImage } from "@chinese-clip/image-processor";

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;

/** Sizes of the information header: OS/2 1, Windows 3, its two extensions, OS/2 2, versions 4 and 5. */
const HEADER_SIZES: readonly number[] = [12, 40, 52, 56, 64, 108, 124];

const DEPTHS: readonly number[] = [1, 4, 8, 16, 24, 32];

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** Rows from the top; the usual order is from the bottom. */
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** RGB triples, as many as the file declares, at most 256; empty above 8 bits. */
  readonly palette: Uint8Array;
  /** The masks of red, green and blue; only for 16 and 32 bits. */
  readonly masks: readonly [number, number, number];
  readonly dataOffset: number;
}

/**
 * Reads the header of a bitmap of 1, 4, 8 (plain or run-length coded), 16, 24 or 32 bits.
 *
 * @param bytes - The file.
 * @param maxPixels - The maximum number of pixels.
 * @returns `decode` gives three channels, each pixel written once.
 * @throws {@link ImageError} with code `"truncated"`, `"invalid-image"` or `"too-large"`, as `decode` does.
 */
export function openBmp(bytes: Uint8Array, maxPixels: number): { readonly memory: number; readonly decode: () => Promise<RawImage> } {
  const header = parseHeader(bytes);
  const { width, height, bits, compression } = header;
  if (width * height > maxPixels) {
    throw new ImageError("too-large", `BMP: expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
  }
  const isRunLength = compression === RLE8 || compression === RLE4;
  // Run-length data may be any shorter than the image; plain data may not, and this comes before the allocation.
  // Some writers leave out the padding of the last row.
  const needed = isRunLength ? 1 : rowBytes(header) * (height - 1) + Math.ceil((width * bits) / 8);
  if (header.dataOffset + needed > bytes.length) {
    throw new ImageError(
      "truncated",
      `BMP: expected ${needed} bytes of pixels at ${header.dataOffset}, got a file of ${bytes.length} bytes`,
      { expected: header.dataOffset + needed, actual: bytes.length },
    );
  }
  return { memory: width * height * 3, decode: async () => decode(bytes, header) };
}

function decode(bytes: Uint8Array, header: BmpHeader): RawImage {
  const { width, height, bits, compression } = header;
  const data = new Uint8Array(width * height * 3);
  if (compression === RLE8 || compression === RLE4) readRuns(bytes, header, data);
  else if (bits <= 8) readIndices(bytes, header, data);
  else if (bits === 24) readTriples(bytes, header, data);
  else readMasked(bytes, header, data);
  return { data, width, height, channels: 3 };
}

function parseHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (end: number): void => {
    if (end > bytes.length) {
      throw new ImageError("truncated", `BMP: expected a header of ${end} bytes, got a file of ${bytes.length} bytes`, {
        expected: end,
        actual: bytes.length,
      });
    }
  };
  need(18);
  const headerSize = view.getUint32(14, true);
  if (!HEADER_SIZES.includes(headerSize)) throw invalid("a known header size", headerSize);
  need(14 + headerSize);

  const isCore = headerSize === 12;
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  if (width < 1 || height < 1) throw invalid("a width and height of at least 1", `${width} x ${signedHeight}`);
  const bits = view.getUint16(isCore ? 24 : 28, true);
  if (!DEPTHS.includes(bits)) throw invalid("1, 4, 8, 16, 24 or 32 bits a pixel", bits);
  const compression = isCore ? RGB : view.getUint32(30, true);
  const fits =
    compression === RGB ||
    (compression === RLE8 && bits === 8) ||
    (compression === RLE4 && bits === 4) ||
    (compression === BITFIELDS && (bits === 16 || bits === 32 || bits === 24) && headerSize !== 64);
  if (!fits) throw invalid("a known compression for this depth", `${compression} at ${bits} bits`);

  let at = 14 + headerSize;
  let masks: BmpHeader["masks"] = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  if (compression === BITFIELDS) {
    // The smallest header is followed by the masks, the larger ones hold them: at the same place.
    need(66);
    const given = [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true)] as const;
    if (headerSize === 40) at += 12;
    if (given.some((mask) => mask !== 0)) masks = given;
    if (bits === 24 && (masks[0] !== 0xff0000 || masks[1] !== 0xff00 || masks[2] !== 0xff))
      throw invalid("24-bit masks in the usual order", masks.join());
    if (!masks.every(isContiguous)) throw invalid("contiguous colour masks", masks.map((mask) => mask.toString(16)).join());
  }

  const entryBytes = isCore ? 3 : 4;
  const declared = isCore || bits > 8 ? 0 : view.getUint32(46, true);
  const colors = bits > 8 ? 0 : declared === 0 ? 2 ** bits : declared;
  if (colors > 65536) throw invalid("at most 65536 colours", colors);
  const used = Math.min(colors, 256);
  need(at + used * entryBytes);
  // Indices past the end of the palette are black, as in Pillow.
  const palette = new Uint8Array(bits > 8 ? 0 : 3 * 256);
  for (let i = 0; i < used; i++) {
    for (let c = 0; c < 3; c++) palette[i * 3 + c] = bytes[at + i * entryBytes + 2 - c]!;
  }
  // Some writers forget the palette when they say where the pixels begin.
  const stated = view.getUint32(10, true);
  const dataOffset = stated === 0 || (stated === 14 + headerSize && bits <= 8) ? at + colors * entryBytes : stated;
  return { width, height, topDown: signedHeight < 0, bits, compression, palette, masks, dataOffset };
}

/** Rows are padded to four bytes. */
function rowBytes({ width, bits }: BmpHeader): number {
  return Math.ceil((width * bits) / 32) * 4;
}

/** The offset in `data` of the file's row `y`. */
function rowStart({ width, height, topDown }: BmpHeader, y: number): number {
  return (topDown ? y : height - 1 - y) * width * 3;
}

function readIndices(bytes: Uint8Array, header: BmpHeader, data: Uint8Array): void {
  const { width, height, bits, palette, dataOffset } = header;
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  for (let y = 0; y < height; y++) {
    const row = dataOffset + y * rowBytes(header);
    let to = rowStart(header, y);
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits - (x % perByte) * bits;
      const index = (bytes[row + Math.floor(x / perByte)]! >> shift) & mask;
      data[to++] = palette[index * 3]!;
      data[to++] = palette[index * 3 + 1]!;
      data[to++] = palette[index * 3 + 2]!;
    }
  }
}

function readTriples(bytes: Uint8Array, header: BmpHeader, data: Uint8Array): void {
  const { width, height, dataOffset } = header;
  for (let y = 0; y < height; y++) {
    let from = dataOffset + y * rowBytes(header);
    let to = rowStart(header, y);
    for (let x = 0; x < width; x++, from += 3) {
      data[to++] = bytes[from + 2]!;
      data[to++] = bytes[from + 1]!;
      data[to++] = bytes[from]!;
    }
  }
}

function readMasked(bytes: Uint8Array, header: BmpHeader, data: Uint8Array): void {
  const { width, height, bits, masks, dataOffset } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bits / 8;
  const shifts = masks.map((mask) => (mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)));
  const largest = masks.map((mask, c) => mask >>> shifts[c]!);
  for (let y = 0; y < height; y++) {
    let from = dataOffset + y * rowBytes(header);
    let to = rowStart(header, y);
    for (let x = 0; x < width; x++, from += size) {
      const pixel = bits === 16 ? view.getUint16(from, true) : view.getUint32(from, true);
      for (let c = 0; c < 3; c++) {
        const max = largest[c]!;
        data[to++] = max === 0 ? 0 : Math.floor((((pixel & masks[c]!) >>> shifts[c]!) * 255) / max);
      }
    }
  }
}

function nibble(byte: number, i: number): number {
  return i % 2 === 0 ? byte >> 4 : byte & 15;
}

/** Runs of `count, index` and escapes `0, code`: end of line (0), end of bitmap (1), a move (2), or `code` indices as they are. */
function readRuns(bytes: Uint8Array, header: BmpHeader, data: Uint8Array): void {
  const { width, height, compression, palette, dataOffset } = header;
  const isNibbles = compression === RLE4;
  // What no run sets has colour 0.
  fillPixels(data, palette);
  let at = dataOffset;
  let x = 0;
  let y = 0;
  /** Sets the next `count` pixels; those past the end of the row cost nothing. */
  const put = (count: number, indexOf: (i: number) => number): void => {
    const shown = Math.min(count, width - x);
    for (let i = 0, to = rowStart(header, y) + x * 3; i < shown; i++, to += 3) {
      const from = indexOf(i) * 3;
      data[to] = palette[from]!;
      data[to + 1] = palette[from + 1]!;
      data[to + 2] = palette[from + 2]!;
    }
    x += count;
  };
  while (y < height) {
    if (at + 2 > bytes.length) break;
    const count = bytes[at]!;
    const code = bytes[at + 1]!;
    at += 2;
    if (count > 0) {
      put(count, isNibbles ? (i) => nibble(code, i) : () => code);
    } else if (code === 0) {
      x = 0;
      y++;
    } else if (code === 1) {
      return;
    } else if (code === 2) {
      if (at + 2 > bytes.length) break;
      x += bytes[at]!;
      y += bytes[at + 1]!;
      at += 2;
    } else {
      const length = isNibbles ? Math.ceil(code / 2) : code;
      if (at + length > bytes.length) break;
      const start = at;
      put(code, isNibbles ? (i) => nibble(bytes[start + (i >> 1)]!, i) : (i) => bytes[start + i]!);
      at += length + (length % 2);
    }
    // The last line may go without the marks that end it.
    if (y === height - 1 && x >= width) return;
  }
  if (y < height) {
    throw new ImageError("truncated", `BMP: expected run-length data for ${height} rows, got its end in row ${y}`, {
      expected: height,
      actual: y,
    });
  }
}

/** Repeats the first pixel of the palette, by copies that double. */
function fillPixels(data: Uint8Array, palette: Uint8Array): void {
  data.set(palette.subarray(0, 3));
  for (let done = 3; done < data.length; done *= 2) data.copyWithin(done, 0, done);
}

function isContiguous(mask: number): boolean {
  const low = mask === 0 ? 0 : mask >>> (31 - Math.clz32(mask & -mask));
  return (low & (low + 1)) === 0;
}

function invalid(expected: string, got: string | number): ImageError {
  return new ImageError("invalid-image", `BMP: expected ${expected}, got ${got}`);
}
