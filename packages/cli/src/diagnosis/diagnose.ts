/**
 * The state of this machine as far as it matters to Chinese-CLIP: runtime, processor, cache, network.
 */
import { constants } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { freemem, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { describeRuntime, HubError, type HubSettings, readHubSettings, type RuntimeDescription } from "@chinese-clip/node";
import { withoutSecrets } from "@chinese-clip/pipeline";
import { describeProcessor, type Processor } from "./processor.js";

/** Variables that decide where models come from and how; the values of those that hold secrets are not shown. */
const VARIABLES = "HF_ENDPOINT MODELSCOPE_ENDPOINT HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HOME XDG_CACHE_HOME MODELSCOPE_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE HTTPS_PROXY HTTP_PROXY ALL_PROXY NO_PROXY https_proxy http_proxy all_proxy no_proxy".split(" "); // prettier-ignore

/** The cache's folder. */
export interface CacheState {
  /** Undefined where the environment names none, and there is no home folder. */
  readonly folder: string | undefined;
  readonly writable: boolean;
  /** Undefined where there is no such folder yet. */
  readonly bytes: number | undefined;
  readonly models: readonly string[];
}

/** One hub's endpoint. */
export interface EndpointState {
  readonly url: string;
  readonly reachable: boolean;
  /** Milliseconds until the answer, or why there was none. */
  readonly milliseconds: number | undefined;
  readonly reason: string | undefined;
}

/** The report. */
export interface Diagnosis {
  readonly node: string;
  readonly platform: string;
  /** Or why it cannot be loaded. */
  readonly runtime: RuntimeDescription | { readonly error: string };
  readonly processor: Processor;
  readonly memory: { readonly total: number; readonly free: number };
  readonly cache: CacheState;
  readonly offline: boolean;
  readonly hasToken: boolean;
  readonly endpoints: readonly EndpointState[];
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Examines the machine. Nothing here is a failure by itself: whoever has no network is not wrong.
 *
 * @param timeout - milliseconds that an endpoint may take to answer.
 * @throws RangeError - variables that cannot be meant, such as an endpoint that is no URL; the signal's reason.
 */
export async function diagnose(timeout: number, signal: AbortSignal): Promise<Diagnosis> {
  const settingsOf = (cacheDir?: string): Promise<[HubSettings, HubSettings]> =>
    Promise.all([readHubSettings("hugging-face", { cacheDir }), readHubSettings("modelscope", { cacheDir })]);
  let hasCache = true;
  const [huggingFace, modelScope] = await settingsOf().catch((error: unknown) => {
    if (!(error instanceof HubError)) throw error;
    hasCache = false;
    return settingsOf(tmpdir());
  });
  const offline = huggingFace.offline;
  const [runtime, processor, cache, endpoints] = await Promise.all([
    describeRuntime().catch((error: unknown) => ({ error: error instanceof Error ? error.message : String(error) })),
    describeProcessor(),
    hasCache ? inspectCache(huggingFace.cacheDir) : { folder: undefined, writable: false, bytes: undefined, models: [] },
    offline ? [] : Promise.all([huggingFace, modelScope].map((settings) => knock(settings, timeout, signal))),
  ]);
  const variables = VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value ? [[name, withoutSecrets(value)] as const] : [];
  });
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    runtime,
    processor,
    memory: { total: totalmem(), free: freemem() },
    cache,
    offline,
    hasToken: huggingFace.token !== undefined,
    endpoints,
    variables: Object.fromEntries(variables),
  };
}

async function knock({ endpoints, fetch }: HubSettings, timeout: number, signal: AbortSignal): Promise<EndpointState> {
  const url = endpoints[0] ?? "";
  const started = performance.now();
  try {
    const response = await fetch(url, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    });
    await response.body?.cancel();
    return { url, reachable: true, milliseconds: Math.round(performance.now() - started), reason: undefined };
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return {
      url,
      reachable: false,
      milliseconds: undefined,
      reason: withoutSecrets(cause instanceof Error ? cause.message : String(cause)),
    };
  }
}

async function inspectCache(folder: string): Promise<CacheState> {
  const names = await readdir(folder).catch(() => undefined);
  const models = (names ?? []).filter((name) => name.startsWith("models--"));
  const sizes = await Promise.all(models.map((name) => folderSize(join(folder, name, "blobs"))));
  return {
    folder,
    writable: await isWritable(folder),
    bytes: names === undefined ? undefined : sizes.reduce((a, b) => a + b, 0),
    models: models.map((name) => name.slice("models--".length).replaceAll("--", "/")),
  };
}

async function folderSize(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then(({ size }) => size, () => 0))); // prettier-ignore
  return sizes.reduce((a, b) => a + b, 0);
}

/** Whether a folder can be written, or made. */
async function isWritable(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return dirname(folder) !== folder && isWritable(dirname(folder));
  if (!found.isDirectory()) return false;
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}
