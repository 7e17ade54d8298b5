/**
 * The encoded bytes behind a URL. What a server says about a length is believed only when it is too much: bytes are counted as they arrive.
 */
import { ImageError } from "@chinese-clip/image-processor";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import { pipeline } from "node:stream";
import { shownAddress } from "@chinese-clip/pipeline";
import { AddressError, requestUrl } from "@chinese-clip/pipeline/node";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { collectBytes, type ReadOptions, tooLarge, unreadable } from "./read-bytes.js";

/** How to fetch. */
export interface FetchOptions extends ReadOptions {
  readonly allowPrivateAddresses: boolean;
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & AsyncIterable<Uint8Array>>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Fetches an `http:` or `https:` URL, following redirects.
 *
 * @throws {@link ImageError} with code `"unreadable"` (its `details.status` is the server's answer, if one came) or `"too-large"`;
 *   `signal.reason` when aborted.
 */
export async function fetchBytes(start: URL, options: FetchOptions): Promise<Uint8Array> {
  const { maxBytes, signal } = options;
  const source = shownAddress(start);
  try {
    const response = await follow(start, source, options);
    const { statusCode: status = 0, headers } = response;
    if (status < 200 || status > 299) {
      response.destroy();
      // Neither the body nor the server's own words for the status: they may be what a stranger wants to learn.
      const words = STATUS_CODES[status] ?? "";
      const message = `${source}: expected a successful answer, got HTTP status ${status} ${words}`.trim();
      throw new ImageError("unreadable", message, { source, status });
    }
    const stated = Number(headers["content-length"] ?? 0);
    if (stated > maxBytes) {
      response.destroy();
      throw tooLarge(source, maxBytes, stated);
    }
    return await collectBytes(decompressed(response), source, { maxBytes, signal });
  } catch (error) {
    if (error instanceof ImageError) throw error;
    signal?.throwIfAborted();
    throw unreadable(source, error);
  }
}

/** The first answer that is no redirect. */
async function follow(start: URL, source: string, { allowPrivateAddresses, signal }: FetchOptions): Promise<IncomingMessage> {
  const headers = { accept: "image/*,*/*;q=0.8", "accept-encoding": "identity", "user-agent": "chinese-clip" };
  return requestUrl(start, { allowPrivateAddresses, headers, signal }).catch((error: unknown) => {
    if (!(error instanceof AddressError)) throw error;
    const { host } = error.details;
    const hint = host === undefined ? "" : "; allowPrivateAddresses permits addresses of this machine and its network";
    throw new ImageError("unreadable", `${source}: ${error.message}${hint}`, { source, ...(host === undefined ? {} : { host }) });
  });
}

/** The body without its encoding, which was not asked for. */
function decompressed(response: IncomingMessage): AsyncIterable<Uint8Array> {
  const decoder = DECODERS[response.headers["content-encoding"] ?? ""]?.();
  if (decoder === undefined) return response;
  // Ends both when either ends; what went wrong is reported by the loop over the chunks.
  return pipeline(response, decoder, () => undefined);
}
