/**
 * The index of a checkpoint in several files, as transformers writes it: which file holds which tensor.
 */
import { malformed, quote, showName } from "../checkpoint-error.js";

/** More files than any model has: the largest published ones, of another kind, have 200. */
const MAX_FILES = 1024;

/** Which of a checkpoint's files holds which tensor: a `model.safetensors.index.json` or `pytorch_model.bin.index.json`. */
export interface ShardIndex {
  /** The index's own name. */
  readonly name: string;
  /** Names of the files, each once: plain names, of files beside the index. */
  readonly files: readonly string[];
  /** Name of a tensor in its file -> name of the file. */
  readonly weightMap: ReadonlyMap<string, string>;
}

/**
 * Reads a parsed index.
 *
 * @param name - the index's name, for messages.
 * @throws {@link CheckpointError} `malformed`: no map, or one that leads out of the folder.
 */
export function parseShardIndex(json: unknown, name: string): ShardIndex {
  const map: unknown = typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) malformed({ name }, "expected an object weight_map");
  const weightMap = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map as Record<string, unknown>)) {
    // oxlint-disable-next-line no-control-regex -- it rejects control characters
    if (typeof file !== "string" || !/^[^./\\:\x00-\x1f][^/\\:\x00-\x1f]{0,254}$/.test(file))
      malformed({ name }, `tensor ${showName(tensor)}: expected the name of a file beside this one, got ${quote(file)}`, { tensor });
    weightMap.set(tensor, file);
  }
  if (weightMap.size === 0) malformed({ name }, "expected a weight_map of some tensors, got none");
  const files = [...new Set(weightMap.values())];
  if (files.length > MAX_FILES) malformed({ name }, `expected at most ${MAX_FILES} files, got ${files.length}`);
  return { name, files, weightMap };
}
