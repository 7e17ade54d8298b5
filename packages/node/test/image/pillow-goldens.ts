import { readFileSync } from "node:fs";

/** A small file of a rarer kind, and what Pillow 12.3.0's `Image.open(f).convert("RGB")` makes of it. */
export interface PillowGolden {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** Of the RGB bytes. */
  readonly rgbSha256: string;
  /** The file. */
  readonly base64: string;
}

/**
 * Bitmaps of every depth, header and mask; GIFs with transparency, offset frames and missing palettes; PNGs of every colour type and depth,
 * with gamma, profiles and transparent colours; JPEG and TIFF in CMYK; EXIF turns.
 */
export const PILLOW_GOLDENS: readonly PillowGolden[] = JSON.parse(readFileSync(new URL("./pillow-goldens.json", import.meta.url), "utf8"));
