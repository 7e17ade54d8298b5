/** Augmentation of images, as cn_clip's training has it: torchvision's `RandomResizedCrop(scale=(0.9, 1))` and a mirror image half of the time. */
import { countedRandom } from "./counted-random.js";

const [SMALLEST, LARGEST] = [0.9, 1];
const [NARROWEST, WIDEST] = [3 / 4, 4 / 3];
const ATTEMPTS = 10;

/** Pixels in rows, as image processors take them. */
export interface Pixels {
  /** `[height, width, channels]` bytes. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
}

/** A part of an image, in pixels. */
export interface Crop {
  /** Columns to the left of it. */
  readonly left: number;
  /** Rows above it. */
  readonly top: number;
  /** Its columns. */
  readonly width: number;
  /** Its rows. */
  readonly height: number;
}

/** A part of the image and whether it is mirrored, cut out. @param integers - what it follows from: the seed, the step, the pair. */
export function augmented(image: Pixels, ...integers: readonly number[]): Pixels {
  return cutOut(image, randomCrop(image.width, image.height, integers), countedRandom(...integers, 1) < 0.5);
}

/** A random part of 90% to 100% of the area, with sides in a ratio from 3:4 to 4:3; where none fits, the largest one in the middle. */
export function randomCrop(width: number, height: number, integers: readonly number[]): Crop {
  const random = (attempt: number, which: number): number => countedRandom(...integers, 2 + attempt, which);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height * (SMALLEST + (LARGEST - SMALLEST) * random(attempt, 0));
    const ratio = Math.exp(Math.log(NARROWEST) + (Math.log(WIDEST) - Math.log(NARROWEST)) * random(attempt, 1));
    const [w, h] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))];
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const [left, top] = [Math.floor(random(attempt, 2) * (width - w + 1)), Math.floor(random(attempt, 3) * (height - h + 1))];
    return { left, top, width: w, height: h };
  }
  const w = width / height > WIDEST ? Math.round(height * WIDEST) : width;
  const h = width / height < NARROWEST ? Math.round(width / NARROWEST) : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

/** The pixels of a part. @param isMirrored - left and right exchanged. */
export function cutOut({ data, width, channels }: Pixels, crop: Crop, isMirrored: boolean): Pixels {
  const cut = new Uint8Array(crop.width * crop.height * channels);
  for (let y = 0; y < crop.height; y++) {
    const from = ((crop.top + y) * width + crop.left) * channels;
    const to = y * crop.width * channels;
    cut.set(data.subarray(from, from + crop.width * channels), to);
    if (isMirrored) mirrorRow(cut.subarray(to, to + crop.width * channels), channels);
  }
  return { data: cut, width: crop.width, height: crop.height, channels };
}

function mirrorRow(row: Uint8Array, channels: number): void {
  for (let [left, right] = [0, row.length - channels]; left < right; left += channels, right -= channels) {
    for (let c = 0; c < channels; c++) [row[left + c], row[right + c]] = [row[right + c] ?? 0, row[left + c] ?? 0];
  }
}
