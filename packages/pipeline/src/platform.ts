/**
 * What this package needs from the machine it runs on: files, inference sessions, and images as pixels. `@chinese-clip/node` and
 * `@chinese-clip/web` each are one Platform.
 */
import type { ChineseCLIPImageProcessor, ChineseCLIPImageProcessorFast, RawImage } from "@chinese-clip/image-processor";
import type { Checkpoint, CheckpointFile, GraphSession, TowerDtype, TowerGraph, TowerName } from "@chinese-clip/model";
import type { TowerFile, WeightIntegers } from "@chinese-clip/model/quantize";
import type { InferenceSession } from "onnxruntime-common";
import type { HubError } from "./hub-error.js";

/**
 * What a model is called: a folder of this machine (a path or a `file:` URL), one weights file, a hub's id such as
 * `OFA-Sys/chinese-clip-vit-base-patch16` or `modelscope:owner/name`; or several of these, the first that works being taken. Which of them
 * there are is up to the platform.
 */
export type ModelSource = string | URL | readonly (string | URL)[];

/**
 * How far a load is, with the events of transformers.js: for each file `initiate`, then, where it is fetched, `download` and any number of
 * `progress`, then `done`; `ready` once, when the model can be used.
 */
export type LoadProgress =
  | {
      /** `initiate`: the file is looked for; `download`: its bytes begin to come; `done`: it is whole and checked. */
      readonly status: "initiate" | "download" | "done";
      /** The model's source, as the caller named it. */
      readonly name: string;
      /** The file's name within the model. */
      readonly file: string;
    }
  | {
      readonly status: "progress";
      /** The model's source, as the caller named it. */
      readonly name: string;
      /** The file's name within the model. */
      readonly file: string;
      /** Percent, 0 to 100. */
      readonly progress: number;
      /** Bytes on the disk, those of an earlier, interrupted download included. */
      readonly loaded: number;
      /** Bytes of the whole file. */
      readonly total: number;
    }
  | {
      readonly status: "ready";
      /** The model's source, as the caller named it. */
      readonly name: string;
    };

/** Dtypes that a model can be loaded in. */
export type Dtype = "fp32" | TowerDtype;

/** Where to compute: one of ONNX Runtime's execution providers, of which each platform has its own. */
export type Device = "cpu" | "wasm" | "webgpu" | "cuda" | "coreml" | "dml" | (string & Record<never, never>);

/**
 * What input from strangers may cost: followed by decoders, by `loadImage` and by what is fetched. In a browser `pixels`, `encodedBytes` and
 * `milliseconds` can be set, and the others are rejected. Each is at least 1.
 */
export interface Limits {
  /** Pixels of one image. Default 178,956,970, above which Pillow raises `DecompressionBombError`. */
  readonly pixels?: number | undefined;
  /** Encoded bytes of one image. Default 256 MiB. */
  readonly encodedBytes?: number | undefined;
  /** Milliseconds until one image is read and decoded; the thread that is busy with it is then ended. Default 30,000. */
  readonly milliseconds?: number | undefined;
  /**
   * Bytes of decoded pixels in flight, in all threads of one model together. Images wait for each other; one that needs more than this is decoded
   * alone. Default 512 MB.
   */
  readonly memory?: number | undefined;
  /** Bytes of a file of a hub's model whose size the hub does not state. Default 256 MiB; weights have a size. */
  readonly fileBytes?: number | undefined;
}

