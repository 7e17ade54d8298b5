/**
 * Images to `pixelValues` in a worker: browsers decode off the page's thread in any case, but resizing takes longer than a frame.
 */
import { type ImagePreprocessor, type ImageProcessor, type PreprocessedImage, reviveImageError } from "@chinese-clip/pipeline";
import { WorkerHost } from "../worker/worker-host.js";
import { decodePortable, type ImageInput, type PortableImage, toPortable } from "./load-image.js";

/** The one request. */
export interface PreprocessRequest {
  readonly type: "preprocess";
  /** The parsed `preprocessor_config.json`. */
  readonly config: unknown;
  readonly image: PortableImage;
}

/** Prepares a worker, which starts at the first image. */
export function createWorkerPreprocessor(imageProcessor: ImageProcessor): ImagePreprocessor<ImageInput> {
  const start = (): Worker => new Worker(new URL("./image-worker.js", import.meta.url), { type: "module", name: "chinese-clip-images" });
  const config = imageProcessor.toJSON();
  const host = new WorkerHost<PreprocessRequest>(start, "image", { ImageError: reviveImageError });
  return {
    async preprocess(input, { signal } = {}) {
      const portable = await toPortable(input, { signal });
      // The caller's bitmap is copied, not moved.
      const isBitmap = portable instanceof ImageBitmap;
      const image =
        isBitmap && portable === input
          ? await createImageBitmap(portable, { colorSpaceConversion: "none", premultiplyAlpha: "none" })
          : portable;
      return host.call<PreprocessedImage>({ type: "preprocess", config, image }, isBitmap ? [image as ImageBitmap] : [], signal);
    },
    dispose: async () => host.dispose(),
  };
}

/** The same in the caller's thread. */
export function createLocalPreprocessor(processor: ImageProcessor): ImagePreprocessor<ImageInput> {
  return {
    async preprocess(input, { signal } = {}) {
      const portable = await toPortable(input, { signal });
      const { pixelValues } = processor.preprocess(await decodePortable(portable, { signal }, portable !== input));
      return preprocessed(pixelValues);
    },
    dispose: async () => undefined,
  };
}

/** An image's tensor `[1, 3, H, W]` as it crosses threads. */
export function preprocessed({ data, dims }: { readonly data: unknown; readonly dims: readonly number[] }): PreprocessedImage {
  const [, channels = 0, height = 0, width = 0] = dims;
  return { pixelValues: data as Float32Array, dims: [channels, height, width] };
}
