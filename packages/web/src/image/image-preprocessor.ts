/**
 * Images to `pixelValues` in a worker: browsers decode off the page's thread in any case, but resizing takes longer than a frame.
 */
import { type ImagePreprocessor, type ImageProcessor, type PreprocessedImage, reviveImageError, WorkerError } from "@chinese-clip/pipeline";
import { WorkerHost } from "../worker/worker-host.js";
import { AS_DECODED } from "./bitmap-pixels.js";
import { type ImageInput, isBitmap, readImage } from "./image-input.js";
import type { ImageLimits } from "./image-limits.js";
import { preprocessed, type PreprocessRequest } from "./image-messages.js";
import { decodePortable } from "./load-image.js";

/** How all images of a model are read. */
export interface PreprocessorOptions {
  readonly limits: ImageLimits;
  readonly autoOrient: boolean;
}

/** Prepares a worker, which starts at the first image. */
export function createWorkerPreprocessor(imageProcessor: ImageProcessor, options: PreprocessorOptions): ImagePreprocessor<ImageInput> {
  const start = (): Worker => new Worker(new URL("./image-worker.js", import.meta.url), { type: "module", name: "chinese-clip-images" });
  const config = imageProcessor.toJSON();
  const host = new WorkerHost<PreprocessRequest>(start, "image", { ImageError: reviveImageError });
  return {
    async preprocess(input, { signal } = {}) {
      const { image: read, milliseconds } = await readImage(input, options.limits, signal);
      // The caller's bitmap is copied, not moved.
      const image = isBitmap(read) && read === input ? await createImageBitmap(read, AS_DECODED) : read;
      const request: PreprocessRequest = { type: "preprocess", config, image, milliseconds, ...options };
      return host.call<PreprocessedImage>(request, isBitmap(image) ? [image] : [], signal);
    },
    dispose: async () => host.dispose(),
  };
}

/** The same in the caller's thread. */
export function createLocalPreprocessor(processor: ImageProcessor, options: PreprocessorOptions): ImagePreprocessor<ImageInput> {
  let isDisposed = false;
  return {
    async preprocess(input, { signal } = {}) {
      // As a worker does.
      if (isDisposed) throw new WorkerError("disposed", "image processor: disposed");
      const { image, milliseconds } = await readImage(input, options.limits, signal);
      const { pixelValues } = processor.preprocess(await decodePortable(image, { ...options, milliseconds, signal }, image !== input));
      return preprocessed(pixelValues);
    },
    async dispose() {
      isDisposed = true;
    },
  };
}
