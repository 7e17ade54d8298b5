/**
 * What makes the requests. Node's own `fetch` knows no proxy variables before Node 24, so where one is set, undici's does: the same
 * implementation, with the agent that reads them. It is loaded only then.
 */
import { withoutSecrets } from "@chinese-clip/pipeline";

/** The part of `fetch` that is used. */
export type HubFetch = (url: string, init: RequestInit) => Promise<Response>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param given - the caller's own, which goes before all.
 * @param environment - where `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are looked up, in either case.
 * @throws RangeError - a variable that names no HTTP proxy.
 */
export async function selectFetch(given: HubFetch | undefined, environment: Environment): Promise<HubFetch> {
  if (given !== undefined) return given;
  const all = ["all_proxy", "ALL_PROXY"];
  const httpProxy = proxyOf(environment, ["http_proxy", "HTTP_PROXY", ...all]);
  const httpsProxy = proxyOf(environment, ["https_proxy", "HTTPS_PROXY", ...all]);
  if (httpProxy === "" && httpsProxy === "") return (url, init) => fetch(url, init);
  const { EnvHttpProxyAgent, fetch: proxyFetch } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({ httpProxy, httpsProxy, noProxy: environment["no_proxy"] || environment["NO_PROXY"] || "" });
  // undici's types repeat the standard's under its own names.
  return async (url, init) => (await proxyFetch(url, { ...init, dispatcher } as Parameters<typeof proxyFetch>[1])) as unknown as Response;
}

/** The address in the first of some variables that is set, empty for none. Without a scheme it is HTTP's, as in curl and Python. */
function proxyOf(environment: Environment, names: readonly string[]): string {
  const name = names.find((variable) => environment[variable]);
  const value = environment[name ?? ""]?.trim() ?? "";
  if (name === undefined || value === "") return "";
  const address = /^[a-z][a-z0-9+.-]*:\/\//iu.test(value) ? value : `http://${value}`;
  if (URL.canParse(address) && /^https?:$/u.test(new URL(address).protocol)) return address;
  const shown = withoutSecrets(address).slice(0, 200);
  throw new RangeError(`fromPretrained: expected ${name} to be the address of an HTTP proxy, such as http://127.0.0.1:7890, got ${shown}`);
}
