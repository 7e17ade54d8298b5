/**
 * An encoded image from its address, never more of it than allowed, whatever length the server states.
 */
import { ImageError } from "@chinese-clip/image-processor";
import { errorMessage, shownAddress } from "@chinese-clip/pipeline";

/** Longer than any path; what is longer is the image itself, as base64. */
const MAX_ADDRESS = 32_767;

const PROTOCOLS: readonly string[] = ["http:", "https:", "data:", "blob:"];

/**
 * Fetches an image.
 *
 * @throws ImageError - `unreadable`: HTTP status, network; `too-large`; TypeError - no address; the signal's reason.
 */
export async function fetchImage(input: string | URL, maxBytes: number, signal: AbortSignal): Promise<Blob> {
  const url = addressOf(input);
  // A data: URL holds the content itself, too long for a message.
  const source = url.protocol === "data:" ? "data: URL" : shownAddress(url);
  // Four characters of base64 hold three bytes; percent-encoding is longer still.
  const encoded = url.protocol === "data:" ? Math.floor((url.href.length * 3) / 4) : 0;
  if (encoded > maxBytes + MAX_ADDRESS) throw tooLarge(source, maxBytes, encoded);
  try {
    const response = await fetch(url, { signal });
    const stated = Number(response.headers.get("content-length") ?? 0);
    if (!response.ok || stated > maxBytes) {
      await response.body?.cancel();
      if (response.ok) throw tooLarge(source, maxBytes, stated);
      const { status } = response;
      throw new ImageError("unreadable", `${source}: expected a successful response, got HTTP status ${status}`, { source, status });
    }
    return await readBlob(source, response, maxBytes);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ImageError) throw cause;
    throw new ImageError("unreadable", `${source}: cannot be read (${errorMessage(cause)})`, { source }, { cause });
  }
}

/** The error of an encoded image with too many bytes. */
export function tooLarge(source: string, maxBytes: number, byteLength: number): ImageError {
  return new ImageError("too-large", `${source}: expected at most ${maxBytes} bytes, got ${byteLength}`, { source, maxBytes, byteLength });
}

/** A body, whose length may be that of the compressed file, or not stated. */
async function readBlob(source: string, { body, headers }: Response, maxBytes: number): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let byteLength = 0;
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    byteLength += next.value.length;
    if (byteLength > maxBytes) {
      await reader?.cancel();
      throw tooLarge(source, maxBytes, byteLength);
    }
    chunks.push(next.value);
  }
  return new Blob(chunks, { type: headers.get("content-type") ?? "" });
}

function addressOf(input: string | URL): URL {
  if (typeof input === "string" && input.length > MAX_ADDRESS && !/^(?:data|blob|https?):/iu.test(input.slice(0, 8)))
    throw new TypeError(
      `loadImage: expected an address, got a text of ${input.length} characters; base64 goes into a data: URL, "data:image/png;base64," and the text`,
    );
  let url: URL;
  try {
    url = new URL(input, globalThis.document?.baseURI ?? location.href);
  } catch (cause) {
    throw new TypeError(`loadImage: expected an address, got ${JSON.stringify(String(input).slice(0, 100))}`, { cause });
  }
  if (!PROTOCOLS.includes(url.protocol))
    throw new TypeError(`loadImage: expected an http:, https:, data: or blob: address, got ${url.protocol}`);
  return url;
}
