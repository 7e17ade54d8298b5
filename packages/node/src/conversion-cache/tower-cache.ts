/**
 * Converted towers on the disk, in `.chinese-clip` in the hub's cache: each is converted once, in a thread of its own, and found again by
 * the hash of the weights that it was made of. That hash is not computed again while the files' sizes and times stay what they were.
 *
 *     .chinese-clip/towers/<hash>/text.q8.safetensors           and beside it .sha256, which is checked when the file is opened
 *     .chinese-clip/sources/<what the weights' files looked like>.json    -> { "hash": "…" }
 *
 * Deleting any of it costs another conversion, nothing else. A cache that cannot be written is read; what it lacks goes to a temporary folder.
 */
import { createHash } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CheckpointError, type CheckpointErrorCode } from "@chinese-clip/model";
import { TOWER_FORMAT } from "@chinese-clip/model/quantize";
import {
  errorMessage,
  HubError,
  type HubErrorCode,
  reviveInferenceError,
  type PretrainedOptions,
  type TowerConversion,
} from "@chinese-clip/pipeline";
import { stageFile, sweepStaging } from "@chinese-clip/pipeline/node";
import { LocalFolder } from "../sources/local-folder.js";
import type { DiskModelFiles } from "../sources/open-model.js";
import { cacheFolder } from "../hub/hub-settings.js";
import { hostProcess } from "../worker/host-process.js";
import { WorkerHost } from "../worker/worker-host.js";
import { SharedWork } from "./shared-work.js";
import { makeTemporaryFolder } from "./temporary-folder.js";
import { checksumFile, type ConversionRequest, type ConversionWorkerData } from "./conversion-messages.js";
import { isIntact } from "./is-intact.js";

/** Conversions under way in this process, by what they are of: a model that is opened twice is converted once. */
const converting: Map<string, SharedWork<string>> = new Map();

/** Where this process puts conversions that a cache does not take, by the cache's folder; removed when the process exits. */
const temporaries: Map<string, Promise<string>> = new Map();

/** In {@link temporaries}, for a process without a home folder, which has no cache. */
const HOMELESS = "";

/** Which conversion, and where. */
interface Place {
  /** Has a folder for each conversion, named by its hash. */
  readonly towers: string;
  /** Remembers the hash of weights that look the same. */
  readonly memo: string;
  readonly byteLength: number;
  /** Called before a conversion. */
  readonly onConvert: () => void;
  readonly onCacheError: (error: HubError) => void;
}

/**
 * Finds a converted tower, or converts it.
 *
 * @returns files whose folder has {@link TowerConversion.file}.
 * @throws CheckpointError - the weights cannot be read; HubError - `disk`: no space in the temporary folder either; the signal's reason, once nothing of a
 * conversion that nobody else waits for is left.
 */
export async function cacheTower(
  { checkpoint, tower, dtype, file }: TowerConversion,
  files: DiskModelFiles,
  { cacheDir, onProgress, onCacheError = warn, signal }: PretrainedOptions,
): Promise<DiskModelFiles> {
  const { source } = files;
  const { integers } = file;
  const names = new Set([...checkpoint.tensors.values()].map((tensor) => tensor.file));
  const weightsFolder = files.folderOf(names);
  const looks = await Promise.all([...names].toSorted().map((name) => lookOf(join(weightsFolder, name))));
  const key = createHash("sha256")
    .update(JSON.stringify([TOWER_FORMAT, tower, dtype, integers, ...looks]))
    .digest("hex");
  const root = join(await cacheRoot(cacheDir, onCacheError), ".chinese-clip");
  const place: Place = {
    towers: join(root, "towers"),
    memo: join(root, "sources", `${key}.json`),
    byteLength: file.byteLength,
    onConvert: () => onProgress?.({ status: "initiate", name: source, file: file.name }),
    onCacheError,
  };
  const known = await rememberedHash(place.memo);
  const path = known === undefined ? undefined : await cachedPath(place, known, file.name);
  if (path !== undefined) {
    // A process that was killed just after it had converted left its locks.
    await Promise.all([place.towers, dirname(place.memo)].map(sweepStaging));
    return cachedFiles(path, source);
  }

  const stamps = await files.stampsOf(names);
  signal?.throwIfAborted();
  let conversion = converting.get(key);
  if (conversion === undefined || conversion.isAbandoned) {
    const data: ConversionWorkerData = { tensors: checkpoint.tensors, weightsFolder, stamps, tower, dtype, integers, name: file.name };
    conversion = new SharedWork((ending) => findOrConvert(data, place, ending));
    converting.set(key, conversion);
  }
  const made = await conversion.wait(signal).finally(() => {
    if (converting.get(key) === conversion && conversion.isAbandoned) converting.delete(key);
  });
  onProgress?.({ status: "done", name: source, file: file.name });
  return cachedFiles(made, source);
}

