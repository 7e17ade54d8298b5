/**
 * The first frame of a GIF, as Pillow gives it.
 *
 * libvips reads GIF too, but turns a transparent pixel black and fully transparent, where Pillow, converting to RGB, gives it the colour that
 * its index has in the palette; and it clips a frame that Pillow enlarges the canvas for. Follows Pillow's `GifImagePlugin.py` and
 * `GifDecode.c`: the canvas is filled with the transparent index, or index 0; the background colour plays no part; without a palette, or with
 * one that maps every index to itself, the image is gray.
 */

import { ImageError, type RawImage } from "@chinese-clip/image-processor";

const HAS_PALETTE = 0x80;
const IS_INTERLACED = 0x40;
const HAS_TRANSPARENCY = 0x01;

/** First row and step of the four passes of an interlaced frame. */
const PASSES: readonly (readonly [number, number])[] = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
];

interface GifFrame {
  readonly canvasWidth: number;
  readonly canvasHeight: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly isInterlaced: boolean;
  readonly transparentIndex: number | undefined;
  /** RGB triples for all 256 indices, black past the end of the file's; `undefined`: an index is its own gray. */
  readonly palette: Uint8Array | undefined;
  readonly codeBits: number;
  /** Offset of the first block of codes. */
  readonly dataOffset: number;
}

/**
 * Reads the header of a GIF's first frame.
 *
 * @param bytes - The file.
 * @param maxPixels - The maximum number of pixels.
 * @returns `decode` gives three channels, or one when the image is gray.
 * @throws {@link ImageError} with code `"truncated"`, `"invalid-image"` or `"too-large"`, as `decode` does.
 */
