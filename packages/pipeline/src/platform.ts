/**
 * What this package asks of the machine it runs on: files, inference sessions, and images as pixels. `@chinese-clip/node` and
 * `@chinese-clip/web` each are one Platform.
 */
import type { CheckpointFile, EncodedGraph, GraphSession } from "@chinese-clip/model";
import type { InferenceSession } from "onnxruntime-common";

/** How a model is to be loaded. All are per call; nothing is global. */
export interface PretrainedOptions {
  /** Number format to compute in. Default, and so far the only one: `"fp32"`. */
  readonly dtype?: "fp32" | undefined;
  /** Where to compute. Default, and so far the only one: `"cpu"`. */
  readonly device?: "cpu" | undefined;
  /** Threads that one operator may use. Default: ONNX Runtime's, one for each physical core. */
  readonly numThreads?: number | undefined;
  /** Passed to ONNX Runtime as it is, on top of what the other options say. */
  readonly sessionOptions?: InferenceSession.SessionOptions | undefined;
  /** Which tokenizer's rules: what the weights were trained with (default), or Hugging Face's. */
  readonly flavor?: "cn_clip" | "transformers" | undefined;
  /** Ends the loading early; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The files of one model. */
export interface ModelFiles {
  /** What the user called the model, for messages. */
  readonly source: string;
  /** The whole of a small text file, or undefined where there is no such file. */
  readText(name: string): Promise<string | undefined>;
  /** Random access to a large file, or undefined where there is no such file. Holds nothing open between reads. */
  open(name: string): Promise<CheckpointFile | undefined>;
}

/** Turns pictures into the image tower's input, away from the caller's thread. */
export interface ImagePreprocessor<ImageInput> {
  /**
   * Decodes one picture and processes it.
   *
   * @returns float32 `[3, H, W]`.
   * @throws ImageError - a picture that cannot be read or decoded.
   */
  preprocess(image: ImageInput, options?: { readonly signal?: AbortSignal | undefined }): Promise<PreprocessedImage>;
  /** Ends the thread; idempotent. */
  dispose(): Promise<void>;
}

/** One picture as the image tower takes it. */
export interface PreprocessedImage {
  /** float32, channel by channel. */
  readonly pixelValues: Float32Array;
  /** `[3, H, W]`. */
  readonly dims: readonly [number, number, number];
}

/** A machine to run on. `ImageInput` is what it can make a picture of: paths, URLs, bytes, ... */
export interface Platform<ImageInput> {
  /** Finds a model's files. */
  openModel(source: string | URL, options: PretrainedOptions): Promise<ModelFiles>;
  /** Loads a graph whose weights lie in these files. */
  createSession(graph: EncodedGraph, files: ModelFiles, options: PretrainedOptions): Promise<GraphSession>;
  /**
   * Makes what turns pictures into pixel values.
   *
   * @param config - the parsed `preprocessor_config.json`.
   */
  createImagePreprocessor(config: unknown): ImagePreprocessor<ImageInput>;
}
