/**
 * Threads that read, decode and preprocess images, each with one image at a time: a thread that is ended at an image's deadline takes no other
 * image with it. Decoded pixels in flight are counted over all of them; a header says how many there will be before they are decoded.
 */
import { ImageError, type RawImage } from "@chinese-clip/image-processor";
import { limitConcurrency, onAbort, type PreprocessedImage, type PreviewOptions, reviveImageError } from "@chinese-clip/pipeline";
import { WorkerHost } from "../worker/worker-host.js";
import type { ImageLimits } from "./image-limits.js";
import type { ImageRequest, ImageWorkerData } from "./image-messages.js";
import { type ImageSource, sourceName } from "./image-source.js";
import { MemoryBudget } from "./memory-budget.js";

/** Options of {@link ImageThreads}. */
export interface ImageThreadsOptions {
  /** The threads' entry file, for a program that is bundled into one file. Default: `image-worker.cjs` beside this module. */
  readonly workerUrl?: URL | undefined;
  /** The parsed preprocessor_config.json, if images are to be preprocessed. */
  readonly config?: unknown;
  /** Milliseconds after which threads without work are ended; they start again. Default: they stay. */
  readonly idleMilliseconds?: number | undefined;
}

/** How one image is loaded. */
export interface ThreadImageOptions {
  readonly autoOrient: boolean;
  /** Whether JPEG and WebP may be shrunk while they are decoded; only images that are preprocessed have a size to shrink to. */
  readonly decode: "exact" | "fast";
  readonly allowPrivateAddresses: boolean;
  readonly limits: ImageLimits;
  readonly signal: AbortSignal | undefined;
}

/** A place for a thread. */
interface Lane {
  host: WorkerHost<ImageRequest>;
  isStarted: boolean;
  /** What errors call the image that it has. */
  image: string;
}

/**
 * As many as libuv has threads by default, which do most of the decoding: more images at once would only pile up decoded pixels, which take ten
 * times the memory of the files and more.
 */
const MAX_THREADS = 4;

/** A pool of image threads; one starts when those before it all have work, the first at the first image. */
export class ImageThreads {
  readonly #options: ImageThreadsOptions;
  /** The lane that was busy last is at the end, and goes first. */
  readonly #idle: Lane[];
  readonly #inTurn: <T>(work: () => Promise<T>) => Promise<T> = limitConcurrency(MAX_THREADS);
  readonly #memory: MemoryBudget = new MemoryBudget();
  /** Threads on their way out. */
  readonly #ending: Set<Promise<void>> = new Set();
  readonly #lanes: readonly Lane[];
  #idleTimer: NodeJS.Timeout | undefined;
  #isDisposed: boolean = false;

  constructor(options: ImageThreadsOptions = {}) {
    this.#options = options;
    this.#lanes = Array.from({ length: MAX_THREADS }, () => ({ host: this.#makeHost(), isStarted: false, image: "" }));
    this.#idle = [...this.#lanes].reverse();
  }

