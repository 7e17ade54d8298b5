/**
 * From an image's size to the size it is resized to and the part of that which a crop leaves. Follows transformers' `image_transforms.py`
 * (`get_resize_output_image_size`, `get_size_with_aspect_ratio`, `center_crop`), `image_utils.py`
 * (`get_image_size_for_max_height_width`) and, for the fast class, `TorchvisionBackend.center_crop` (`image_processing_backends.py`), whose
 * odd pixel of padding goes to the other side.
 */
import type { ResizeLibrary } from "./bicubic-coefficients.js";
import type { ImageProcessorConfig, PixelSize, ResizeSize } from "./image-processor-config.js";

/** Python's `round`: halves go to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** The size in proportion whose shorter edge is `shortest`, unless its longer edge would exceed `longest`. Order of operations as there. */
function withinEdges({ height, width }: PixelSize, shortest: number, longest: number): PixelSize {
  const short = Math.min(height, width);
  const long = Math.max(height, width);
  let size = shortest;
  let exact = shortest;
  if ((long / short) * shortest > longest) {
    exact = (longest * short) / long;
    size = roundHalfEven(exact);
  }
  if (short === size) return { height, width };
  return width < height
    ? { width: size, height: Math.trunc((exact * height) / width) }
    : { height: size, width: Math.trunc((exact * width) / height) };
}

/** The size of the resized image. A very long and thin image may come out with a side of 0: the caller checks. */
export function outputSize(image: PixelSize, size: ResizeSize): PixelSize {
  if ("height" in size) return size;
  const { height, width } = image;
  if ("maxHeight" in size) {
    const scale = Math.min(size.maxHeight / height, size.maxWidth / width);
    return { height: Math.trunc(height * scale), width: Math.trunc(width * scale) };
  }
  const { shortestEdge: short, longestEdge: longest } = size;
  if (longest !== undefined) return withinEdges(image, short, longest);
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { height: short, width: Math.trunc((short * width) / height) };
}

/** The size that a processor resizes an image to, before it crops: the image's own where it does not resize. */
export function resizedSize(image: PixelSize, { doResize, size }: Pick<ImageProcessorConfig, "doResize" | "size">): PixelSize {
  return doResize ? outputSize(image, size) : image;
}

/** Along one axis: the inputs that a crop leaves start at `from`, there are `count`, and they go to `at` of the result; the rest is padding. */
export interface AxisCrop {
  readonly from: number;
  readonly count: number;
  readonly at: number;
}

/** The middle `crop` of an axis of `size`, or, where that is too short, the axis in the middle of `crop`. */
export function centerCropAxis(size: number, crop: number, library: ResizeLibrary): AxisCrop {
  if (crop <= size) return { from: Math.floor((size - crop) / 2), count: crop, at: 0 };
  const missing = (crop - size) / 2;
  return { from: 0, count: size, at: library === "torch" ? Math.floor(missing) : Math.ceil(missing) };
}
