/** What an index stores of an image beside its embedding, from the same decoded pixels: a thumbnail, a perceptual hash, and what the camera wrote. */
import { convertToRgb, type RawImage } from "@chinese-clip/image-processor";
import type { ImagePreview, PreviewOptions } from "@chinese-clip/pipeline";
import { parseExif } from "./exif.js";
import type { ImageHeader } from "./image-header.js";
import { perceptualHash } from "./perceptual-hash.js";
import { isSideways, turnPixels } from "./turn-pixels.js";

/** libwebp's quality for thumbnails. */
const QUALITY = 80;

/**
 * Makes a preview. What fails of it is left out: the image itself has been decoded.
 *
 * @param image - the decoded pixels, which may be of a smaller size than the file's.
 */
export async function makePreview(image: RawImage, header: ImageHeader, options: PreviewOptions): Promise<ImagePreview> {
  const { orientation } = header;
  const stored = header.size ?? image;
  const [width, height] = isSideways(orientation) ? [stored.height, stored.width] : [stored.width, stored.height];
  const pixels = image.layout === "chw" || image.channels === 2 || image.channels === 4 ? convertToRgb(image) : image;
  const exif = options.exif === true && header.exif !== undefined ? parseExif(header.exif) : {};
  const hash = options.perceptualHash === true ? { perceptualHash: perceptualHash(pixels, orientation) } : {};
  const thumbnail =
    options.thumbnail === undefined ? undefined : await makeThumbnail(pixels, orientation, options.thumbnail).catch(() => undefined);
  return { width, height, ...exif, ...hash, ...(thumbnail === undefined ? {} : { thumbnail }) };
}

/** A WebP file; resized before it is turned, since fewer pixels are to be moved then. */
async function makeThumbnail({ data, ...raw }: RawImage, orientation: number, size: number): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const resized = await sharp(data, { raw, limitInputPixels: false })
    .resize({ width: size, height: size, fit: "inside", withoutEnlargement: true })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = resized.info;
  const turned = turnPixels({ data: resized.data, width, height, channels }, orientation);
  const webp = await sharp(turned.data, { raw: { width: turned.width, height: turned.height, channels } })
    .webp({ quality: QUALITY })
    .toBuffer();
  return Uint8Array.from(webp); // its buffer is moved to the caller's thread
}
