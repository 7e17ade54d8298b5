/**
 * What a source means in a page: an address, a hub's model, or files that the user picked.
 */
import { HubError, isWeightsFile, withoutSecrets } from "@chinese-clip/pipeline";
import { FileCache } from "../cache/file-cache.js";
import type { HttpClient } from "../http/request-range.js";
import { type HostedModel, inSubfolder, modelAt } from "../hub/hosted-model.js";
import { HostedFiles } from "./hosted-files.js";
import type { PickedFiles } from "./picked-files.js";
import type { OpenOptions, WebFiles } from "./web-files.js";

const HUB = "https://huggingface.co";

/** A model's source: an address (of a folder or of a weights file), a hub's id `owner/name`, or {@link PickedFiles}. */
export type WebModelSource = string | URL | PickedFiles;

/**
 * Finds a model's files.
 *
 * @throws TypeError, RangeError - a source that cannot be one; HubError - as requests do.
 */
export async function openModel(source: WebModelSource, options: OpenOptions): Promise<WebFiles> {
  // By its method, not its class: a page without PickedFiles does not bundle them.
  if (typeof source === "object" && "readRanges" in source) {
    if (options.subfolder === undefined) return source;
    throw new RangeError("fromPretrained: expected no subfolder with PickedFiles, which take that folder's own files");
  }
  const cache = (options.cache ?? true) ? await FileCache.open() : undefined;
  const { signal, subfolder } = options;
  const within = (model: HostedModel): HostedModel => (subfolder === undefined ? model : inSubfolder(model, subfolder));
  const url = addressOf(source);
  if (url !== undefined) {
    return new HostedFiles(within(modelAt(String(source), url)), { client: clientOf(options, {}), cache, signal }, options);
  }
  const { token } = options;
  const client = clientOf(options, token === undefined || token === "" ? {} : { Authorization: `Bearer ${token}` });
  const context = { client, cache, signal };
  const { findAtHub } = await import("../hub/hub-model.js"); // not needed by a page that serves its model itself
  const { endpoint = HUB, revision } = options;
  for (const host of typeof endpoint === "string" ? [endpoint] : endpoint) checkNoPassword(host);
  return new HostedFiles(within(await findAtHub(source as string, endpoint, revision, context)), context, options);
}

/**
 * Removes cached models, to free their room or to download them again.
 *
 * @param source - an address or a hub's id: that model only, and of a hub's id all its revisions. Default: everything.
 * @returns the number of entries removed.
 */
export async function clearCache(source?: string | URL, { endpoint = HUB }: Pick<OpenOptions, "endpoint"> = {}): Promise<number> {
  const cache = await FileCache.open();
  if (cache === undefined) return 0;
  if (source === undefined) return cache.clear("");
  const url = addressOf(source);
  if (url !== undefined) return cache.clear(url.href);
  let count = 0;
  for (const host of typeof endpoint === "string" ? [endpoint] : endpoint) {
    const base = host.replace(/(?<!\/)\/+$/u, "");
    count += (await cache.clear(`${base}/${String(source)}/resolve/`)) + (await cache.clear(`${base}/api/models/${String(source)}/`));
  }
  return count;
}

/** Undefined for a hub's id, and for what is neither. */
function addressOf(source: string | URL): URL | undefined {
  const isAddress =
    typeof source === "string"
      ? /^https?:\/\//iu.test(source) || /^\.{0,2}\//u.test(source) || isWeightsFile(source)
      : // By its tag: another realm's URL is no instance of this one's class.
        Object.prototype.toString.call(source) === "[object URL]";
  if (!isAddress) return undefined;
  const url = new URL(source, globalThis.document?.baseURI ?? location.href);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new TypeError(
      `fromPretrained: expected an http: or https: address, got ${withoutSecrets(url.href)}; for files that the user picked, use PickedFiles`,
    );
  checkNoPassword(url.href);
  return url;
}

/** @throws RangeError - an address with a password, which `fetch` rejects in a message that shows it. */
function checkNoPassword(address: string): void {
  if (withoutSecrets(address).includes("://***@"))
    throw new RangeError(
      `fromPretrained: expected an address without a user's name and password, got ${withoutSecrets(address)}; send a header with the option fetch`,
    );
}

function clientOf({ fetch, localFilesOnly = false }: OpenOptions, headers: Readonly<Record<string, string>>): HttpClient {
  if (!localFilesOnly) return { fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)), headers };
  const reject = (url: string): Promise<Response> =>
    Promise.reject(
      new HubError("offline", `${url}: not cached, and localFilesOnly allows no request. Load the model once without it`, { url }),
    );
  return { fetch: reject, headers };
}
