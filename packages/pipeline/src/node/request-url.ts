/**
 * A request to a URL that a stranger may have chosen. Each redirect is checked, and the connection goes to the address that was checked, so that a name
 * cannot mean another address by then.
 */
import { lookup as resolveName } from "node:dns";
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from "node:http";
import { Agent as SecureAgent, request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPrivateAddress } from "./private-address.js";

/** How to ask. */
export interface RequestOptions {
  /** Whether addresses of this machine and its network are allowed. */
  readonly allowPrivateAddresses: boolean;
  /** `GET` or `HEAD`. Default `GET`. */
  readonly method?: "GET" | "HEAD" | undefined;
  /** Sent with every request of the chain. */
  readonly headers: OutgoingHttpHeaders;
  /** Ends the request, and the transfer of its answer. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An address that must not be asked. `private`: of this machine or its network, `details.host`; `redirect`: to something that is no `http:` or
 * `https:` URL, or the eleventh in a row.
 */
export class AddressError extends Error {
  override readonly name: string = "AddressError";
  readonly code: "private" | "redirect";
  readonly details: { readonly host?: string };

  constructor(code: AddressError["code"], message: string, details: AddressError["details"] = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

const MAX_REDIRECTS = 10;

/** Connections are reused only among requests with the same rule. */
const OPEN = { "http:": new Agent({ keepAlive: true }), "https:": new SecureAgent({ keepAlive: true }) } as const;
const PUBLIC = {
  "http:": new Agent({ keepAlive: true, lookup: lookupPublic }),
  "https:": new SecureAgent({ keepAlive: true, lookup: lookupPublic }),
} as const;

/**
 * The first answer that is no redirect, of any status.
 *
 * @throws AddressError; what the network says.
 */
export async function requestUrl(start: URL, options: RequestOptions): Promise<IncomingMessage> {
  const { allowPrivateAddresses } = options;
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const { protocol } = url;
    if (protocol !== "http:" && protocol !== "https:")
      throw new AddressError("redirect", `expected a redirect to http: or https:, got ${protocol}`);
    // An address is not looked up like a name; the URL parser has already normalised decimal and hexadecimal ones.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (!allowPrivateAddresses && isIP(host) !== 0 && isPrivateAddress(host)) throw privateAddress(host);
    const response = await send(url, (allowPrivateAddresses ? OPEN : PUBLIC)[protocol], options);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    if (!URL.canParse(location, url.href)) throw new AddressError("redirect", "expected a redirect to a URL, got something else");
    url = new URL(location, url);
  }
  throw new AddressError("redirect", `expected at most ${MAX_REDIRECTS} redirects, got more`);
}

function send(url: URL, agent: Agent, { method = "GET", headers, signal }: RequestOptions): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    request(url, { agent, method, headers, ...(signal === undefined ? {} : { signal }) }, resolve)
      .on("error", reject)
      .end();
  });
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
    if (first === undefined) callback(privateAddress(host), "");
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}

function privateAddress(host: string): AddressError {
  return new AddressError("private", `expected a public address, got ${host}`, { host });
}
