/**
 * Which of a model's files are its weights. The same weights are often there more than once, in several formats.
 */
import { type Checkpoint, CheckpointError, type CheckpointFile, parseShardIndex, readCheckpoint } from "@chinese-clip/model";
import type { Dtype, ModelFiles } from "../platform.js";
import { isCheckpointFile, OTHER_WEIGHTS_FILES, parseTowerFileName, WEIGHTS_FILES } from "./model-file-names.js";
import { missing, readJson } from "./read-json.js";

/** Whether a model has weights in a checkpoint's format. */
export async function hasCheckpoint(files: ModelFiles): Promise<boolean> {
  const names = await files.list();
  const isWeights = (name: string): boolean =>
    parseTowerFileName(name) !== undefined || OTHER_WEIGHTS_FILES.some((pattern) => pattern.test(name));
  return knownWeights(files.source, names) !== undefined || names.some(isWeights);
}

/**
 * Reads which tensors a model's weights hold, from the headers of their files.
 *
 * @param dtype - selects among the files of a folder that has one for each tower and dtype.
 * @throws CheckpointError - `missing-file`: no weights, no such shard, or none in that dtype; or a file that cannot be read.
 */
export async function openCheckpoint(files: ModelFiles, dtype: Dtype): Promise<Checkpoint> {
  const names = await files.list();
  const known = knownWeights(files.source, names);
  if (known === undefined && names.some((name) => parseTowerFileName(name) !== undefined)) return openTowerFiles(files, names, dtype);
  // Non-standard names and their error messages load lazily.
  const name = known ?? (await (await import("./other-weights.js")).otherWeights(files, names));
  if (!name.endsWith(".json")) return readCheckpoint([await openFile(files, name)]);
  const index = await parseShardIndex(await readJson(files, name), name);
  const shards = new Map(await Promise.all(index.files.map(async (shard) => [shard, await openFile(files, shard)] as const)));
  // An opened file may have another name than it was asked for by.
  const weightMap = new Map([...index.weightMap].map(([tensor, shard]) => [tensor, shards.get(shard)?.name ?? shard]));
  return readCheckpoint([...shards.values()], { ...index, weightMap });
}

/** The weights of a folder that `exportWeb` wrote: one file for each tower and dtype. */
async function openTowerFiles(files: ModelFiles, names: readonly string[], dtype: Dtype): Promise<Checkpoint> {
  const wanted = names.filter((name) => parseTowerFileName(name)?.dtype === dtype);
  if (wanted.length === 0) {
    const dtypes = new Set(names.flatMap((name) => parseTowerFileName(name)?.dtype ?? []));
    throw new CheckpointError("missing-file", `expected weights in ${dtype}, got ${[...dtypes].join(", ")}; name one of these as dtype`, {
      source: files.source,
      expected: dtype,
      actual: [...dtypes],
    });
  }
  return readCheckpoint(await Promise.all(wanted.map((name) => openFile(files, name))));
}

function knownWeights(source: string, names: readonly string[]): string | undefined {
  // A source that names a file means that file, whatever it is called.
  const isNamed = (name: string): boolean => isCheckpointFile(name) && /[^/\\]*$/.exec(source)?.[0] === name;
  return WEIGHTS_FILES.find((name) => names.includes(name)) ?? names.find(isNamed);
}

async function openFile(files: ModelFiles, name: string): Promise<CheckpointFile> {
  const file = await files.open(name);
  if (file === undefined) throw missing(files, name);
  return file;
}
