/**
 * What a request may give as an image: an encoded file as a data: URL or base64; a URL where that is allowed; never a path.
 */
import { decodeBase64 } from "@chinese-clip/search/remote";
import type { AllLimits } from "../limits.js";
import type { HandlerOptions, ServedImage } from "../options.js";
import { ServerError } from "../server-error.js";

/** The rules for images. */
export interface ImageRules {
  readonly limits: Pick<AllLimits, "pixels">;
  readonly allowUrls: boolean;
  readonly imageSize: HandlerOptions["imageSize"];
}

/** What a path begins with. `/9j/` begins a JPEG in base64. */
const PATH = /^(?:\.{1,2}[\\/]|\/(?!9j\/)|\\|~[\\/]|[a-z]:[\\/]|file:)/i;

/** A file's name at the end, where base64 has no dot. */
const FILE_NAME = /\.[a-z]{3,4}$/i;

const DATA_URL = /^data:[\w.+/-]{0,100}(?:;[\w.+=-]{1,100}){0,4};base64,/i;

/** How much of a text is looked at to tell what it is. */
const HEAD = 1024;

/**
 * Reads an image.
 *
 * @param place - its field, for messages.
 * @throws ServerError - `path-rejected`, `url-rejected`, `invalid-base64`, `image-too-large`.
 */
export function parseImage(text: string, place: string, rules: ImageRules): ServedImage {
  const head = text.slice(0, HEAD);
  if (/^data:/i.test(head)) {
    const prefix = DATA_URL.exec(head)?.[0];
    if (prefix === undefined) throw new ServerError("invalid-base64", `${place}: expected a data: URL with ;base64, got another kind`);
    return decoded(text.slice(prefix.length), place, rules);
  }
  if (/^https?:/i.test(head)) return parseImageUrl(text, place, rules.allowUrls);
  if (PATH.test(head)) throw pathRejected(place);
  if (/^[a-z][a-z0-9+.-]{1,30}:/i.test(head))
    throw new ServerError("url-rejected", `${place}: expected a data: URL or base64, got a URL of another kind`);
  if (text.length <= HEAD && FILE_NAME.test(head)) throw pathRejected(place);
  return decoded(text, place, rules);
}

/** @throws ServerError - `image-too-large`: by its header. */
export function checkPixels(bytes: Uint8Array, place: string, { limits: { pixels }, imageSize }: ImageRules): void {
  const size = imageSize?.(bytes);
  if (size !== undefined && size.width * size.height > pixels)
    throw new ServerError("image-too-large", `${place}: expected at most ${pixels} pixels, got ${size.width} x ${size.height}`);
}

function decoded(text: string, place: string, rules: ImageRules): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === undefined || bytes.length === 0)
    throw new ServerError("invalid-base64", `${place}: expected an image as a data: URL or base64, got something else`);
  checkPixels(bytes, place, rules);
  return bytes;
}

function pathRejected(place: string): ServerError {
  return new ServerError("path-rejected", `${place}: expected a data: URL or base64, got a path; files of the server are not read`);
}

function parseImageUrl(text: string, place: string, allowUrls: boolean): URL {
  if (!allowUrls)
    throw new ServerError("url-rejected", `${place}: expected a data: URL or base64, got a URL; this server fetches none (allowUrls)`);
  if (text.length > 8192 || !URL.canParse(text)) throw new ServerError("url-rejected", `${place}: expected a URL, got something else`);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") throw new ServerError("url-rejected", `${place}: expected a URL without a user's name`);
  return url;
}
