/**
 * A perceptual hash: the signs of an image's 64 lowest frequencies. It follows `phash` of Python's ImageHash (a DCT of 32 x 32 gray values, compared
 * with the median), but averages the pixels of each of the 32 x 32 cells in integers, so that the same pixels have the same hash on any machine.
 */
import type { RawImage } from "@chinese-clip/image-processor";
import { turnPixels } from "./turn-pixels.js";

const CELLS = 32;
const FREQUENCIES = 8;

/** cos((2x + 1) u π / 64) by frequency `u` and cell `x`. */
const COSINES = Array.from({ length: FREQUENCIES }, (_, u) =>
  Float64Array.from({ length: CELLS }, (__, x) => Math.cos(((2 * x + 1) * u * Math.PI) / (2 * CELLS))),
);

/**
 * The hash of an image.
 *
 * @param image - interleaved, 1 or 3 channels, or 4 of which the last is ignored.
 * @param orientation - the EXIF orientation by which it is still to be turned.
 * @returns 64 bits as 16 hexadecimal digits.
 */
export function perceptualHash(image: RawImage, orientation: number): string {
  const { data } = turnPixels({ data: grayCells(image), width: CELLS, height: CELLS, channels: 1 }, orientation);
  const coefficients = lowFrequencies(data as Uint8Array);
  const ordered = Float64Array.from(coefficients).sort();
  const median = ((ordered[31] as number) + (ordered[32] as number)) / 2;
  let hash = 0n;
  for (const value of coefficients) hash = (hash << 1n) | (value > median ? 1n : 0n);
  return hash.toString(16).padStart(16, "0");
}

/** The mean gray value of each cell, an integer; a cell of a small image has one pixel at least. */
function grayCells({ data, width, height, channels }: RawImage): Uint8Array {
  const cells = new Uint8Array(CELLS * CELLS);
  const starts = Array.from({ length: CELLS }, (_, i) => Math.floor((i * width) / CELLS));
  const ends = starts.map((start, i) => Math.max(start + 1, Math.floor(((i + 1) * width) / CELLS)));
  for (let row = 0; row < CELLS; row++) {
    const top = Math.floor((row * height) / CELLS);
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / CELLS));
    const sums = new Float64Array(CELLS);
    for (let y = top; y < bottom; y++) {
      for (let cell = 0; cell < CELLS; cell++) {
        const end = (y * width + (ends[cell] as number)) * channels;
        let sum = 0;
        for (let at = (y * width + (starts[cell] as number)) * channels; at < end; at += channels) {
          sum +=
            channels < 3
              ? 1000 * (data[at] as number)
              : 299 * (data[at] as number) + 587 * (data[at + 1] as number) + 114 * (data[at + 2] as number);
        }
        sums[cell] = (sums[cell] as number) + sum;
      }
    }
    for (const [cell, sum] of sums.entries()) {
      const pixels = (bottom - top) * ((ends[cell] as number) - (starts[cell] as number));
      cells[row * CELLS + cell] = Math.round(sum / (1000 * pixels));
    }
  }
  return cells;
}

/** The DCT's coefficients of the lowest frequencies, row by row; what rounding leaves of 0 is 0. */
function lowFrequencies(cells: Uint8Array): Float64Array {
  const rows = new Float64Array(CELLS * FREQUENCIES);
  for (let y = 0; y < CELLS; y++) {
    for (const [u, cosines] of COSINES.entries()) {
      let sum = 0;
      for (let x = 0; x < CELLS; x++) sum += (cells[y * CELLS + x] as number) * (cosines[x] as number);
      rows[y * FREQUENCIES + u] = sum;
    }
  }
  const coefficients = new Float64Array(FREQUENCIES * FREQUENCIES);
  for (const [v, cosines] of COSINES.entries()) {
    for (let u = 0; u < FREQUENCIES; u++) {
      let sum = 0;
      for (let y = 0; y < CELLS; y++) sum += (rows[y * FREQUENCIES + u] as number) * (cosines[y] as number);
      coefficients[v * FREQUENCIES + u] = Math.abs(sum) < 1e-6 ? 0 : sum;
    }
  }
  return coefficients;
}
