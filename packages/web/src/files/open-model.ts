/**
 * What a source means to a page: an address, a hub's model, or files that the user picked.
 */
import { HubError, type PretrainedOptions } from "@chinese-clip/pipeline";
import { HostedFiles, type HostedModel } from "./hosted-files.js";
import type { HttpClient } from "./http-range.js";
import { KeptFiles } from "./kept-files.js";
import type { PickedFiles } from "./picked-files.js";
import type { WebFiles } from "./web-files.js";

const HUB = "https://huggingface.co";
const WEIGHTS_FILE = /\.(?:safetensors|bin|pt|pth|onnx)$/u;

/** Where a model may come from: an address (of a folder or of a weights file), a hub's id `owner/name`, or {@link PickedFiles}. */
export type WebModelSource = string | URL | PickedFiles;

/** What opening a model takes besides the options of every platform. */
export interface OpenOptions extends PretrainedOptions {
  /** Whether to keep what is fetched for the next visit, and to take what is kept. Default true. */
  readonly cache?: boolean | undefined;
  /**
   * Is told why converted weights (`dtype`) are not kept: there is no room for them. The model loads all the same, and converts again at the next
   * visit. Default: a warning in the console.
   */
  readonly onNotKept?: ((error: HubError) => void) | undefined;
}

/**
 * Finds a model's files.
 *
 * @throws TypeError, RangeError - a source that cannot be one; HubError - as requests do.
 */
export async function openModel(source: WebModelSource, options: OpenOptions): Promise<WebFiles> {
  // Told by what it can do: a page that has no use for PickedFiles has no code for it.
  if (typeof source === "object" && "deliver" in source) return source;
  const kept = (options.cache ?? true) ? await KeptFiles.open() : undefined;
  const { signal } = options;
  if (source instanceof URL || isAddress(source)) {
    const url = addressOf(source);
    return new HostedFiles(hostedAt(String(source), url), { client: clientOf(options, {}), kept, signal }, options);
  }
  const { token } = options;
  const client = clientOf(options, token === undefined || token === "" ? {} : { Authorization: `Bearer ${token}` });
  const context = { client, kept, signal };
  const { findAtHub } = await import("./hub-model.js"); // a page that serves its model needs none of it
  const { endpoint = HUB, revision } = options;
  return new HostedFiles(await findAtHub(source, endpoint, revision, context), context, options);
}

/**
 * Forgets models that were kept, to have the room or to fetch them anew.
 *
 * @param source - an address or a hub's id: that model only, and of a hub's id all its revisions. Default: everything that was kept.
 * @returns how many entries were removed.
 */
export async function clearCache(source?: string | URL, { endpoint = HUB }: Pick<PretrainedOptions, "endpoint"> = {}): Promise<number> {
  const kept = await KeptFiles.open();
  if (kept === undefined) return 0;
  if (source === undefined) return kept.clear("");
  if (source instanceof URL || isAddress(source)) return kept.clear(addressOf(source).href);
  let count = 0;
  for (const host of typeof endpoint === "string" ? [endpoint] : endpoint) {
    const base = host.replace(/\/+$/u, "");
    count += (await kept.clear(`${base}/${source}/resolve/`)) + (await kept.clear(`${base}/api/models/${source}/`));
  }
  return count;
}

function isAddress(source: string): boolean {
  return typeof source === "string" && (/^https?:\/\//iu.test(source) || /^\.{0,2}\//u.test(source) || WEIGHTS_FILE.test(source));
}

function addressOf(source: string | URL): URL {
  const url = new URL(source, globalThis.document?.baseURI ?? location.href);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new TypeError(
      `fromPretrained: expected an http: or https: address, got ${url.href}; files that the user picked go into PickedFiles`,
    );
  return url;
}

/** A folder, or one weights file with the small files beside it. */
function hostedAt(source: string, url: URL): HostedModel {
  const only = WEIGHTS_FILE.test(url.pathname) ? /[^/]*$/u.exec(url.pathname)?.[0] : undefined;
  const folder = new URL(url);
  if (only !== undefined) folder.pathname = folder.pathname.slice(0, -only.length);
  else if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  // A query, such as a signature, goes with every file.
  const urlOf = (name: string): string => {
    const file = new URL(folder);
    file.pathname += name.split("/").map(encodeURIComponent).join("/");
    return file.href;
  };
  return { source, urlOf, files: undefined, only };
}

function clientOf({ fetch, localFilesOnly = false }: OpenOptions, headers: Readonly<Record<string, string>>): HttpClient {
  if (!localFilesOnly) return { fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)), headers };
  const refuse = (url: string): Promise<Response> =>
    Promise.reject(
      new HubError("offline", `${url}: not kept, and no request is allowed. Load the model once without localFilesOnly`, { url }),
    );
  return { fetch: refuse, headers };
}
