/** What crosses between the page and the worker that decodes images. */
import type { PreprocessedImage } from "@chinese-clip/pipeline";
import type { PortableImage } from "./image-input.js";
import type { ImageLimits } from "./image-limits.js";

/** The one request. */
export interface PreprocessRequest {
  readonly type: "preprocess";
  /** The parsed `preprocessor_config.json`. */
  readonly config: unknown;
  readonly image: PortableImage;
  readonly limits: ImageLimits;
  /** Milliseconds of the limit that reading the image has left. */
  readonly milliseconds: number;
  readonly autoOrient: boolean;
}

/** An image's tensor `[1, 3, H, W]` as it crosses threads. */
export function preprocessed({ data, dims }: { readonly data: unknown; readonly dims: readonly number[] }): PreprocessedImage {
  const [, channels = 0, height = 0, width = 0] = dims;
  return { pixelValues: data as Float32Array, dims: [channels, height, width] };
}
