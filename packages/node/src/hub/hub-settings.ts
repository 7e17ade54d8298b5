/**
 * Where to fetch from and where to keep it: a call's options, then the environment, by the names and rules of Python's huggingface_hub
 * (`constants.py`, `utils/_auth.py`). The environment is read at each call.
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { HubError, type PretrainedOptions, withoutSecrets } from "@chinese-clip/pipeline";
import { userHome } from "../files/user-home.js";
import { type HubFetch, selectFetch } from "./hub-fetch.js";
import { checkRevision } from "./hub-path.js";

/** Which hub. */
export type HubName = "hugging-face" | "modelscope";

/** All that a load from a hub depends on. */
export interface HubSettings {
  /** URLs without a `/` at the end and without a user's name and password, at least one. */
  readonly endpoints: readonly string[];
  /** The `Authorization` headers for endpoints that were given with a name and a password, by origin. */
  readonly passwords: ReadonlyMap<string, string>;
  /** Absolute path. */
  readonly cacheDir: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Sent to the endpoints only. */
  readonly token: string | undefined;
  /** Whether no request may be made. */
  readonly offline: boolean;
  /** Whether snapshots are symlinks where the system has them; else copies. */
  readonly symlinks: boolean;
  /** Milliseconds that a question about a file may take. */
  readonly etagTimeout: number;
  /** Milliseconds without a byte after which a download has stalled. */
  readonly downloadTimeout: number;
  /** Makes the requests. */
  readonly fetch: HubFetch;
  /** Ends every request. */
  readonly signal: AbortSignal | undefined;
  /** Called with each progress event. */
  readonly onProgress: PretrainedOptions["onProgress"];
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULTS = {
  "hugging-face": { endpoint: "https://huggingface.co", variable: "HF_ENDPOINT", revision: "main" },
  modelscope: { endpoint: "https://modelscope.cn", variable: "MODELSCOPE_ENDPOINT", revision: "master" },
} as const;

/**
 * What a load with these options would ask and where it would keep the files. Nothing is asked yet.
 *
 * @throws RangeError - an endpoint, revision or token that cannot be one.
 */
export async function readHubSettings(
  hub: HubName,
  options: PretrainedOptions,
  environment: Environment = process.env,
): Promise<HubSettings> {
  const { endpoint: defaultEndpoint, variable, revision: defaultRevision } = DEFAULTS[hub];
  // An endpoint is a mirror of Hugging Face; ModelScope speaks another protocol.
  const asked = hub === "hugging-face" ? options.endpoint : undefined;
  const passwords = new Map<string, string>();
  const endpoints = (asked === undefined || typeof asked === "string" ? [asked] : asked).map((endpoint) =>
    parseEndpoint(endpoint ?? (environment[variable] || defaultEndpoint), passwords),
  );
  if (endpoints.length === 0) throw new RangeError("fromPretrained: expected at least one endpoint, got none");
  const revision = options.revision ?? defaultRevision;
  checkRevision(revision);
  return {
    endpoints,
    passwords,
    cacheDir: resolve(options.cacheDir ?? cacheFolder(hub, environment)),
    revision,
    token: hub === "hugging-face" ? await findToken(options.token, environment) : undefined,
    offline: options.localFilesOnly ?? isTrue(environment["HF_HUB_OFFLINE"] || environment["TRANSFORMERS_OFFLINE"]),
    symlinks: !isTrue(environment["HF_HUB_DISABLE_SYMLINKS"]),
    etagTimeout: seconds(environment["HF_HUB_ETAG_TIMEOUT"], 10),
    downloadTimeout: seconds(environment["HF_HUB_DOWNLOAD_TIMEOUT"], 10),
    fetch: await selectFetch(options.fetch, environment),
    signal: options.signal,
    onProgress: options.onProgress,
  };
}

/**
 * The folder of a hub's cache, by the environment.
 *
 * @throws HubError - `cache`: the environment names none, and there is no home folder.
 */
export function cacheFolder(hub: HubName, environment: Environment = process.env): string {
  const modelscope = environment["MODELSCOPE_CACHE"];
  if (hub === "modelscope" && modelscope) return expand(modelscope, environment);
  const cache = environment["HF_HUB_CACHE"] || environment["HUGGINGFACE_HUB_CACHE"];
  if (cache) return expand(cache, environment);
  const home = homeFolder(environment);
  if (home !== undefined) return join(home, "hub");
  throw new HubError(
    "cache",
    "expected a home folder for the cache, but HOME is not set and the system does not know this user. Set HF_HUB_CACHE or the cacheDir option to a folder",
  );
}

function homeFolder(environment: Environment): string | undefined {
  const home = environment["HF_HOME"];
  if (home) return expand(home, environment);
  const [cache, user] = [environment["XDG_CACHE_HOME"], userHome()];
  if (cache) return join(expand(cache, environment), "huggingface");
  return user === undefined ? undefined : join(user, ".cache", "huggingface");
}

/** `~`, `$NAME` and `${NAME}`, as `os.path.expanduser` and `expandvars`. */
function expand(path: string, environment: Environment): string {
  return path
    .replace(/^~(?=$|[\\/])/u, userHome() ?? "~") // as Python leaves it
    .replaceAll(/\$(?:\{(\w+)\}|(\w+))/gu, (whole, braced: string | undefined, bare: string | undefined) => {
      return environment[braced ?? bare ?? ""] ?? whole;
    });
}

/** `fetch` takes no address with a name and a password in it; they go into `passwords`. */
function parseEndpoint(endpoint: string, passwords: Map<string, string>): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new RangeError(`fromPretrained: expected endpoint to be an http: or https: URL, got ${withoutSecrets(JSON.stringify(endpoint))}`);
  if (url.username === "" && url.password === "") return endpoint.replace(/(?<!\/)\/+$/u, "");
  const plain = Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`);
  passwords.set(url.origin, `Basic ${plain.toString("base64")}`);
  url.username = "";
  url.password = "";
  return url.href.replace(/(?<!\/)\/+$/u, "");
}

/** A part of an address without percent signs; one that has a bare percent sign as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function findToken(given: string | undefined, environment: Environment): Promise<string | undefined> {
  const token = (given ?? (isTrue(environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"]) ? "" : await implicitToken(environment))).trim();
  // The value is not repeated: messages end up in logs.
  if (!/^[!-~]*$/u.test(token)) throw new RangeError("fromPretrained: expected token to be printable ASCII without spaces");
  return token === "" ? undefined : token;
}

async function implicitToken(environment: Environment): Promise<string> {
  const token = environment["HF_TOKEN"]?.trim() || environment["HUGGING_FACE_HUB_TOKEN"]?.trim();
  if (token) return token;
  const path = environment["HF_TOKEN_PATH"];
  const home = homeFolder(environment);
  const file = path ? expand(path, environment) : home && join(home, "token");
  return file === undefined ? "" : readFile(file, "utf8").catch(() => "");
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

function seconds(value: string | undefined, byDefault: number): number {
  const parsed = Number(value);
  return 1000 * (parsed > 0 && parsed < 86_400 ? parsed : byDefault);
}
