/** Pixels turned as an EXIF orientation says (1 to 8). */
import type { RawImage } from "@chinese-clip/image-processor";

/** Whether width and height are exchanged. */
export function isSideways(orientation: number): boolean {
  return orientation >= 5;
}

/** The image as it is to be seen; interleaved. The same image for orientation 1. */
export function turnPixels({ data, width, height, channels }: RawImage, orientation: number): RawImage {
  if (orientation <= 1 || orientation > 8) return { data, width, height, channels };
  const [outWidth, outHeight] = isSideways(orientation) ? [height, width] : [width, height];
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const from = sourceOf(x, y, width, height, orientation) * channels;
      for (let c = 0; c < channels; c++) turned[to++] = data[from + c] as number;
    }
  }
  return { data: turned, width: outWidth, height: outHeight, channels };
}

/** The stored pixel that is seen at a place. */
function sourceOf(x: number, y: number, width: number, height: number, orientation: number): number {
  switch (orientation) {
    case 2:
      return y * width + width - 1 - x;
    case 3:
      return (height - 1 - y) * width + width - 1 - x;
    case 4:
      return (height - 1 - y) * width + x;
    case 5:
      return x * width + y;
    case 6:
      return (height - 1 - x) * width + y;
    case 7:
      return (height - 1 - x) * width + width - 1 - y;
    default:
      return x * width + width - 1 - y;
  }
}