/** The hub's cache; where there can be none, a temporary folder. */
async function cacheRoot(cacheDir: string | undefined, onCacheError: (error: HubError) => void): Promise<string> {
  try {
    return resolve(cacheDir ?? cacheFolder("hugging-face"));
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    onCacheError(error);
    return temporaryOf(HOMELESS);
  }
}

async function findOrConvert(data: ConversionWorkerData, place: Place, signal: AbortSignal): Promise<string> {
  const host = new WorkerHost<ConversionRequest>(() => new URL("./conversion-worker.cjs", import.meta.url), {
    name: `chinese-clip ${data.tower} conversion`,
    workerData: data,
    reviveError: {
      InferenceError: reviveInferenceError,
      CheckpointError: (message, { code, details }) =>
        new CheckpointError(code as CheckpointErrorCode, message, { ...(details as object) }),
      HubError: (message, { code, details, cause }) => new HubError(code as HubErrorCode, message, { ...(details as object) }, { cause }),
    },
  });
  signal.addEventListener("abort", () => void host.call({ type: "abort" }).catch(() => undefined));
  try {
    const hash = await host.call<string>({ type: "hash" });
    const found = await cachedPath(place, hash, data.name);
    if (found === undefined) place.onConvert();
    const path = found ?? (await convert(host, hash, data.name, place));
    await remember(place.memo, hash);
    return path;
  } finally {
    await host.dispose();
  }
}

async function convert(host: WorkerHost<ConversionRequest>, hash: string, name: string, { towers, onCacheError }: Place): Promise<string> {
  try {
    await host.call({ type: "convert", folder: towers, hash });
    return join(towers, hash, name);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    onCacheError(error);
  }
  const temporary = await temporaryOf(towers);
  await host.call({ type: "convert", folder: temporary, hash });
  return join(temporary, hash, name);
}

/** The path of a conversion that is whole, in the cache or among this process's own. */
async function cachedPath({ towers, byteLength }: Place, hash: string, name: string): Promise<string | undefined> {
  const temporary = await temporaries.get(towers);
  for (const folder of temporary === undefined ? [towers] : [towers, temporary]) {
    const path = join(folder, hash, name);
    if (await isIntact(path, checksumFile(path), byteLength)) return path;
  }
  return undefined;
}

function temporaryOf(cache: string): Promise<string> {
  const folder = temporaries.get(cache) ?? makeTemporaryFolder();
  temporaries.set(cache, folder);
  folder.catch(() => temporaries.delete(cache)); // the next one tries again
  return folder;
}

function warn(error: HubError): void {
  hostProcess.emitWarning(
    `${errorMessage(error)}. The converted weights go to a temporary folder, and are converted again by the next process`,
    {
      code: "CHINESE_CLIP_CACHE",
    },
  );
}

/** What tells that a file is still the one that was hashed. */
async function lookOf(path: string): Promise<readonly string[]> {
  const { size, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [path, ...[size, ino, mtimeNs, ctimeNs].map(String)];
}

async function rememberedHash(memo: string): Promise<string | undefined> {
  const text = await readFile(memo, "utf8").catch(() => "");
  return /^\{"hash":"([0-9a-f]{64})"\}$/u.exec(text)?.[1];
}

/** In a cache that cannot be written, the hash is computed again by the next process. */
async function remember(memo: string, hash: string): Promise<void> {
  await stageFile(memo, (part) => writeFile(part, JSON.stringify({ hash }))).catch(() => undefined);
}

async function cachedFiles(path: string, source: string): Promise<DiskModelFiles> {
  const files = await LocalFolder.open(path, source);
  if (files === undefined)
    throw new CheckpointError("missing-file", `${path}: expected the converted weights, got no file`, { file: path });
  return files;
}
