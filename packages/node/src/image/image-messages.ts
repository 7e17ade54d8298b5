/**
 * What an image thread is asked, in values that survive the way into a thread. It has one image at a time: `open` reads it and its header, then
 * `decode` or `preprocess` finishes it.
 */
import type { RawImage } from "@chinese-clip/image-processor";
import type { PreviewOptions } from "@chinese-clip/pipeline";
import type { ImageSource } from "./image-source.js";

/** Given to the thread when it starts. */
export interface ImageWorkerData {
  /** The parsed preprocessor_config.json; undefined: the thread only decodes. */
  readonly config: unknown;
}

/** How an image is opened. */
export interface OpenOptions {
  readonly autoOrient: boolean;
  readonly decode: "exact" | "fast";
  readonly allowPrivateAddresses: boolean;
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly maxMilliseconds: number;
}

/** Reads an encoded image and its header; answers with the bytes of memory that its pixels need. */
export interface OpenRequest {
  readonly type: "open";
  readonly source: ImageSource;
  readonly options: OpenOptions;
  /** Memory for the pixel values, if it is of their size. */
  readonly into: ArrayBuffer | undefined;
}

/** Does nothing; the answer says that the thread has started. */
export interface StartRequest {
  readonly type: "start";
}

/** Stops reading the image that is being opened. */
export interface CancelRequest {
  readonly type: "cancel";
}

/** Decodes the image that is open; answers with a `RawImage`. */
export interface DecodeRequest {
  readonly type: "decode";
}

/** Decodes the image that is open, or takes one that is decoded, and answers with a `PreprocessedImage`. */
export interface PreprocessRequest {
  readonly type: "preprocess";
  readonly image: RawImage | undefined;
  /** As in {@link OpenRequest}; of an image that is decoded. */
  readonly into: ArrayBuffer | undefined;
  /** What is made beside the pixel values. */
  readonly preview: PreviewOptions | undefined;
}

/** All requests. */
export type ImageRequest = StartRequest | OpenRequest | CancelRequest | DecodeRequest | PreprocessRequest;
