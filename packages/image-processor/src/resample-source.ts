/** What a resize reads and what it is to compute: shared by its scalar and its SIMD form. */

/** What to compute: a window of the image that `width` x `height` would be. */
export interface ResampleTarget {
  /** Size of the whole resized image. */
  readonly width: number;
  /** Size of the whole resized image. */
  readonly height: number;
  /** The window's first column and row in it, and its size. */
  readonly window: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** The pixels to read: `data` holds [height, width, stride] bytes, of which the first `channels` of each pixel are resized. */
export interface ResampleSource {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly channels: number;
}

/** Writes columns `left .. left + width` of a source row to `into[at ..)`, without the channels that are not wanted. */
export function copyRow(source: ResampleSource, y: number, left: number, width: number, into: Uint8Array, at: number): void {
  const { data, stride, channels } = source;
  let from = (y * source.width + left) * stride;
  if (stride === channels) {
    into.set(data.subarray(from, from + width * stride), at);
    return;
  }
  for (let x = 0; x < width; x++, from += stride) for (let c = 0; c < channels; c++) into[at++] = data[from + c]!;
}
