/**
 * Who may call: the key, the host name that the request came by, and the web page that made it. A browser sends requests of any page to a server on
 * its own machine, and a page's host name can be made to mean 127.0.0.1; both are rejected unless they are named.
 */
import { ServerError } from "../server-error.js";

/** The rules; see `HandlerOptions`. */
export interface AccessRules {
  readonly apiKey: string | undefined;
  readonly allowedHosts: readonly string[] | undefined;
  readonly allowedOrigins: readonly string[];
}

/** Checks requests. */
export class Access {
  readonly #key: Promise<Uint8Array> | undefined;
  readonly #hosts: readonly string[] | undefined;
  readonly #origins: readonly string[];

  /** @throws TypeError - a key that a header cannot hold; an origin that is none. */
  constructor({ apiKey, allowedHosts, allowedOrigins }: AccessRules) {
    if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
      throw new TypeError("createHandler: expected apiKey to be printable ASCII without spaces");
    const other = allowedOrigins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
    if (other !== undefined)
      throw new TypeError(`createHandler: expected allowedOrigins such as https://host:port, got "${other.slice(0, 60)}"`);
    this.#key = apiKey === undefined ? undefined : digest(apiKey);
    this.#hosts = allowedHosts?.map((host) => host.toLowerCase());
    this.#origins = allowedOrigins;
  }

  /** @throws ServerError - `host-rejected`, `origin-rejected`. */
  checkOrigin(request: Request): void {
    const url = new URL(request.url);
    const hosts = [url.host, request.headers.get("host")].filter((host) => host !== null);
    const wrong = hosts.find((host) => !this.#allowsHost(host));
    if (wrong !== undefined) {
      throw new ServerError("host-rejected", "this host name is not allowed; allowedHosts names those that are, and a key allows all");
    }
    const origin = request.headers.get("origin");
    if (origin === null || this.#origins.includes(origin)) return;
    const isOwn = URL.canParse(origin) && new URL(origin).host === url.host;
    if (!isOwn)
      throw new ServerError("origin-rejected", "pages of this origin may not call this server; allowedOrigins names those that may");
  }

  /** @throws ServerError - `unauthorized`. */
  async checkKey(request: Request): Promise<void> {
    if (this.#key === undefined) return;
    const [, given = ""] = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    // Hashes have one length, and how many of their first bytes agree says nothing of the key.
    const [expected, actual] = await Promise.all([this.#key, digest(given)]);
    let difference = 0;
    for (const [i, byte] of expected.entries()) difference |= byte ^ (actual[i] ?? 0);
    if (difference !== 0) {
      throw new ServerError("unauthorized", "expected a valid key in the header Authorization: Bearer", { "www-authenticate": "Bearer" });
    }
  }

  /** Headers by which a browser lets an allowed page read the answer. */
  headersFor(request: Request): Readonly<Record<string, string>> {
    const origin = request.headers.get("origin");
    if (origin === null || !this.#origins.includes(origin)) return {};
    return { "access-control-allow-origin": origin, vary: "origin", "access-control-expose-headers": "retry-after" };
  }

  #allowsHost(host: string): boolean {
    const name = host.replace(/:\d{0,5}$/, "").toLowerCase();
    if (this.#hosts === undefined) return this.#key !== undefined || isLoopback(name);
    return this.#hosts.includes("*") || this.#hosts.includes(name);
  }
}

/** Whether a host name, or an address as URLs have it, is of this machine alone. */
export function isLoopback(name: string): boolean {
  return name === "localhost" || name === "[::1]" || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
