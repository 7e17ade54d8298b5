/** A file behind a URL: read from any byte by `Range`, resumed where a connection broke off. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import { shownAddress } from "@chinese-clip/pipeline";
import { AddressError, requestUrl } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";
import type { ByteFile } from "./byte-file.js";
import { type NetworkOptions, replaced, resumed, retried, type Transfer, TransientFault } from "./resumed.js";

/** How URLs are fetched. */
export interface HttpOptions {
  /** Whether they may lead to this machine and its network. Default false. */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** How patient to be. */
  readonly network?: NetworkOptions | undefined;
}

/** A file behind an `http:` or `https:` URL. Nothing is asked yet. */
export function httpFile(url: URL, { allowPrivateAddresses = false, network = {} }: HttpOptions): ByteFile {
  const label = shownAddress(url);
  const ask = async (method: "GET" | "HEAD", headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> => {
    const all = { accept: "*/*", "accept-encoding": "identity", "user-agent": "chinese-clip", ...headers };
    const response = await requestUrl(url, { allowPrivateAddresses, method, headers: all, signal }).catch((error: unknown) => {
      if (!(error instanceof AddressError)) throw error;
      const { host } = error.details;
      if (host !== undefined) throw new DatasetError("private-address", { host, file: label });
      throw new DatasetError("unreachable", { reason: error.message, file: label });
    });
    response.on("error", () => undefined); // the reader gets it; an answer without one may break off
    const { statusCode = 0 } = response;
    if (statusCode === 200 || statusCode === 206) return response;
    response.destroy();
    if (statusCode === 416 && "range" in headers) throw replaced(label);
    const status = `${statusCode} ${STATUS_CODES[statusCode] ?? ""}`.trim();
    if (statusCode >= 500 || [408, 425, 429].includes(statusCode))
      throw new TransientFault(`HTTP status ${status}`, retryAfter(response.headers["retry-after"]));
    if (statusCode === 404 || statusCode === 410) throw new DatasetError("no-such-file", { file: label });
    throw new DatasetError("http-status", { status, file: label });
  };
  return {
    label,
    size: ({ signal } = {}) =>
      retried(
        label,
        async (own) => {
          const response = await ask("GET", { range: "bytes=0-0" }, own);
          response.destroy();
          const total = response.statusCode === 206 ? contentRange(response)?.total : lengthOf(response);
          if (total === undefined) throw new DatasetError("unknown-length", { file: label });
          return total;
        },
        network,
        signal,
      ),
    stream({ start, end, signal } = {}) {
      const open = async (at: number, tag: string | undefined, own: AbortSignal): Promise<Transfer> => {
        const last = end === undefined || end === Infinity ? "" : end - 1;
        const isPart = at > 0 || last !== "";
        const response = await ask(
          "GET",
          { ...(isPart ? { range: `bytes=${at}-${last}` } : {}), ...(isPart && tag?.startsWith('"') === true ? { "if-range": tag } : {}) },
          own,
        );
        const { etag, "last-modified": modified } = response.headers;
        const range = response.statusCode === 206 ? contentRange(response) : undefined;
        return {
          chunks: response,
          // A server without ranges sends the file from its start.
          start: response.statusCode === 206 ? (range?.start ?? at) : 0,
          total: response.statusCode === 206 ? range?.total : lengthOf(response),
          tag: etag ?? modified,
        };
      };
      return resumed(label, open, { start, end }, network, signal);
    },
  };
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = Number(headers["content-length"] ?? Number.NaN);
  return Number.isSafeInteger(length) && length >= 0 && headers["content-encoding"] === undefined ? length : undefined;
}

function contentRange({ headers }: IncomingMessage): { readonly start: number; readonly total: number | undefined } | undefined {
  const [, start, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/u.exec(headers["content-range"] ?? "") ?? [];
  return start === undefined
    ? undefined
    : { start: Number(start), total: total === "*" || total === undefined ? undefined : Number(total) };
}

function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const milliseconds = /^\d+$/u.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}
