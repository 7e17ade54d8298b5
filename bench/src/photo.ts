/**
 * Images whose statistics are those of photos: every octave of detail has an amplitude that falls with its frequency.
 */
import sharp, { type Sharp } from "sharp";
import { uniform } from "./inputs.js";

/** Octaves of detail, from features of half the image to single pixels. */
const OCTAVES = 10;
/** How fast amplitudes fall from one octave to the next finer one. */
const FALL = 1.3;

/** A seeded image of `width` x `height` pixels, RGB. */
export async function photo(width: number, height: number, seed: number): Promise<Sharp> {
  const random = uniform(seed);
  const sums = new Float32Array(width * height * 3);
  for (let octave = 1; octave <= OCTAVES; octave++) {
    const [columns, rows] = [width, height].map((side) => Math.max(2, Math.ceil(side / 2 ** (OCTAVES - octave)))) as [number, number];
    const noise = Uint8Array.from({ length: columns * rows * 3 }, () => random.next().value * 256);
    const values = await sharp(noise, { raw: { width: columns, height: rows, channels: 3 } })
      .resize(width, height, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
    const amplitude = octave ** -FALL;
    for (const [i, value] of values.entries()) sums[i] = (sums[i] ?? 0) + (value - 128) * amplitude;
  }
  const pixels = Uint8ClampedArray.from(sums, (value) => 128 + 0.8 * value);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}
