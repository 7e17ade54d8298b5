/**
 * What makes the requests. Node's own `fetch` knows no proxy variables before Node 24, so where one is set, undici's does: the same
 * implementation, with the agent that reads them. It is loaded only then.
 */

/** The part of `fetch` that is used. */
export type HubFetch = (url: string, init: RequestInit) => Promise<Response>;

const VARIABLES = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];

/**
 * @param given - the caller's own, which goes before all.
 * @param environment - where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up, in either case.
 */
export async function selectFetch(
  given: HubFetch | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<HubFetch> {
  if (given !== undefined) return given;
  if (!VARIABLES.some((name) => environment[name])) return (url, init) => fetch(url, init);
  const { EnvHttpProxyAgent, fetch: proxyFetch } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: environment["http_proxy"] || environment["HTTP_PROXY"] || "",
    httpsProxy: environment["https_proxy"] || environment["HTTPS_PROXY"] || "",
    noProxy: environment["no_proxy"] || environment["NO_PROXY"] || "",
  });
  // undici's types repeat the standard's under its own names.
  return async (url, init) => (await proxyFetch(url, { ...init, dispatcher } as Parameters<typeof proxyFetch>[1])) as unknown as Response;
}
