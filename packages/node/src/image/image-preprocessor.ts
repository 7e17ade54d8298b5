/**
 * Images to `pixelValues` in threads of their own: a model's `ImagePreprocessor` on Node.
 */
import type { RawImage } from "@chinese-clip/image-processor";
import type { ImagePreprocessor, ImageProcessor } from "@chinese-clip/pipeline";
import { imageLimits } from "./image-limits.js";
import { copyOfBytes, type ImageInput, isRawImage, sourceOf } from "./image-source.js";
import { ImageThreads } from "./image-threads.js";

/** Options of {@link createImagePreprocessor}; the limits are those of `image-limits.ts`. */
export interface ImagePreprocessorOptions {
  /** The threads' entry file, for a program that is bundled into one file. Default: `image-worker.cjs` beside this module. */
  readonly workerUrl?: URL | undefined;
  readonly autoOrient?: boolean | undefined;
  readonly decode?: "exact" | "fast" | undefined;
  readonly allowPrivateAddresses?: boolean | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxPixels?: number | undefined;
  readonly maxMilliseconds?: number | undefined;
  readonly maxMemory?: number | undefined;
}

/** Recycled buffers that wait for an image, at most: as many as are under way while a default batch is in the model and the next is decoded. */
const MAX_SPARES = 16;

/**
 * Prepares threads for preprocessing; they start when there is work, and hold the process only while they have some.
 *
 * Any number of calls of `preprocess` may be under way; the threads take them in turn. Bytes and pixels are copied before the call returns, so
 * the caller's stay as they are. It rejects with an ImageError as `loadImage` and the image processor do, with a `WorkerError` when the thread
 * crashed or `dispose` was called, and with `signal.reason` when aborted.
 *
 * @param imageProcessor - Each thread makes its own from its configuration.
 * @throws RangeError for a limit below 1 or a way to decode that there is not.
 */
export function createImagePreprocessor(
  imageProcessor: Pick<ImageProcessor, "toJSON">,
  options: ImagePreprocessorOptions = {},
): ImagePreprocessor<ImageInput> {
  const { workerUrl, autoOrient = false, decode = "exact", allowPrivateAddresses = false, ...given } = options;
  if (decode !== "exact" && decode !== "fast") throw new RangeError(`expected decode "exact" or "fast", got ${JSON.stringify(decode)}`);
  const limits = imageLimits(given);
  const threads = new ImageThreads({ workerUrl, config: imageProcessor.toJSON() });
  const spares: ArrayBuffer[] = [];
  return {
    async preprocess(input, { signal, preview } = {}) {
      signal?.throwIfAborted();
      const source = isRawImage(input) ? copyOf(input) : sourceOf(input, { maxBytes: limits.maxBytes, signal });
      const opened = "then" in source ? await source : source;
      return threads.preprocess(opened, () => spares.pop(), { autoOrient, decode, allowPrivateAddresses, limits, signal }, preview);
    },
    recycle({ pixelValues: { buffer } }) {
      if (spares.length < MAX_SPARES && buffer instanceof ArrayBuffer) spares.push(buffer);
    },
    dispose: () => threads.dispose(),
  };
}

/** The pixels are copied here, not by the structured clone, which would copy all of the buffer that they are a view of. */
function copyOf({ data, width, height, channels, layout }: RawImage): RawImage {
  const copied = data instanceof Uint8Array || data instanceof Uint8ClampedArray ? copyOfBytes(data) : data;
  return { data: copied, width, height, channels, layout };
}
