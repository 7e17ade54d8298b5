/**
 * How far two small images are apart, pixel by pixel: the check of images that a perceptual hash of brightness takes for one, such as a red and a
 * blue car of the same outline.
 */

/** An image's bytes, row by row, channels together. */
export interface Pixels {
  /** `height * width * channels` values, 0 to 255. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Pixels of a row. */
  readonly width: number;
  /** Rows of pixels. */
  readonly height: number;
  /** 1 or 2 for grey, 3 or 4 for colour; with 2 and 4 the last one is opacity, over white. */
  readonly channels: number;
}

/** Cells of a side that are compared: fewer hide a changed detail, more show the rounding of another size. */
const GRID = 16;

/**
 * The largest difference of one image's cells at two sizes, compressions or file formats. Of 600 pairs of a drawing and the same one recompressed,
 * resized or turned by EXIF the most was 19; of 190 pairs of drawings of the same things at another place or in another colour the least was 69.
 */
export const SAME_PIXELS = 32;

/** Images whose cells are in memory, 6 kB each. */
const CACHED = 1024;

/**
 * The check `sameImage` of `findDuplicates`, by pixels.
 *
 * @param pixelsOf - an image's pixels, at any size from about 64 on, such as those of its thumbnail; undefined where there are none, which is
 * never the same image.
 * @param most - the largest difference of one image.
 */
export function sameByPixels<Meta>(
  pixelsOf: (meta: Meta) => Promise<Pixels | undefined>,
  most: number = SAME_PIXELS,
): (kept: Meta, other: Meta) => Promise<boolean> {
  const cached = new Map<Meta, Float64Array | undefined>();
  const read = async (meta: Meta): Promise<Float64Array | undefined> => {
    if (cached.has(meta)) return cached.get(meta);
    const pixels = await pixelsOf(meta);
    const cells = pixels === undefined ? undefined : cellsOf(pixels);
    for (const oldest of cached.size < CACHED ? [] : [...cached.keys()].slice(0, CACHED / 4)) cached.delete(oldest);
    cached.set(meta, cells);
    return cells;
  };
  return async (kept, other) => {
    const [a, b] = [await read(kept), await read(other)];
    return a !== undefined && b !== undefined && difference(a, b) <= most;
  };
}

/**
 * The largest difference of a cell's colour, when each image is averaged to 16 x 16 cells.
 *
 * @returns 0 to 255, the maximum over cells and channels.
 * @throws RangeError - an image without pixels, or with other bytes than its size says.
 */
export function pixelDifference(a: Pixels, b: Pixels): number {
  return difference(cellsOf(a), cellsOf(b));
}

function difference(a: Float64Array, b: Float64Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
}

/** Mean colours of the cells, float64 `[GRID, GRID, 3]`; a pixel counts to each cell by the area that it shares with it. */
function cellsOf(image: Pixels): Float64Array {
  const { data, width, height, channels } = image;
  if (!(width >= 1 && height >= 1 && channels >= 1 && channels <= 4 && data.length === width * height * channels)) {
    throw new RangeError(`pixelDifference: expected ${width} x ${height} x ${channels} bytes, got ${data.length}`);
  }
  const [columns, rows] = [sharesOf(width), sharesOf(height)];
  const cells = new Float64Array(GRID * GRID * 3);
  const hasOpacity = channels % 2 === 0;
  for (const { pixel: y, cell: row, share: down } of rows) {
    for (const { pixel: x, cell: column, share: across } of columns) {
      const at = (y * width + x) * channels;
      const opacity = hasOpacity ? (data[at + channels - 1] as number) / 255 : 1;
      for (let channel = 0; channel < 3; channel++) {
        const value = data[at + (channels < 3 ? 0 : channel)] as number;
        const target = (row * GRID + column) * 3 + channel;
        cells[target] = (cells[target] as number) + down * across * (opacity * value + (1 - opacity) * 255);
      }
    }
  }
  return cells;
}

/** How much of each cell of a side each pixel is; the shares of a cell add up to 1. */
function sharesOf(size: number): { readonly pixel: number; readonly cell: number; readonly share: number }[] {
  return Array.from({ length: GRID }, (_, cell) => {
    const [from, to] = [(cell * size) / GRID, ((cell + 1) * size) / GRID];
    const first = Math.floor(from);
    return Array.from({ length: Math.min(size, Math.ceil(to)) - first }, (__, i) => {
      const pixel = first + i;
      return { pixel, cell, share: ((Math.min(to, pixel + 1) - Math.max(from, pixel)) * GRID) / size };
    });
  }).flat();
}
