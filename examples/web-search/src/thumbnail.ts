/**
 * Previews: small enough to keep thousands of them, large enough to look at.
 */

/** Pixels of the longer side. */
const LONGEST = 400;

/** An image's preview, turned as the camera was held. @throws DOMException - the browser cannot decode the file. */
export async function createThumbnail(file: Blob): Promise<Blob> {
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
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
  } finally {
    bitmap.close();
  }
}
