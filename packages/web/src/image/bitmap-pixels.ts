/**
 * A bitmap's bytes as they were decoded. A 2D canvas multiplies colours by alpha, which loses them where an image is transparent: it is exact
 * for opaque images only. The others are read through WebGL, which returns the decoded bytes.
 */
import { convertToRgb, ImageError, type RawImage } from "@chinese-clip/image-processor";

/** The decoder's bytes: no colour profile applied, colours not multiplied by alpha. */
export const AS_DECODED: ImageBitmapOptions = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/** One shared WebGL context: browsers allow only a few for each page. */
let sharedGl: WebGL2RenderingContext | null | undefined;

/**
 * The pixels of a bitmap, RGB; alpha is dropped, not blended.
 *
 * @throws ImageError - `invalid-image`: the browser gives no access to the pixels.
 */
export async function bitmapPixels(bitmap: ImageBitmap): Promise<RawImage> {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null)
    throw new ImageError("invalid-image", `loadImage: the browser gives no canvas of ${width} x ${height}`, { width, height });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const isOpaque = !hasTransparency(data);
  const exact = isOpaque ? undefined : await readByWebGl(bitmap);
  return convertToRgb({ data: exact ?? data, width, height, channels: 4 });
}

function hasTransparency(rgba: Uint8ClampedArray): boolean {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) return true;
  return false;
}

/** RGBA; undefined without WebGL: colours under transparent pixels are then the canvas's. */
async function readByWebGl(bitmap: ImageBitmap): Promise<Uint8Array | undefined> {
  if (sharedGl === undefined || sharedGl?.isContextLost() === true) sharedGl = new OffscreenCanvas(1, 1).getContext("webgl2");
  const gl = sharedGl;
  if (gl === null) return undefined;
  const { width, height } = bitmap;
  const rgba = new Uint8Array(width * height * 4);
  const limit = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
  for (let y = 0; y < height; y += limit) {
    for (let x = 0; x < width; x += limit) {
      const [w, h] = [Math.min(limit, width - x), Math.min(limit, height - y)];
      const isAll = w === width && h === height;
      const tile = isAll ? bitmap : await createImageBitmap(bitmap, x, y, w, h, AS_DECODED);
      if (!readTile(gl, tile, rgba, { x, y, width })) return undefined;
      if (!isAll) tile.close();
    }
  }
  return rgba;
}

/** Copies a tile to its place; false where WebGL fails. */
function readTile(
  gl: WebGL2RenderingContext,
  tile: ImageBitmap,
  rgba: Uint8Array,
  { x, y, width }: { readonly x: number; readonly y: number; readonly width: number },
): boolean {
  const [texture, framebuffer] = [gl.createTexture(), gl.createFramebuffer()];
  try {
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, tile);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return false;
    gl.pixelStorei(gl.PACK_ROW_LENGTH, width);
    gl.readPixels(0, 0, tile.width, tile.height, gl.RGBA, gl.UNSIGNED_BYTE, rgba, (y * width + x) * 4);
    return gl.getError() === gl.NO_ERROR;
  } finally {
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.deleteFramebuffer(framebuffer);
    gl.deleteTexture(texture);
  }
}
