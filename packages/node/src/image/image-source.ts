/**
 * What a caller may give as an image, told apart without reading any of it.
 */
import type { RawImage } from "@chinese-clip/image-processor";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { shownAddress } from "@chinese-clip/pipeline";
import { readBlobBytes, tooLarge } from "./read-bytes.js";

/**
 * What `loadImage` takes. A string is a path, unless it begins with `http://`, `https://`, `file://` or `data:`; bytes and a Blob hold an
 * encoded file.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | RawImage;

/** An encoded image as it is sent to a thread. */
export type ImageSource =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer>; readonly name: "bytes" | "Blob" }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string };

/** What errors call an image. */
export function sourceName(source: ImageSource): string {
  if (source.kind === "bytes") return source.name;
  if (source.kind === "path") return source.path;
  return /^data:/i.test(source.url) ? "data: URL" : shownAddress(new URL(source.url));
}

/** Longer than any path of an operating system. */
const MAX_PATH = 32_767;

/** What says of itself that it is a URL. A file may be called `http:cat.jpg`, and a lone letter before a colon is a drive on Windows. */
const SCHEME = /^(?:data:|[a-z][a-z0-9+.-]+:\/\/)/i;

/** How much of a string is looked at for its scheme. */
const SCHEME_LENGTH = 64;

/** Told from the other inputs by its fields; whether they fit together is for the image processor to say. */
export function isRawImage(input: ImageInput): input is RawImage {
  return typeof input === "object" && input !== null && "data" in input && "width" in input && "height" in input && "channels" in input;
}

/**
 * Tells an input's kind. Bytes are copied before this returns; a Blob is read.
 *
 * @throws `TypeError` for what is no image, `ImageError` with code `"too-large"`; for a Blob also `"unreadable"`, and `signal.reason`.
 */
export function sourceOf(
  input: Exclude<ImageInput, RawImage>,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal | undefined },
): ImageSource | Promise<ImageSource> {
  if (types.isArrayBuffer(input) || types.isUint8Array(input)) {
    if (input.byteLength > maxBytes) throw tooLarge("bytes", maxBytes, input.byteLength);
    return { kind: "bytes", bytes: copyOfBytes(input), name: "bytes" };
  }
  if (input instanceof Blob) {
    return readBlobBytes(input, { maxBytes, signal }).then((bytes) => ({ kind: "bytes", bytes, name: "Blob" }));
  }
  if (input instanceof URL) return sourceOfUrl(input.protocol, input.href, maxBytes);
  if (typeof input !== "string") throw inputError(input);
  const scheme = SCHEME.exec(input.slice(0, SCHEME_LENGTH))?.[0].toLowerCase();
  if (scheme !== undefined) return sourceOfUrl(scheme.slice(0, scheme.indexOf(":") + 1), input, maxBytes);
  if (input.length > MAX_PATH) {
    const cure = 'base64 goes into a data: URL, or through Buffer.from(text, "base64")';
    throw new TypeError(`loadImage: expected a path, got a text of ${input.length} characters; ${cure}`);
  }
  return { kind: "path", path: input };
}

/**
 * A copy of an array, not of all of the buffer that it is a view of: for a Buffer that is a pool shared with others.
 *
 * @throws TypeError - the buffer was transferred.
 */
export function copyOfBytes(bytes: Uint8Array | Uint8ClampedArray | ArrayBuffer): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(types.isArrayBuffer(bytes) ? bytes.slice(0) : bytes);
  } catch (cause) {
    throw new TypeError("loadImage: expected bytes, got those of an ArrayBuffer that was transferred", { cause });
  }
}

function sourceOfUrl(protocol: string, text: string, maxBytes: number): ImageSource {
  if (protocol === "data:") {
    // Four characters of base64 hold three bytes; percent-encoding is longer still. The URL is parsed in the thread.
    const bytes = Math.floor((text.length * 3) / 4);
    if (bytes > maxBytes + MAX_PATH) throw tooLarge("data: URL", maxBytes, bytes);
    return { kind: "url", url: text };
  }
  const url = parseUrl(text);
  if (url.protocol === "file:") return { kind: "path", path: fileURLToPath(url) };
  if (url.protocol === "http:" || url.protocol === "https:") return { kind: "url", url: url.href };
  throw new TypeError(`loadImage: expected an http:, https:, file: or data: URL, got ${url.protocol}`);
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new TypeError(`loadImage: expected a URL, got ${JSON.stringify(text.slice(0, 100))}`, { cause });
  }
}

/** The error for a value that is no image; a stream or a response is told what to give instead. */
function inputError(input: unknown): TypeError {
  const isBody = typeof input === "object" && input !== null && ("body" in input || "getReader" in input || "pipe" in input);
  const cure = isBody ? "; give its bytes: await new Response(stream).arrayBuffer(), or await response.arrayBuffer()" : "";
  return new TypeError(`loadImage: expected a path, a URL, bytes, a Blob or a RawImage, got ${describe(input)}${cure}`);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? `an object of class ${value.constructor?.name ?? "null"}` : typeof value;
}
