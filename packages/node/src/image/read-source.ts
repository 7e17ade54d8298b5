/**
 * The bytes of an encoded image, wherever they are; in the image's thread.
 */
import { ImageError } from "@chinese-clip/image-processor";
import { fetchBytes, type FetchOptions } from "./fetch-image.js";
import { type ImageSource, sourceName } from "./image-source.js";
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
  const name = sourceName(source);
  switch (source.kind) {
    case "bytes":
      return { bytes: source.bytes, name, isForeign: false };
    case "path":
      return { bytes: await readFileBytes(source.path, options), name, isForeign: false };
    case "url":
      if (/^data:/i.test(source.url)) return { bytes: await readDataUrl(source.url, options.maxBytes), name, isForeign: false };
      return { bytes: await fetchBytes(new URL(source.url), options), name, isForeign: true };
  }
}

/**
 * The bytes of base64 without escapes or spaces, which is what programs write; undefined for any other `data:` URL. `fetch` takes ten times as long: half a
 * minute for 300 MB.
 */
function plainBase64(url: string): Uint8Array<ArrayBuffer> | undefined {
  const comma = url.indexOf(",");
  if (comma < 0 || !/;base64$/i.test(url.slice(Math.max(0, comma - 16), comma))) return undefined;
  const padding = url.endsWith("==") ? 2 : url.endsWith("=") ? 1 : 0;
  const characters = url.length - comma - 1 - padding;
  const bytes = Buffer.from(url.slice(comma + 1), "base64");
  // Buffer skips what is no base64, and is then too short.
  return bytes.length === Math.floor((3 * characters) / 4) && characters % 4 !== 1
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    : undefined;
}

async function readDataUrl(url: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const bytes = plainBase64(url) ?? new Uint8Array(await (await fetch(url)).arrayBuffer());
    if (bytes.length > maxBytes) throw tooLarge("data: URL", maxBytes, bytes.length);
    return bytes;
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw unreadable("data: URL", error);
  }
}
