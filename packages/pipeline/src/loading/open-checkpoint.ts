/**
 * Which of a model's files are its weights. The same weights are often there more than once, in several formats.
 */
import { type Checkpoint, CheckpointError, type CheckpointFile, parseShardIndex, readCheckpoint } from "@chinese-clip/model";
import type { Dtype, ModelFiles } from "../platform.js";
import { missing, readJson } from "./read-json.js";

/** By preference: safetensors is read with the fewest reads. An index stands for the files that it names. */
const WEIGHTS: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
/** What else may be the weights, where there is one such file: cn_clip's release, a fine-tuned checkpoint. */
const OTHER_WEIGHTS: readonly RegExp[] = [/^clip_cn_.*\.pt$/, /\.pt$/];
/** What is weights under any name if the source itself says so: a path to a file. In a folder it may be something else. */
const NAMED_WEIGHTS = /\.(?:safetensors|bin|pth)$/;

/** A folder that `exportWeb` wrote: one file for each tower and number format. */
const TOWER_FILE = /^(?:text|vision)\.(fp32|fp16|q8|q4)\.safetensors$/;

/** Whether a model has weights in a checkpoint's format. */
export async function hasCheckpoint(files: ModelFiles): Promise<boolean> {
  const names = await files.list();
  const isWeights = (name: string): boolean => [...OTHER_WEIGHTS, TOWER_FILE].some((pattern) => pattern.test(name));
  return knownWeights(files.source, names) !== undefined || names.some(isWeights);
}

/** Of the loads in progress: a release without a configuration is asked for its shapes as well as for its weights. */
const opened: WeakMap<ModelFiles, Promise<Checkpoint>> = new WeakMap();

/**
 * Reads which tensors a model's weights hold; once for each load, however often it is called.
 *
 * @param dtype - which of a folder's number formats, where it has one file for each tower and format.
 * @throws CheckpointError - `missing-file`: none, or a shard, or none in that number format; or one that can't be read.
 */
export function openCheckpoint(files: ModelFiles, dtype: Dtype = "fp32"): Promise<Checkpoint> {
  const checkpoint = opened.get(files) ?? readWeights(files, dtype);
  opened.set(files, checkpoint);
  return checkpoint;
}

async function readWeights(files: ModelFiles, dtype: Dtype): Promise<Checkpoint> {
  const names = await files.list();
  const known = knownWeights(files.source, names);
  if (known === undefined) {
    const towers = names.filter((name) => TOWER_FILE.test(name));
    if (towers.length > 0) return readTowers(files, towers, dtype);
  }
  // What is not called as in Hugging Face's models, or is not there, takes most of the words.
  const name = known ?? (await (await import("./other-weights.js")).otherWeights(files, names, OTHER_WEIGHTS, WEIGHTS));
  if (!name.endsWith(".json")) return readCheckpoint([await openWeights(files, name)]);
  const index = await parseShardIndex(await readJson(files, name), name);
  const shards = await Promise.all(index.files.map(async (shard) => [shard, await openWeights(files, shard)] as const));
  const found = new Map(shards); // under names of their own, maybe
  const weightMap = new Map([...index.weightMap].map(([tensor, shard]) => [tensor, found.get(shard)?.name ?? shard]));
  return readCheckpoint([...found.values()], { ...index, weightMap });
}

async function readTowers(files: ModelFiles, names: readonly string[], dtype: Dtype): Promise<Checkpoint> {
  const wanted = names.filter((name) => TOWER_FILE.exec(name)?.[1] === dtype);
  if (wanted.length === 0) {
    const dtypes = new Set(names.map((name) => TOWER_FILE.exec(name)?.[1]));
    throw new CheckpointError("missing-file", `expected weights in ${dtype}, got ${[...dtypes].join(", ")}; name one of these as dtype`, {
      source: files.source,
      expected: dtype,
      actual: [...dtypes],
    });
  }
  return readCheckpoint(await Promise.all(wanted.map((name) => openWeights(files, name))));
}

function knownWeights(source: string, names: readonly string[]): string | undefined {
  return (
    WEIGHTS.find((name) => names.includes(name)) ?? names.find((name) => NAMED_WEIGHTS.test(name) && /[^/\\]*$/.exec(source)?.[0] === name)
  );
}

async function openWeights(files: ModelFiles, name: string): Promise<CheckpointFile> {
  const file = await files.open(name);
  if (file === undefined) throw missing(files, name);
  return file;
}
