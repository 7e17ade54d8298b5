/**
 * A reader of the PNGs among the fixtures (not interlaced), for tests only: RGB as Pillow's `Image.open(f).convert("RGB")` gives it. The
 * sha256 in the manifest says whether it read right.
 */
import { inflateSync } from "node:zlib";

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const pa = Math.abs(p - a);
  const pb = Math.abs(p - b);
  const pc = Math.abs(p - c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** What a row's filter adds to a byte; a, b and c are the bytes on the left, above, and above on the left. */
function predict(filter: number, a: number, b: number, c: number): number {
  switch (filter) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return (a + b) >> 1;
    case 4:
      return paeth(a, b, c);
    default:
      return 0;
  }
}

export function readPng(file: Uint8Array): { data: Uint8Array; width: number; height: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, type, interlace] = [file[24]!, file[25]!, file[28]!];
  if (interlace !== 0) throw new Error("interlaced PNG");
  const idat: Uint8Array[] = [];
  let palette = new Uint8Array();
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = file.subarray(at + 8, at + 8 + length);
    if (name === "IDAT") idat.push(body);
    if (name === "PLTE") palette = new Uint8Array(body);
    at += 12 + length;
  }
  const channels = CHANNELS[type]!;
  const bytesPerPixel = Math.max(1, (channels * depth) >> 3);
  const rowBytes = (width * channels * depth + 7) >> 3;
  const raw = inflateSync(Buffer.concat(idat));
  const rows = new Uint8Array(height * rowBytes);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (rowBytes + 1)]!;
    for (let x = 0; x < rowBytes; x++) {
      const a = x < bytesPerPixel ? 0 : rows[y * rowBytes + x - bytesPerPixel]!;
      const b = y === 0 ? 0 : rows[(y - 1) * rowBytes + x]!;
      const c = y === 0 || x < bytesPerPixel ? 0 : rows[(y - 1) * rowBytes + x - bytesPerPixel]!;
      const predicted = predict(filter, a, b, c);
      rows[y * rowBytes + x] = raw[y * (rowBytes + 1) + 1 + x]! + predicted;
    }
  }
  const sample = (y: number, i: number): number => {
    const row = y * rowBytes;
    // Pillow clips the 16 bits of `I;16` to a byte; it does not scale them.
    if (depth === 16) return rows[row + 2 * i]! > 0 ? 255 : rows[row + 2 * i + 1]!;
    if (depth === 8) return rows[row + i]!;
    const bits = (rows[row + ((i * depth) >> 3)]! >> (8 - depth - ((i * depth) & 7))) & ((1 << depth) - 1);
    return type === 3 ? bits : Math.floor((bits * 255) / ((1 << depth) - 1));
  };
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const value = sample(y, x * channels + (channels >= 3 ? c : 0));
        data[to++] = type === 3 ? palette[value * 3 + c]! : value;
      }
    }
  }
  return { data, width, height };
}
