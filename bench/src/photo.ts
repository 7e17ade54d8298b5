/**
 * Images whose statistics are those of photos: every octave of detail has an amplitude that falls with its frequency.
 */
import sharp, { type Sharp } from "sharp";

/** Octaves of detail, from features of half the image to single pixels. */
const OCTAVES = 10;
/** How fast amplitudes fall from one octave to the next finer one. */
const FALL = 1.3;

/** A seeded image of `width` x `height` pixels, RGB. */
export async function photo(width: number, height: number, seed: number): Promise<Sharp> {
  let state = seed >>> 0;
  const sums = new Float32Array(width * height * 3);
  for (let octave = 1; octave <= OCTAVES; octave++) {
    const [columns, rows] = [width, height].map((side) => Math.max(2, Math.ceil(side / 2 ** (OCTAVES - octave)))) as [number, number];
    const noise = new Uint8Array(columns * rows * 3);
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      noise[i] = state >>> 24;
    }
    const values = await sharp(noise, { raw: { width: columns, height: rows, channels: 3 } })
      .resize(width, height, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
    const amplitude = octave ** -FALL;
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + ((values[i] ?? 0) - 128) * amplitude;
  }
  const pixels = new Uint8ClampedArray(sums.length);
  for (let i = 0; i < sums.length; i++) pixels[i] = 128 + 0.8 * (sums[i] ?? 0);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}
