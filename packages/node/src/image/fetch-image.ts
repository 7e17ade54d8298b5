/**
 * The encoded bytes behind a URL. Each redirect is checked, and the connection goes to the address that was checked, so that a name cannot mean
 * another address by then. What a server says about a length is believed only when it is too much: bytes are counted as they arrive.
 */
import { ImageError } from "@chinese-clip/image-processor";
import { lookup as resolveName } from "node:dns";
import { Agent, type IncomingMessage, request as requestHttp, STATUS_CODES } from "node:http";
import { Agent as SecureAgent, request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { pipeline } from "node:stream";
import { withoutSecrets } from "@chinese-clip/pipeline";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { isPrivateAddress } from "./private-address.js";
import { collectBytes, type ReadOptions, tooLarge, unreadable } from "./read-bytes.js";

/** How to fetch. */
export interface FetchOptions extends ReadOptions {
  readonly allowPrivateAddresses: boolean;
}

const MAX_REDIRECTS = 10;

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & AsyncIterable<Uint8Array>>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Connections are reused only among requests with the same rule. */
const OPEN = { "http:": new Agent({ keepAlive: true }), "https:": new SecureAgent({ keepAlive: true }) } as const;
const PUBLIC = {
  "http:": new Agent({ keepAlive: true, lookup: lookupPublic }),
  "https:": new SecureAgent({ keepAlive: true, lookup: lookupPublic }),
} as const;

/**
 * Fetches an `http:` or `https:` URL, following redirects.
 *
 * @throws {@link ImageError} with code `"unreadable"` (its `details.status` is the server's answer, if one came) or `"too-large"`;
 *   `signal.reason` when aborted.
 */
export async function fetchBytes(start: URL, options: FetchOptions): Promise<Uint8Array> {
  const { maxBytes, signal } = options;
  const source = withoutPassword(start);
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
  const unusable = (message: string): ImageError => new ImageError("unreadable", `${source}: ${message}`, { source });
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const { protocol } = url;
    if (protocol !== "http:" && protocol !== "https:") throw unusable(`expected a redirect to http: or https:, got ${protocol}`);
    // An address is not looked up like a name; the URL parser has already normalised decimal and hexadecimal ones.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (!allowPrivateAddresses && isIP(host) !== 0 && isPrivateAddress(host)) throw privateAddress(source, host);
    const response = await send(url, (allowPrivateAddresses ? OPEN : PUBLIC)[protocol], signal).catch((error: unknown) => {
      throw error instanceof PrivateHost ? privateAddress(source, error.host) : error;
    });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    if (!URL.canParse(location, url.href)) throw unusable("expected a redirect to a URL, got something else");
    url = new URL(location, url);
  }
  throw unusable(`expected at most ${MAX_REDIRECTS} redirects, got more`);
}

function send(url: URL, agent: Agent, signal: AbortSignal | undefined): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const headers = { accept: "image/*,*/*;q=0.8", "accept-encoding": "identity", "user-agent": "chinese-clip" };
    request(url, { agent, headers, ...(signal === undefined ? {} : { signal }) }, resolve)
      .on("error", reject)
      .end();
  });
}

/** The body without its encoding, which was not asked for. */
function decompressed(response: IncomingMessage): AsyncIterable<Uint8Array> {
  const decoder = DECODERS[response.headers["content-encoding"] ?? ""]?.();
  if (decoder === undefined) return response;
  // Ends both when either ends; what went wrong is reported by the loop over the chunks.
  return pipeline(response, decoder, () => undefined);
}

/** A name all of whose addresses are private. */
class PrivateHost extends Error {
  readonly host: string;

  constructor(host: string) {
    super("private address");
    this.host = host;
  }
}

/** Looks a name up, leaving out private addresses. */
function lookupPublic(...[host, options, callback]: Parameters<LookupFunction>): void {
  resolveName(host, { ...options, all: true }, (error, found) => {
    if (error !== null) {
      callback(error, "");
      return;
    }
    const addresses = found.filter(({ address }) => !isPrivateAddress(address));
    const [first] = addresses;
    if (first === undefined) callback(new PrivateHost(host), "");
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}

function privateAddress(source: string, host: string): ImageError {
  const message = `${source}: expected a public address, got ${host}; allowPrivateAddresses permits addresses of this machine and its network`;
  return new ImageError("unreadable", message, { source, host });
}

/** A URL as messages show it: without a password, and without the signature of an object store. */
export function withoutPassword(url: URL): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return withoutSecrets(shown.href);
}
