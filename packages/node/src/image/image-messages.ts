/**
 * What the image worker is asked, in values that survive the way into a thread.
 */
import type { RawImage } from "@chinese-clip/image-processor";
import type { LoadImageOptions } from "./load-image.js";

/** How every picture of a worker is loaded. */
export type ImageLimits = Omit<LoadImageOptions, "signal">;

/** Given to the thread when it starts. */
export interface ImageWorkerData {
  /** The parsed preprocessor_config.json. */
  readonly config: unknown;
  readonly limits: ImageLimits;
  /** How many pictures this thread reads and decodes at once. */
  readonly loads: number;
}

/** A picture as it is sent: a path or URL, an encoded file, or pixels. */
export type PostedImage = string | Uint8Array | RawImage;

/** The one request. */
export interface PreprocessRequest {
  readonly type: "preprocess";
  readonly image: PostedImage;
  /** Whether `image` is a URL's text; a path may look like one. */
  readonly isUrl: boolean;
  /** Memory for the values, if it is of their size. */
  readonly into: ArrayBuffer | undefined;
}
