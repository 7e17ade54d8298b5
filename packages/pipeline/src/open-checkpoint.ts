/**
 * Which of a model's files are its weights. The same weights are often there more than once, in several formats.
 */
import { type Checkpoint, CheckpointError, type CheckpointFile, parseShardIndex, readCheckpoint } from "@chinese-clip/model";
import type { ModelFiles } from "./platform.js";
import { missing, readJson } from "./read-json.js";

/** By preference: safetensors is read with the fewest reads. An index stands for the files that it names. */
const WEIGHTS: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
/** What else may be the weights, where there is one such file: cn_clip's release, a fine-tuned checkpoint, a file under a name of its own. */
const OTHER_WEIGHTS: readonly RegExp[] = [/^clip_cn_.*\.pt$/, /\.pt$/, /\.(safetensors|bin|pth)$/];

/** Whether a model has weights in a checkpoint's format. */
export async function hasCheckpoint(files: ModelFiles): Promise<boolean> {
  const names = await files.list();
  return names.some((name) => WEIGHTS.includes(name) || OTHER_WEIGHTS.some((pattern) => pattern.test(name)));
}

/**
 * Reads which tensors a model's weights hold.
 *
 * @throws CheckpointError - `missing-file`: none, or a shard; or one that can't be read.
 */
export async function openCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  const name = chooseWeights(files.source, await files.list());
  if (!name.endsWith(".json")) return readCheckpoint([await openWeights(files, name)]);
  const index = parseShardIndex(await readJson(files, name), name);
  const shards = await Promise.all(index.files.map(async (shard) => [shard, await openWeights(files, shard)] as const));
  const opened = new Map(shards); // under names of their own, maybe
  const weightMap = new Map([...index.weightMap].map(([tensor, shard]) => [tensor, opened.get(shard)?.name ?? shard]));
  return readCheckpoint([...opened.values()], { ...index, weightMap });
}

function chooseWeights(source: string, names: readonly string[]): string {
  const known = WEIGHTS.find((name) => names.includes(name));
  if (known !== undefined) return known;
  for (const pattern of OTHER_WEIGHTS) {
    const [first, ...others] = names.filter((name) => pattern.test(name));
    if (first === undefined) continue;
    if (others.length === 0) return first;
    throw new CheckpointError("missing-file", `expected one weights file, got ${[first, ...others].join(", ")}; name the one to load`, {
      source,
      expected: WEIGHTS,
      actual: [first, ...others],
    });
  }
  throw new CheckpointError("missing-file", `expected weights: ${WEIGHTS.join(", ")} a .pt file or onnx/model.onnx, got none of them`, {
    file: WEIGHTS[0],
    source,
    expected: WEIGHTS,
  });
}

async function openWeights(files: ModelFiles, name: string): Promise<CheckpointFile> {
  const file = await files.open(name);
  if (file === undefined) throw missing(files, name);
  return file;
}
