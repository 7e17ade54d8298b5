/**
 * From bytes to the floats that the model reads. A byte has 256 values, so the float arithmetic is done once per value and channel, in
 * exactly the order and precision of the reference, and pixels are looked up. The zero padding of a crop is a zero byte like any other.
 */
import type { ResizeLibrary } from "./bicubic-coefficients.js";
import { ImageError } from "./image-error.js";
import type { ImageProcessorConfig } from "./image-processor-config.js";

/** [3, 256] float32: what each byte of R, G and B becomes. */
export type PixelTable = Float32Array;

/**
 * With `pillow`, NumPy's arithmetic (`image_transforms.py`): byte times factor in float64, rounded to float32, then subtracted and divided
 * in float32. With `torch`, `_fuse_mean_std_and_rescale_factor` (`image_processing_backends.py`): mean and std are multiplied by 1/factor
 * in float32 and the byte itself is normalised.
 * @throws ImageError `invalid-config` if a value of the table would not be finite.
 */
export function pixelTable(config: ImageProcessorConfig, library: ResizeLibrary): PixelTable {
  const { rescaleFactor, imageMean, imageStd } = config;
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    const toValue = pixelValue(config, library, channel);
    for (let byte = 0; byte < 256; byte++) table[channel * 256 + byte] = toValue(byte);
  }
  if (!table.every(Number.isFinite)) {
    throw new ImageError("invalid-config", "pixelTable: expected rescale_factor, image_mean and image_std to keep pixels within float32", {
      rescaleFactor,
      imageMean,
      imageStd,
    });
  }
  return table;
}

/** What a sample of a channel, a byte or a float, becomes: the arithmetic of {@link pixelTable}. */
function pixelValue(config: ImageProcessorConfig, library: ResizeLibrary, channel: number): (sample: number) => number {
  const { doRescale, rescaleFactor, doNormalize, imageMean, imageStd } = config;
  const { fround } = Math;
  const fused = library === "torch" && doRescale && doNormalize;
  const unit = fused ? fround(1 / rescaleFactor) : 1;
  const factor = library === "torch" ? fround(rescaleFactor) : rescaleFactor;
  const mean = fround(fround(imageMean[channel]!) * unit);
  const std = fround(fround(imageStd[channel]!) * unit);
  return (sample) => {
    const value = doRescale && !fused ? fround(sample * factor) : sample;
    return doNormalize ? fround(fround(value - mean) / std) : value;
  };
}

/** Where an image's pixels go in its [3, height, width] planes. */
export interface Placement {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
}

/** Which part of an interleaved float image goes where; the rest of the planes becomes what a zero becomes. */
export interface FloatWindow {
  readonly source: { readonly data: Float32Array; readonly width: number; readonly stride: number };
  readonly window: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** {@link writePlanes} for floats, which no table holds. */
export function writeFloatPlanes(
  { source, window }: FloatWindow,
  config: ImageProcessorConfig,
  library: ResizeLibrary,
  planes: Float32Array,
  offset: number,
  { height, width, top, left }: Placement,
): void {
  const plane = height * width;
  for (let channel = 0; channel < 3; channel++) {
    const toValue = pixelValue(config, library, channel);
    const start = offset + channel * plane;
    planes.fill(toValue(0), start, start + plane);
    for (let row = 0; row < window.height; row++) {
      let from = ((window.top + row) * source.width + window.left) * source.stride + (source.stride >= 3 ? channel : 0);
      let to = start + (top + row) * width + left;
      for (let column = 0; column < window.width; column++, from += source.stride) planes[to++] = toValue(source.data[from]!);
    }
  }
}

/**
 * Writes `pixels` ([rows, columns, channels], 1 or 3 channels; one is repeated) into the planes [3, height, width] at `offset` of `planes`.
 * What the pixels do not cover becomes what a zero byte becomes.
 */
export function writePlanes(
  pixels: Uint8Array,
  { rows, columns, channels }: { rows: number; columns: number; channels: number },
  table: PixelTable,
  planes: Float32Array,
  offset: number,
  { height, width, top, left }: Placement,
): void {
  const plane = height * width;
  const covered = rows === height && columns === width;
  for (let channel = 0; channel < 3; channel++) {
    const start = offset + channel * plane;
    const values = table.subarray(channel * 256, channel * 256 + 256);
    if (!covered) planes.fill(values[0]!, start, start + plane);
    let from = channels === 3 ? channel : 0;
    for (let row = 0; row < rows; row++) {
      let to = start + (top + row) * width + left;
      for (let column = 0; column < columns; column++, from += channels) planes[to++] = values[pixels[from]!]!;
    }
  }
}
