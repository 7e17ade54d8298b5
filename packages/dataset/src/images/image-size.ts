/**
 * Width and height of an encoded image from its header: PNG, JPEG, GIF, WebP and BMP. They are those of the stored pixels, before an EXIF
 * orientation is applied. Nothing is decoded.
 */

/** A size in pixels. */
export interface ImageSize {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows of pixels. */
  readonly height: number;
}

/** An encoded image's size. @returns undefined for another format, and for a header that ends early or states no size. */
export function imageSize(bytes: Uint8Array): ImageSize | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const size = sizeOf(view);
    return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // read past the end
    throw error;
  }
}

function sizeOf(view: Buffer): ImageSize | undefined {
  const start = view.toString("latin1", 0, 16);
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return { width: view.readUInt32BE(16), height: view.readUInt32BE(20) };
  if (start.startsWith("\xff\xd8\xff")) return jpegSize(view);
  if (start.startsWith("GIF8")) return { width: view.readUInt16LE(6), height: view.readUInt16LE(8) };
  if (start.startsWith("RIFF") && start.startsWith("WEBP", 8)) return webpSize(view, start.slice(12));
  // A negative height says that the first row is the top one.
  if (start.startsWith("BM")) return { width: view.readInt32LE(18), height: Math.abs(view.readInt32LE(22)) };
  return undefined;
}

/** Segments up to the frame header: SOF0 to SOF15, but for DHT, JPG and DAC, which have numbers among these. */
function jpegSize(view: Buffer): ImageSize | undefined {
  for (let at = 2; view.readUInt8(at) === 0xff;) {
    const marker = view.readUInt8(at + 1);
    if (marker === 0xff) at += 1; // a byte of padding
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { width: view.readUInt16BE(at + 7), height: view.readUInt16BE(at + 5) };
    } else if (marker === 0xd9 || marker === 0xda) return undefined;
    else at += 2 + (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8) ? 0 : view.readUInt16BE(at + 2));
  }
  return undefined;
}

function webpSize(view: Buffer, chunk: string): ImageSize | undefined {
  if (chunk === "VP8 ") return { width: view.readUInt16LE(26) & 0x3fff, height: view.readUInt16LE(28) & 0x3fff };
  if (chunk === "VP8X") return { width: view.readUIntLE(24, 3) + 1, height: view.readUIntLE(27, 3) + 1 };
  if (chunk !== "VP8L") return undefined;
  const bits = view.readUInt32LE(21);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}
