/**
 * Images to `pixelValues` in a worker: browsers decode off the page's thread in any case, but resizing takes longer than a frame.
 */
import { type ImagePreprocessor, type ImageProcessor, type PreprocessedImage, reviveImageError } from "@chinese-clip/pipeline";
import { WorkerHost } from "../worker/worker-host.js";
import { preprocessed, type PreprocessRequest } from "./image-messages.js";
import { decodePortable, type ImageInput, toPortable } from "./load-image.js";

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
