/**
 * Previews: small enough to store thousands of them, large enough to look at.
 */

/** Pixels of the longer side. */
const LONGEST = 400;

/** A preview, and the size of the image that it is of, both turned as the camera was held. */
export interface Thumbnail {
  readonly blob: Blob;
  readonly width: number;
  readonly height: number;
}

/** An image's preview. @throws DOMException - the browser cannot decode the file. */
export async function createThumbnail(file: Blob): Promise<Thumbnail> {
  const bitmap = await createImageBitmap(file);
  try {
    const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    if (context === null) throw new DOMException("no 2d canvas", "NotSupportedError");
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    // As WebP it would be a little smaller, and take Chromium ten times as long.
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    return { blob, width: bitmap.width, height: bitmap.height };
  } finally {
    bitmap.close();
  }
}