/** How a model is to be loaded. All are per call; nothing is global. */
export interface PretrainedOptions {
  /**
   * Dtype of the weights. `"fp32"` (default): as they are stored, computed in float32. `"fp16"`: half the size. `"q8"`: int8, a quarter
   * of the size, and the fastest on a processor. `"q4"`: 4 bits, the smallest. Weights are converted when a tower is first used, and cached.
   */
  readonly dtype?: Dtype | undefined;
  /**
   * Where to compute. Default: `"cpu"` in Node; in a browser WebGPU where there is a GPU for it, else WebAssembly. What else there is depends on
   * the platform; one that it does not have is an error.
   */
  readonly device?: Device | undefined;
  /**
   * Threads that one operator may use. Default: in Node one for each physical core that the process may use, a container's limit counted in (on
   * Linux; elsewhere ONNX Runtime's own count of cores), in a browser ONNX Runtime's: half of the cores, at most four.
   */
  readonly numThreads?: number | undefined;
  /**
   * Whether threads spin while they wait for their part of an operator, and for some 30 ms after a run: faster, at the cost of processor time that
   * other processes could use. Default true; false suits a service with few queries. A browser rejects the option.
   */
  readonly spin?: boolean | undefined;
  /**
   * Keep the weights as pages of their file, which all processes share and the system may take back, instead of repacking them for
   * speed: about the weights' size less memory, and slower queries. Default false: Node repacks them when a tower has been busy for a second.
   */
  readonly lowMemory?: boolean | undefined;
  /**
   * The same bits whenever and in whatever process an input is embedded, on machines of one kind: in Node the weights are repacked when a tower is
   * loaded, as ONNX Runtime does, and not once it has been busy for a second, from when on the last bits of its features are others. Loading takes
   * about a second longer. What goes through the model together has to be the same as well, as `embedShard` sees to. Default false; a browser always repacks them when it loads.
   */
  readonly deterministic?: boolean | undefined;
  /**
   * Copy the weights into memory when a tower is first used, instead of mapping their file: it may then be overwritten or cut while the model answers
   * from what it has read, at the cost of the weights' size in memory, twice that while loading. Default false: a file that was written since is
   * found before each run, which throws `InferenceError` `weights-changed`, but one that is cut in the middle of a run ends the process. A browser
   * always copies.
   */
  readonly copyWeights?: boolean | undefined;
  /** Passed to ONNX Runtime as it is, on top of what the other options say. */
  readonly sessionOptions?: InferenceSession.SessionOptions | undefined;
  /** Which tokenizer's rules: what the weights were trained with (default), or Hugging Face's. */
  readonly flavor?: "cn_clip" | "transformers" | undefined;
  /** Aborts loading; the promise then rejects with the signal's reason. The next call resumes a download. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each progress event. The load rejects with an error that it throws. */
  readonly onProgress?: ((event: LoadProgress) => void) | undefined;
  /** Which weights, where a model has several: `"fp16"` for `model.fp16.safetensors`, as `save_pretrained(variant="fp16")` names them. */
  readonly variant?: string | undefined;
  /** The folder of the source that the model's files are in, such as `"checkpoint-500"`. Default: the source itself. */
  readonly subfolder?: string | undefined;
  /** Revision of a hub's model: a branch, a tag or a commit. Default: the hub's main branch. A commit that is in the cache needs no network. */
  readonly revision?: string | undefined;
  /** Folder of the hub's cache. Default: Python's, by its variables (`HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`). */
  readonly cacheDir?: string | undefined;
  /**
   * Called when converted weights cannot be cached; they then go to a temporary folder for this process. Default: a warning of the process. In a
   * browser such weights stay in memory.
   */
  readonly onCacheError?: ((error: HubError) => void) | undefined;
  /** Whether to use only the cache, with no request at all. Default: `HF_HUB_OFFLINE`. */
  readonly localFilesOnly?: boolean | undefined;
  /** A mirror to ask instead of the hub, or several, asked in order until one answers. Default: `HF_ENDPOINT`. */
  readonly endpoint?: string | readonly string[] | undefined;
  /** For private and gated models; never sent to another host than the endpoint. Default: `HF_TOKEN`, or what `hf auth login` stored. */
  readonly token?: string | undefined;
  /** What images, and files of a hub, may cost: for input from strangers. */
  readonly limits?: Limits | undefined;
  /** Turn images as their EXIF orientation says. Default false, as the reference: the published models never saw an image turned. */
  readonly autoOrient?: boolean | undefined;
  /**
   * `"exact"` (default): every pixel as the reference decodes it. `"fast"`: large JPEG and WebP images are shrunk while they are decoded, to no less
   * than twice the size that the model sees; embeddings differ slightly, so use one or the other for all images that are compared. A browser rejects
   * the option.
   */
  readonly decode?: "exact" | "fast" | undefined;
  /**
   * Fetch images also from private, loopback and link-local addresses. Default false: whoever chooses the URLs of images could otherwise reach the
   * services of the machine and its network. A browser has rules of its own, and rejects the option.
   */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** What makes the requests, for a proxy, a client certificate or a test. Default: the platform's, which follows `HTTPS_PROXY`. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/** The files of one model. */
export interface ModelFiles {
  /** What the user called the model, for messages. */
  readonly source: string;
  /** Names of the files that there are, those in folders left out; a file of a hub may be named that is not fetched yet. */
  list(): Promise<readonly string[]>;
  /** The whole of a small text file, or undefined where there is no such file. */
  readText(name: string): Promise<string | undefined>;
  /**
   * Random access to a large file, or undefined where there is no such file. Holds nothing open between reads. The returned `name` is what
   * {@link Platform.createSession} finds the file by, and need not be the one that was asked for: a hub's cache names files by their hash.
   */
  open(name: string): Promise<CheckpointFile | undefined>;
  /**
   * Called when what was read does not make a model: looks for cached files that are damaged, and removes them.
   *
   * @returns whether there were some: the model is then opened again.
   * @throws HubError - `integrity`: there are, and no request is allowed.
   */
  discardDamaged?(): Promise<boolean>;
}

/** A tower to convert to another dtype. */
export interface TowerConversion {
  /** The weights to convert, in the files of the model. */
  readonly checkpoint: Checkpoint;
  /** Which tower. */
  readonly tower: TowerName;
  /** The dtype to convert to. */
  readonly dtype: TowerDtype;
  /** The converted tower. */
  readonly file: TowerFile;
}

/** An image processor of either kind, with its configuration checked. */
export type ImageProcessor = ChineseCLIPImageProcessor | ChineseCLIPImageProcessorFast;

/** Turns images into the image tower's input, away from the caller's thread. */
export interface ImagePreprocessor<ImageInput> {
  /**
   * Decodes one image and processes it. Every platform takes a `RawImage`.
   *
   * @returns float32 `[3, H, W]`.
   * @throws ImageError - an image that cannot be read or decoded.
   */
  preprocess(
    image: ImageInput | RawImage,
    options?: { readonly signal?: AbortSignal | undefined; readonly preview?: PreviewOptions | undefined },
  ): Promise<PreprocessedImage>;
  /**
   * Reuses the memory of an image for the next one. The values must not be read afterwards. Left to the garbage collector, which knows only
   * the few bytes that stand for them, the values of hundreds of images pile up.
   */
  recycle?(image: PreprocessedImage): void;
  /** Ends the thread; idempotent. */
  dispose(): Promise<void>;
}

/** One image as the image tower takes it. */
export interface PreprocessedImage {
  /** float32, channel by channel. */
  readonly pixelValues: Float32Array;
  /** `[3, H, W]`. */
  readonly dims: readonly [number, number, number];
  /** What was asked for with {@link PreviewOptions}, where the platform makes it. */
  readonly preview?: ImagePreview | undefined;
}

/** What is made of an image beside its pixel values, while it is decoded. */
export interface PreviewOptions {
  /** A thumbnail whose longer side has at most so many pixels. */
  readonly thumbnail?: number | undefined;
  /** A perceptual hash. */
  readonly perceptualHash?: boolean | undefined;
  /** What the camera wrote. */
  readonly exif?: boolean | undefined;
}

/** What was made of an image beside its embedding. Everything is as displayed: turned as its EXIF orientation says. */
export interface ImagePreview extends ImageExif {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows of pixels. */
  readonly height: number;
  /** A WebP file. */
  readonly thumbnail?: Uint8Array;
  /** 64 bits in hexadecimal, of which images that look alike differ in few. */
  readonly perceptualHash?: string;
}

/** What a camera wrote into an image. A value that is missing, or is none, is left out. */
export interface ImageExif {
  /** How the stored pixels are turned, 1 to 8. */
  readonly orientation?: number;
  /** When it was taken, by the camera's clock: ISO 8601, with an offset where the camera recorded one. */
  readonly takenAt?: string;
  /** Make and model, such as `Canon EOS R5`. */
  readonly camera?: string;
  /** The lens's model. */
  readonly lens?: string;
  /** Degrees north, -90 to 90. */
  readonly latitude?: number;
  /** Degrees east, -180 to 180. */
  readonly longitude?: number;
}

/** A machine to run on. `ImageInput` is what it decodes: paths, URLs, bytes, ... */
export interface Platform<ImageInput> {
  /** Finds a model's files. */
  openModel(source: string | URL, options: PretrainedOptions): Promise<ModelFiles>;
  /**
   * Rejects a {@link PretrainedOptions.device} that this platform does not have, before any file is looked for.
   *
   * @throws RangeError - naming the devices that there are.
   */
  checkDevice(device: string | undefined): Promise<void>;
  /** Loads a graph whose weights lie in these files. */
  createSession(graph: TowerGraph, files: ModelFiles, options: PretrainedOptions): Promise<GraphSession>;
  /** How 8-bit weights of linear layers are to lie in a converted tower. Default: `"int8"`. */
  weightIntegers?(options: PretrainedOptions): WeightIntegers;
  /**
   * Finds a tower's converted weights in the tower cache, or converts and caches them.
   *
   * @param files - the files of the weights to convert.
   * @returns files for {@link Platform.createSession}, with one named as {@link TowerConversion.file}.
   */
  cacheTower(conversion: TowerConversion, files: ModelFiles, options: PretrainedOptions): Promise<ModelFiles>;
  /**
   * Makes what turns images into pixel values.
   *
   * @param imageProcessor - the model's; what crosses to a thread is its `toJSON()`.
   */
  createImagePreprocessor(imageProcessor: ImageProcessor, options: PretrainedOptions): ImagePreprocessor<ImageInput>;
}
