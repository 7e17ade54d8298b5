/**
 * Pictures to `pixelValues` in threads of their own. Decoding is off the caller's thread anyway (libvips); resizing and normalising are
 * JavaScript and take longer than a frame, so they are done in `image-worker.ts`.
 */
import { availableParallelism } from "node:os";
import { ImageError } from "@chinese-clip/image-processor";
import {
  type ImagePreprocessor,
  type ImageProcessor,
  limitConcurrency,
  type PreprocessedImage,
  reviveImageError,
} from "@chinese-clip/pipeline";
import { WorkerHost } from "../worker/worker-host.js";
import type { ImageLimits, ImageWorkerData, PostedImage, PreprocessRequest } from "./image-messages.js";
import { type ImageInput, inputError, limitsOf } from "./load-image.js";
import { readBlobBytes } from "./read-bytes.js";

/** Options of {@link createImagePreprocessor}. */
export interface ImagePreprocessorOptions extends ImageLimits {
  /** The threads' entry file, for a program that is bundled into one file. Default: `image-worker.cjs` beside this module. */
  readonly workerUrl?: URL | undefined;
  /** Milliseconds that one image may take once its thread is at it; the thread is then ended. Default 30,000. */
  readonly maxMilliseconds?: number | undefined;
}

const DEFAULT_MAX_MILLISECONDS = 30_000;

/** libuv decodes in four threads unless told otherwise, and a picture takes longer to decode than to resize: more threads would wait for it. */
const MAX_THREADS = 4;

/**
 * How many pictures are read and decoded at once: as many as libuv has threads by default. More would only pile up decoded pixels, which
 * take ten times the memory of the files and more.
 */
const MAX_LOADS = 4;

/** Recycled buffers that wait for a picture, at most: as many as are under way while a default batch is in the model and the next is decoded. */
const MAX_SPARES = 16;

/**
 * Prepares threads for preprocessing, at most one for each core. One starts when those before it all have work, the first at the first
 * picture; they hold the process only while they have work.
 *
 * Any number of calls of `preprocess` may be under way; the threads take them in turn. Bytes and pixels are copied before the call returns, so
 * the caller's stay as they are. It rejects with an ImageError as `loadImage` and the image processor do, with a `WorkerError` when the thread
 * crashed or `dispose` was called, and with `signal.reason` when aborted.
 *
 * @param imageProcessor - Each thread makes its own from its configuration.
 * @throws RangeError for a limit below 1.
 */
export function createImagePreprocessor(
  imageProcessor: Pick<ImageProcessor, "toJSON">,
  options: ImagePreprocessorOptions = {},
): ImagePreprocessor<ImageInput> {
  const config = imageProcessor.toJSON();
  const { workerUrl, maxMilliseconds = DEFAULT_MAX_MILLISECONDS, ...limits } = options;
  if (!(maxMilliseconds >= 1)) throw new RangeError(`loadImage: expected maxMilliseconds of at least 1, got ${String(maxMilliseconds)}`);
  const { maxBytes } = limitsOf(limits);
  const threads = Math.min(availableParallelism(), MAX_THREADS);
  const loads = Math.ceil(MAX_LOADS / threads);
  const makeHost = (): WorkerHost<PreprocessRequest> =>
    new WorkerHost<PreprocessRequest>(() => workerUrl ?? new URL("./image-worker.cjs", import.meta.url), {
      name: "chinese-clip images",
      workerData: { config, limits, loads } satisfies ImageWorkerData,
      reviveError: { ImageError: reviveImageError },
    });
  const hosts = Array.from({ length: threads }, makeHost);
  // An image's time begins when a thread takes it, not while it waits for those before it.
  const inTurn = limitConcurrency(threads * loads);
  /** Ends the thread of a call that takes too long; the next image starts another. */
  const withinTime = async <T>(host: WorkerHost<PreprocessRequest>, call: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const at = hosts.indexOf(host);
        if (at >= 0) hosts[at] = makeHost();
        reject(
          new ImageError("too-large", `expected an image that is decoded within ${maxMilliseconds} ms, got one that takes longer`, {
            maxMilliseconds,
          }),
        );
        void host.dispose();
      }, maxMilliseconds);
    });
    try {
      return await Promise.race([call, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  const spares: ArrayBuffer[] = [];
  return {
    async preprocess(input, { signal } = {}) {
      signal?.throwIfAborted();
      const posted = input instanceof Blob ? await readBlobBytes(input, { maxBytes, signal }) : copyOf(input);
      const done = inTurn(async () => {
        signal?.throwIfAborted();
        const into = spares.pop();
        const request: PreprocessRequest = { type: "preprocess", image: posted, isUrl: input instanceof URL, into };
        // The first of those with the least to do, so that a later one starts only when the others are busy.
        const host = hosts.reduce((least, other) => (other.pending < least.pending ? other : least));
        const transfer = [...buffersOf(posted), ...(into === undefined ? [] : [into])];
        return withinTime(host, host.call<PreprocessedImage>(request, transfer, signal));
      });
      return signal === undefined ? done : untilAborted(done, signal);
    },
    recycle({ pixelValues: { buffer } }) {
      if (spares.length < MAX_SPARES && buffer instanceof ArrayBuffer) spares.push(buffer);
    },
    async dispose() {
      await Promise.all(hosts.map((host) => host.dispose()));
    },
  };
}

/** Rejects at once when aborted, also while the work waits for its turn. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Typed arrays are copied here, not by the structured clone: that would copy all of the buffer that they are a view of, which for a
 * `Buffer` is a pool shared with others.
 */
function copyOf(input: Exclude<ImageInput, Blob>): PostedImage {
  if (input instanceof URL) return input.href;
  if (input instanceof Uint8Array || input instanceof ArrayBuffer)
    return new Uint8Array(input instanceof ArrayBuffer ? input.slice(0) : input);
  if (typeof input !== "object" || input === null) return input;
  if (!("data" in input)) throw inputError(input);
  const { data, width, height, channels, layout } = input;
  const copied = data instanceof Uint8Array || data instanceof Uint8ClampedArray ? new Uint8Array(data) : data;
  return { data: copied, width, height, channels, layout };
}

function buffersOf(image: PostedImage): ArrayBuffer[] {
  const bytes: unknown = image instanceof Uint8Array || typeof image !== "object" || image === null ? image : image.data;
  return bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}
