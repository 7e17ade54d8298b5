/** What the file of an image says of it beside its pixels. */

/** What an image's file says of it. */
export interface ImageHeader {
  /** Size of the stored pixels; undefined where it is that of the decoded ones. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** EXIF orientation that the decoder does not apply; 1 where there is none. */
  readonly orientation: number;
  /** The EXIF block. */
  readonly exif: Uint8Array | undefined;
}

/** The header of an image that comes as pixels, or whose format has none. */
export const NO_HEADER: ImageHeader = { size: undefined, orientation: 1, exif: undefined };
