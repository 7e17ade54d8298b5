/**
 * Which of a model's files are its weights. The same weights are often there more than once, in several formats.
 */
import { type Checkpoint, CheckpointError, type CheckpointFile, parseShardIndex, readCheckpoint } from "@chinese-clip/model";
import type { Dtype, ModelFiles, PretrainedOptions } from "../platform.js";
import { isCheckpointFile, OTHER_WEIGHTS_FILES, otherWeightsFiles, parseTowerFileName, weightsFiles } from "./model-file-names.js";
import { missing, readJson } from "./read-json.js";

/** Which of a model's weights are opened. */
export type CheckpointOptions = Pick<PretrainedOptions, "dtype" | "variant">;

/** Whether a model has weights in a checkpoint's format. */
export async function hasCheckpoint(files: ModelFiles, { variant }: CheckpointOptions): Promise<boolean> {
  const names = await files.list();
  return (
    (await knownWeights(files, names, variant)) !== undefined ||
    names.some((name) => parseTowerFileName(name) !== undefined) ||
    OTHER_WEIGHTS_FILES.some((pattern) => otherWeightsFiles(names, pattern).length > 0)
  );
}

/**
 * Reads which tensors a model's weights hold, from the headers of their files.
 *
 * @param options - `dtype` selects among the files of a folder that has one for each tower and dtype, `variant` among Hugging Face's.
 * @throws CheckpointError - `missing-file`: no weights, no such shard, or none of that dtype or variant; or a file that cannot be read.
 */
export async function openCheckpoint(files: ModelFiles, { dtype = "fp32", variant }: CheckpointOptions): Promise<Checkpoint> {
  const names = await files.list();
  const known = await knownWeights(files, names, variant);
  if (known === undefined && names.some((name) => parseTowerFileName(name) !== undefined)) return openTowerFiles(files, names, dtype);
  // Non-standard names and their error messages load lazily.
  const name = known ?? (await (await import("./other-weights.js")).otherWeights(files, names, variant));
  if (!name.endsWith(".json")) return readCheckpoint([await openFile(files, name)]);
  const index = parseShardIndex(await readJson(files, name, Infinity), name);
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

async function knownWeights(files: ModelFiles, names: readonly string[], variant: string | undefined): Promise<string | undefined> {
  // A source that names a file means that file, whatever it is called.
  const sourceName = files.source.slice(Math.max(files.source.lastIndexOf("/"), files.source.lastIndexOf("\\")) + 1);
  const known = weightsFiles(variant);
  const listed = known.find((name) => names.includes(name)) ?? names.find((name) => name === sourceName && isNamedWeights(name));
  if (listed !== undefined || variant === undefined) return listed;
  // A server that cannot list its files is asked for the usual names, which a variant's are not.
  for (const name of known) if ((await files.open(name)) !== undefined) return name;
  return undefined;
}

/** Whether a file that the source names is weights. One whose download was not finished is read, too: to say so. */
function isNamedWeights(name: string): boolean {
  return isCheckpointFile(name.replace(/\.(?:part|partial|incomplete|crdownload|aria2)$/, ""));
}

async function openFile(files: ModelFiles, name: string): Promise<CheckpointFile> {
  const file = await files.open(name);
  if (file === undefined) throw missing(files, name);
  return file;
}