export function openGif(bytes: Uint8Array, maxPixels: number): { readonly memory: number; readonly decode: () => Promise<RawImage> } {
  const frame = parseFirstFrame(bytes);
  const { canvasWidth: width, canvasHeight: height } = frame;
  if (width * height > maxPixels) {
    throw new ImageError("too-large", `GIF: expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
  }
  const pixels = width * height;
  const memory = frame.width * frame.height + (isWholeCanvas(frame) ? 0 : pixels) + (frame.palette === undefined ? 0 : pixels * 3);
  return { memory, decode: async () => decode(bytes, frame) };
}

function decode(bytes: Uint8Array, frame: GifFrame): RawImage {
  const { canvasWidth: width, canvasHeight: height, palette } = frame;
  const codes = joinBlocks(bytes, frame.dataOffset);
  const total = frame.width * frame.height;
  // A code stands for less than 4096 pixels, so that data without enough codes is rejected before memory is taken.
  const most = Math.floor((codes.length * 8) / (frame.codeBits + 1)) * 4096;
  const pixels = most < total ? { indices: new Uint8Array(0), count: most } : expandCodes(codes, frame.codeBits, total);
  if (pixels.count < total) {
    throw new ImageError("truncated", `GIF: expected ${total} pixels, got data for at most ${pixels.count}`, {
      expected: total,
      actual: pixels.count,
    });
  }
  const indices = isWholeCanvas(frame) ? pixels.indices : placeRows(frame, pixels.indices);
  if (palette === undefined) return { data: indices, width, height, channels: 1 };
  const data = new Uint8Array(indices.length * 3);
  for (let i = 0, to = 0; i < indices.length; i++) {
    const from = indices[i]! * 3;
    data[to++] = palette[from]!;
    data[to++] = palette[from + 1]!;
    data[to++] = palette[from + 2]!;
  }
  return { data, width, height, channels: 3 };
}

/** Whether the frame's pixels are the canvas's, in the same order. */
function isWholeCanvas({ width, height, canvasWidth, canvasHeight, isInterlaced }: GifFrame): boolean {
  return width === canvasWidth && height === canvasHeight && !isInterlaced;
}

function parseFirstFrame(bytes: Uint8Array): GifFrame {
  const need = (end: number): void => {
    if (end > bytes.length) {
      throw new ImageError("truncated", `GIF: expected at least ${end} bytes, got a file of ${bytes.length} bytes`, {
        expected: end,
        actual: bytes.length,
      });
    }
  };
  const u8 = (at: number): number => {
    need(at + 1);
    return bytes[at]!;
  };
  const u16 = (at: number): number => u8(at) | (u8(at + 1) << 8);

  const screenFlags = u8(10);
  let at = 13;
  const readPalette = (flags: number): Uint8Array | undefined => {
    if ((flags & HAS_PALETTE) === 0) return undefined;
    const length = 3 << ((flags & 7) + 1);
    need(at + length);
    const palette = bytes.subarray(at, at + length);
    at += length;
    return palette;
  };
  let palette = readPalette(screenFlags);
  let transparentIndex: number | undefined;
  for (;;) {
    const kind = u8(at++);
    if (kind === 0x21) {
      const label = u8(at++);
      if (label === 0xf9 && u8(at) >= 4 && (u8(at + 1) & HAS_TRANSPARENCY) !== 0) transparentIndex = u8(at + 4);
      while (u8(at) !== 0) at += u8(at) + 1;
      at++;
    } else if (kind === 0x2c) {
      const [left, top, width, height] = [u16(at), u16(at + 2), u16(at + 4), u16(at + 6)];
      const flags = u8(at + 8);
      at += 9;
      palette = readPalette(flags) ?? palette;
      const codeBits = u8(at++);
      if (width === 0 || height === 0) throw invalid("a frame of at least one pixel", `${width} x ${height}`);
      if (codeBits < 1 || codeBits > 8) throw invalid("codes for 1 to 8 bits a pixel", codeBits);
      return {
        canvasWidth: Math.max(u16(6), left + width),
        canvasHeight: Math.max(u16(8), top + height),
        left,
        top,
        width,
        height,
        isInterlaced: (flags & IS_INTERLACED) !== 0,
        transparentIndex,
        palette: palette === undefined || isIdentity(palette) ? undefined : padPalette(palette),
        codeBits,
        dataOffset: at,
      };
    } else if (kind === 0x3b) {
      throw invalid("a frame", "none before the end mark");
    }
    // Anything else is skipped byte by byte, as Pillow does: some writers leave stray zeros between blocks.
  }
}

function isIdentity(palette: Uint8Array): boolean {
  return palette.every((value, i) => value === Math.floor(i / 3));
}

function padPalette(palette: Uint8Array): Uint8Array {
  const padded = new Uint8Array(3 * 256);
  padded.set(palette);
  return padded;
}

/** The frame's data without the lengths of its blocks. */
function joinBlocks(bytes: Uint8Array, offset: number): Uint8Array {
  const joined = new Uint8Array(bytes.length - offset);
  let length = 0;
  let at = offset;
  while (at < bytes.length) {
    const size = bytes[at++]!;
    if (size === 0) break;
    const block = bytes.subarray(at, at + size);
    joined.set(block, length);
    length += block.length;
    at += size;
  }
  return joined.subarray(0, length);
}

/**
 * Lempel-Ziv-Welch with codes that grow from `codeBits + 1` to 12 bits, least significant bit first.
 *
 * @param total - How many indices to expand at most; what follows is ignored.
 * @returns The indices and how many of them were set: fewer than `total` when the codes ran out or the end code came.
 */
function expandCodes(codes: Uint8Array, codeBits: number, total: number): { readonly indices: Uint8Array; readonly count: number } {
  const clearCode = 1 << codeBits;
  const endCode = clearCode + 1;
  // An entry is a string: the one of `prefix`, then `last`. Its first index and its length save a walk over the chain.
  const prefix = new Uint16Array(4096);
  const last = new Uint8Array(4096);
  const first = new Uint8Array(4096);
  const lengths = new Uint16Array(4096);
  for (let code = 0; code < clearCode; code++) {
    last[code] = code;
    first[code] = code;
    lengths[code] = 1;
  }
  const indices = new Uint8Array(total);
  let count = 0;
  let next = endCode + 1;
  let width = codeBits + 1;
  let previous = -1;
  let bits = 0;
  let held = 0;
  let at = 0;
  while (count < total) {
    while (held < width) {
      if (at === codes.length) return { indices, count };
      bits |= codes[at++]! << held;
      held += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    held -= width;
    if (code === clearCode) {
      next = endCode + 1;
      width = codeBits + 1;
      previous = -1;
      continue;
    }
    if (code === endCode) return { indices, count };
    if (code > next || (code === next && (previous < 0 || next === 4096)) || (previous < 0 && code >= clearCode)) {
      throw invalid(`a code up to ${next}`, code);
    }
    if (previous >= 0 && next < 4096) {
      prefix[next] = previous;
      first[next] = first[previous]!;
      last[next] = code === next ? first[previous]! : first[code]!;
      lengths[next] = lengths[previous]! + 1;
      next++;
      if (next === 1 << width && width < 12) width++;
    }
    // The string is written from its end; what would lie past `total` is left out.
    const length = lengths[code]!;
    let walk = code;
    for (let to = count + length - 1; to >= count; to--) {
      if (to < total) indices[to] = last[walk]!;
      walk = prefix[walk]!;
    }
    count = Math.min(total, count + length);
    previous = code;
  }
  return { indices, count };
}

/** A canvas with the frame's rows where they belong. */
function placeRows(frame: GifFrame, pixels: Uint8Array): Uint8Array {
  const { canvasWidth, canvasHeight, left, top, width, height, isInterlaced, transparentIndex = 0 } = frame;
  const canvas = new Uint8Array(canvasWidth * canvasHeight).fill(transparentIndex);
  const passes = isInterlaced ? PASSES : ([[0, 1]] as const);
  let from = 0;
  for (const [start, step] of passes) {
    for (let y = start; y < height; y += step, from += width) {
      canvas.set(pixels.subarray(from, from + width), (top + y) * canvasWidth + left);
    }
  }
  return canvas;
}

function invalid(expected: string, got: string | number): ImageError {
  return new ImageError("invalid-image", `GIF: expected ${expected}, got ${got}`);
}
