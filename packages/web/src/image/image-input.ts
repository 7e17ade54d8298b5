/**
 * What a page may give as an image, brought into a form that crosses to a worker. Kinds are told by their tags: what an iframe made is no instance
 * of this page's classes, and workers and older browsers lack some of them.
 */
import { ImageError, type RawImage } from "@chinese-clip/image-processor";
import { limitConcurrency } from "@chinese-clip/pipeline";
import { AS_DECODED } from "./bitmap-pixels.js";
import { untilAborted, withDeadline } from "./deadline.js";
import { fetchImage } from "./fetch-image.js";
import type { ImageLimits } from "./image-limits.js";

/** What {@link loadImage} takes. A string is an address; bytes and a Blob hold an encoded file. */
export type ImageInput =
  | string
  | URL
  | Blob
  | Uint8Array<ArrayBuffer>
  | ArrayBuffer
  | RawImage
  | ImageBitmap
  | ImageData
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | VideoFrame;

/** An image in a form that can be sent to a worker. */
export type PortableImage = Blob | RawImage | ImageBitmap;

/** An image that was read, and the milliseconds that are left to decode it. */
export interface ReadImage {
  readonly image: PortableImage;
  readonly milliseconds: number;
}

/** Addresses fetched at once. The others' deadlines begin when their turn comes: a list of images shares one line. */
const MAX_FETCHES = 4;

const inTurn = limitConcurrency(MAX_FETCHES);

/** Reads the inputs that only the page's own thread can read. @throws as {@link loadImage} does. */
export async function readImage(input: ImageInput, limits: ImageLimits, signal: AbortSignal | undefined): Promise<ReadImage> {
  const { maxMilliseconds } = limits;
  const read = async (): Promise<ReadImage> => {
    const begun = performance.now();
    const image = await withDeadline({ milliseconds: maxMilliseconds, maxMilliseconds }, signal, (ended) =>
      toPortable(input, limits.maxBytes, ended),
    );
    return { image, milliseconds: maxMilliseconds - (performance.now() - begun) };
  };
  return typeof input === "string" || tagOf(input) === "URL" ? untilAborted(inTurn(read), signal) : read();
}

/** Whether an image is an encoded file, whichever realm made it. */
export function isBlob(image: unknown): image is Blob {
  const tag = tagOf(image);
  return tag === "Blob" || tag === "File";
}

/** Whether an image is a bitmap, whichever realm made it. */
export function isBitmap(image: unknown): image is ImageBitmap {
  return tagOf(image) === "ImageBitmap";
}

async function toPortable(input: ImageInput, maxBytes: number, signal: AbortSignal): Promise<PortableImage> {
  if (typeof input === "string") return fetchImage(input, maxBytes, signal);
  if (isBlob(input) || isBitmap(input)) return input;
  switch (tagOf(input)) {
    case "URL":
      return fetchImage((input as URL).href, maxBytes, signal);
    case "Uint8Array":
    case "ArrayBuffer":
      return new Blob([input as ArrayBuffer]);
    case "ImageData": {
      const { data, width, height } = input as ImageData;
      return { data, width, height, channels: 4 };
    }
    case "HTMLImageElement":
      return imageElement(input as HTMLImageElement, maxBytes, signal);
    case "HTMLCanvasElement":
    case "HTMLVideoElement":
    case "OffscreenCanvas":
    case "VideoFrame":
      return bitmapOf(input as HTMLCanvasElement);
    default:
      if (typeof input === "object" && input !== null && "data" in input && "channels" in input) return input;
      throw inputError(input);
  }
}

/** The file of an `<img>`, for its exact pixels; where the page may not read it, the pixels that the page shows. */
async function imageElement(image: HTMLImageElement, maxBytes: number, signal: AbortSignal): Promise<PortableImage> {
  await image.decode().catch(() => undefined);
  try {
    if (image.currentSrc !== "") return await fetchImage(image.currentSrc, maxBytes, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ImageError && error.code === "too-large") throw error;
  }
  return bitmapOf(image);
}

async function bitmapOf(source: HTMLCanvasElement | HTMLImageElement): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(source, AS_DECODED);
  } catch (cause) {
    throw new ImageError("unreadable", "expected an image that the page may read, and that has been loaded", {}, { cause });
  }
}

/** The error for a value that is no image; a stream or a response is told what to give instead. */
function inputError(input: unknown): TypeError {
  const isBody = typeof input === "object" && input !== null && ("body" in input || "getReader" in input);
  const cure = isBody ? "; give its bytes: await response.blob(), or await new Response(stream).blob()" : "";
  return new TypeError(
    `loadImage: expected an address, a Blob, bytes, a RawImage, an ImageBitmap, ImageData, <img>, <canvas>, <video> or a VideoFrame, got ${describe(input)}${cure}`,
  );
}

/** The class of a platform's object by its tag, which every realm has. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? `an object of class ${value.constructor?.name ?? "null"}` : typeof value;
}