  /**
   * Decodes an image.
   *
   * @throws ImageError, `signal.reason`; WorkerError when the thread crashed or the pool was disposed.
   */
  decode(source: ImageSource, options: ThreadImageOptions): Promise<RawImage> {
    return this.#run(source, options, (lane) =>
      this.#opened(lane, source, undefined, options, (milliseconds) =>
        this.#call<RawImage>(lane, { type: "decode" }, milliseconds, options),
      ),
    );
  }

  /**
   * Decodes an image, unless it is decoded, and preprocesses it. Errors as {@link ImageThreads.decode}.
   *
   * @param takeMemory - gives memory for the values, which is moved to the thread.
   * @param preview - what is made beside the values.
   */
  preprocess(
    image: ImageSource | RawImage,
    takeMemory: () => ArrayBuffer | undefined,
    options: ThreadImageOptions,
    preview?: PreviewOptions,
  ): Promise<PreprocessedImage> {
    const finish = (
      lane: Lane,
      decoded: RawImage | undefined,
      into: ArrayBuffer | undefined,
      milliseconds: number,
    ): Promise<PreprocessedImage> => this.#call(lane, { type: "preprocess", image: decoded, into, preview }, milliseconds, options);
    return this.#run(image, options, (lane) =>
      "kind" in image
        ? this.#opened(lane, image, takeMemory(), options, (milliseconds) => finish(lane, undefined, undefined, milliseconds))
        : finish(lane, image, takeMemory(), options.limits.maxMilliseconds),
    );
  }

  /** Ends the threads and rejects what is pending; idempotent. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    clearTimeout(this.#idleTimer);
    await Promise.all([...this.#lanes.map(({ host }) => host.dispose()), ...this.#ending]);
  }

  async #run<T>(image: ImageSource | RawImage, { signal }: ThreadImageOptions, work: (lane: Lane) => Promise<T>): Promise<T> {
    const done = this.#inTurn(async () => {
      signal?.throwIfAborted();
      clearTimeout(this.#idleTimer);
      const lane = this.#idle.pop();
      if (lane === undefined) throw new Error("ImageThreads: expected as many lanes as turns");
      try {
        // An image's time begins when its thread can take it.
        if (!lane.isStarted) await lane.host.call({ type: "start" });
        lane.isStarted = true;
        lane.image = "kind" in image ? sourceName(image) : "RawImage";
        return await work(lane);
      } finally {
        this.#idle.push(lane);
        if (this.#idle.length === MAX_THREADS) this.#awaitWork();
      }
    });
    // An image that was aborted keeps its thread and its memory until the thread is done with it.
    return signal === undefined ? done : untilAborted(done, signal);
  }

  /** Reads an image and its header, waits for the memory that it needs, and finishes it in the time that is left. */
  async #opened<T>(
    lane: Lane,
    source: ImageSource,
    into: ArrayBuffer | undefined,
    options: ThreadImageOptions,
    finish: (milliseconds: number) => Promise<T>,
  ): Promise<T> {
    const { autoOrient, decode, allowPrivateAddresses, limits, signal } = options;
    const { maxBytes, maxPixels, maxMilliseconds, maxMemory } = limits;
    const start = performance.now();
    const { host } = lane;
    const stopListening = onAbort(signal, () => void host.call({ type: "cancel" }).catch(() => undefined));
    let bytes: number;
    try {
      const opening = { autoOrient, decode, allowPrivateAddresses, maxBytes, maxPixels, maxMilliseconds };
      const request: ImageRequest = { type: "open", source, options: opening, into };
      bytes = await this.#call<number>(lane, request, maxMilliseconds, options);
    } finally {
      stopListening();
    }
    const left = Math.max(1, maxMilliseconds - (performance.now() - start));
    // Waiting is not the image's own time.
    const release = await this.#memory.acquire(bytes, maxMemory);
    const { host: busy } = lane;
    try {
      signal?.throwIfAborted();
      return await finish(left);
    } finally {
      // A large image's memory would stay until the thread's garbage is collected, which may be long after; an ended thread has none.
      if (bytes > maxMemory / MAX_THREADS && lane.host === busy) this.#end(lane);
      if (lane.host === busy) release();
      else void Promise.allSettled(this.#ending).then(release);
    }
  }

  /** Calls a lane's thread; ends it when the call takes too long, and the next image starts another. */
  async #call<T>(lane: Lane, request: ImageRequest, milliseconds: number, { limits }: ThreadImageOptions): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const { maxMilliseconds } = limits;
        const message = `${lane.image}: expected an image that is read and decoded within ${maxMilliseconds} ms, got one that takes longer`;
        reject(new ImageError("too-large", message, { maxMilliseconds, source: lane.image }));
        this.#end(lane);
      }, milliseconds);
    });
    try {
      return await Promise.race([lane.host.call<T>(request, transferOf(request)), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Puts another thread, which is not started yet, in a lane. */
  #end(lane: Lane): void {
    const ended = lane.host.dispose();
    lane.host = this.#makeHost();
    lane.isStarted = false;
    this.#ending.add(ended);
    void ended.finally(() => this.#ending.delete(ended));
  }

  #makeHost(): WorkerHost<ImageRequest> {
    const host = new WorkerHost<ImageRequest>(() => this.#options.workerUrl ?? new URL("./image-worker.cjs", import.meta.url), {
      name: "chinese-clip images",
      workerData: { config: this.#options.config } satisfies ImageWorkerData,
      reviveError: { ImageError: reviveImageError },
    });
    if (this.#isDisposed) void host.dispose();
    return host;
  }

  #awaitWork(): void {
    const { idleMilliseconds } = this.#options;
    if (idleMilliseconds === undefined || this.#isDisposed) return;
    this.#idleTimer = setTimeout(() => this.#lanes.forEach((lane) => lane.isStarted && this.#end(lane)), idleMilliseconds).unref();
  }
}

/** Rejects at once when aborted, also while the work waits for its turn. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stopListening: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stopListening = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stopListening?.();
  }
}

/** What is moved to the thread: the copies that were made for it. */
function transferOf(request: ImageRequest): ArrayBuffer[] {
  if (request.type !== "open" && request.type !== "preprocess") return [];
  const bytes: unknown = request.type === "preprocess" ? request.image?.data : request.source.kind === "bytes" && request.source.bytes;
  const copied = bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
  return [...copied, ...(request.into === undefined ? [] : [request.into])];
}
