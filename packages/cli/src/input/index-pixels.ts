/** The last check of images of an index that seem to be the same, by their pixels: one rule for `dedupe` and for what `serve` answers. */
import { join } from "node:path";
import type { ImageIndex, ImageMeta } from "@chinese-clip/dataset";
import { loadImage } from "@chinese-clip/node";
import { type Pixels, sameByPixels } from "@chinese-clip/search";

/** Whether two images of an index are the same, as `sameImage` of `findDuplicates`. */
export function sameByIndexPixels(index: ImageIndex): (first: ImageMeta, second: ImageMeta) => Promise<boolean> {
  return sameByPixels((meta) => pixelsOf(index, meta));
}

/** An image's pixels, small: its thumbnail's, else its file's. */
async function pixelsOf(index: ImageIndex, meta: ImageMeta): Promise<Pixels | undefined> {
  const thumbnail = await index.thumbnail(meta);
  const sources = thumbnail === undefined ? index.folders.map((folder) => join(folder, meta.path)) : [thumbnail];
  for (const source of sources) {
    const image = await loadImage(source, { autoOrient: index.settings.orientation }).catch(() => undefined);
    if (image !== undefined) return image;
  }
  return undefined;
}
