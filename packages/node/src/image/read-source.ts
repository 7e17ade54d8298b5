/**
 * The bytes of an encoded image, wherever they are; in the image's thread.
 */
import { ImageError } from "@chinese-clip/image-processor";
import { fetchBytes, type FetchOptions, withoutPassword } from "./fetch-image.js";
import type { ImageSource } from "./image-source.js";
import { readFileBytes, tooLarge, unreadable } from "./read-bytes.js";

/** An encoded image. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  /** The path or URL, for error messages. */
  readonly name: string;
  /** Whether a server sent it: a message must not repeat any of it. */
  readonly isForeign: boolean;
}

/**
 * Reads an image's bytes.
 *
 * @throws {@link ImageError} with code `"unreadable"` or `"too-large"`; `signal.reason` when aborted.
 */
export async function readSource(source: ImageSource, options: FetchOptions): Promise<EncodedImage> {
  switch (source.kind) {
    case "bytes":
      return { bytes: source.bytes, name: source.name, isForeign: false };
    case "path":
      return { bytes: await readFileBytes(source.path, options), name: source.path, isForeign: false };
    case "url":
      if (/^data:/i.test(source.url))
        return { bytes: await readDataUrl(source.url, options.maxBytes), name: "data: URL", isForeign: false };
      return { bytes: await fetchBytes(new URL(source.url), options), name: withoutPassword(new URL(source.url)), isForeign: true };
  }
}

async function readDataUrl(url: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    if (bytes.length > maxBytes) throw tooLarge("data: URL", maxBytes, bytes.length);
    return bytes;
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw unreadable("data: URL", error);
  }
}
