/**
 * Converted towers on the disk, in `.chinese-clip` in the hub's cache: each is converted once, in a thread of its own, and found again by
 * the hash of the weights that it was made of. That hash is not computed again while the files' sizes and times stay what they were.
 *
 *     .chinese-clip/towers/<hash>/text.q8.safetensors
 *     .chinese-clip/sources/<what the weights' files looked like>.json    -> { "hash": "…" }
 *
 * Deleting any of it costs another conversion, nothing else.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CheckpointError, type CheckpointErrorCode } from "@chinese-clip/model";
import { TOWER_FORMAT } from "@chinese-clip/model/quantize";
import { HubError, type HubErrorCode, type PretrainedOptions, type TowerConversion } from "@chinese-clip/pipeline";
import { fileSize } from "../files/disk-file.js";
import { LocalFolder } from "../files/local-folder.js";
import type { DiskModelFiles } from "../files/open-model.js";
import { cacheError } from "../hub/hub-cache.js";
import { cacheFolder } from "../hub/hub-settings.js";
import { WorkerHost } from "../worker/worker-host.js";
import type { ConvertedTower, ConvertRequest, ConversionWorkerData } from "./conversion-messages.js";

/** Conversions under way in this process, by what they are of: a model that is opened twice is converted once. */
const converting: Map<string, Promise<string>> = new Map();

/**
 * Finds a converted tower, or converts it.
 *
 * @returns files whose folder has {@link TowerConversion.file}.
 * @throws HubError - `disk`, `cache`: the converted weights cannot be written; CheckpointError - the weights cannot be read.
 */
export async function cacheTower(
  { checkpoint, tower, dtype, file }: TowerConversion,
  files: DiskModelFiles,
  { cacheDir, onProgress, signal }: PretrainedOptions,
): Promise<DiskModelFiles> {
  const root = join(resolve(cacheDir ?? cacheFolder("hugging-face")), ".chinese-clip");
  const { source } = files;
  const names = new Set([...checkpoint.tensors.values()].map((tensor) => tensor.file));
  const weightsFolder = files.folderOf(names);
  const looks = await Promise.all([...names].toSorted().map((name) => lookOf(join(weightsFolder, name))));
  const key = createHash("sha256")
    .update(JSON.stringify([TOWER_FORMAT, tower, dtype, ...looks]))
    .digest("hex");
  const folder = join(root, "towers");
  const memo = join(root, "sources", `${key}.json`);
  const known = await rememberedHash(memo);
  const path = known === undefined ? undefined : join(folder, known, file.name);
  if (path !== undefined && (await fileSize(path)) === file.byteLength) return cachedFiles(path, source);

  signal?.throwIfAborted();
  onProgress?.({ status: "initiate", name: source, file: file.name });
  let conversion = converting.get(key);
  if (conversion === undefined) {
    const data = { tensors: checkpoint.tensors, weightsFolder, tower, dtype, name: file.name, folder };
    conversion = convert(data, memo).finally(() => converting.delete(key));
    converting.set(key, conversion);
  }
  const made = await conversion;
  onProgress?.({ status: "done", name: source, file: file.name });
  return cachedFiles(made, source);
}

async function convert(data: ConversionWorkerData, memo: string): Promise<string> {
  const host = new WorkerHost<ConvertRequest>(() => new URL("./conversion-worker.cjs", import.meta.url), {
    name: `chinese-clip ${data.tower} conversion`,
    workerData: data,
    reviveError: {
      CheckpointError: (message, { code, details }) =>
        new CheckpointError(code as CheckpointErrorCode, message, { ...(details as object) }),
      HubError: (message, { code, details, cause }) => new HubError(code as HubErrorCode, message, { ...(details as object) }, { cause }),
    },
  });
  try {
    const { hash } = await host.call<ConvertedTower>({ type: "convert" });
    await mkdir(join(memo, ".."), { recursive: true });
    const part = `${memo}.${randomUUID()}.part`;
    await writeFile(part, JSON.stringify({ hash }));
    await rename(part, memo);
    return join(data.folder, hash, data.name);
  } catch (error) {
    throw cacheError(error, memo);
  } finally {
    await host.dispose();
  }
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

async function cachedFiles(path: string, source: string): Promise<DiskModelFiles> {
  const files = await LocalFolder.open(path, source);
  if (files === undefined)
    throw new CheckpointError("missing-file", `${path}: expected the converted weights, got no file`, { file: path });
  return files;
}
