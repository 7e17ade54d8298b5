/**
 * A checkpoint in several files. What reads its index comes when there is one.
 */

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
 * Reads a parsed index, as transformers writes it for a checkpoint in several files.
 *
 * @param name - the index's name, for messages.
 * @throws {@link CheckpointError} `malformed`: no map, or one that leads out of the folder.
 */
export async function parseShardIndex(json: unknown, name: string): Promise<ShardIndex> {
  const reader = await import("./shard-map.js");
  return reader.parseShardMap(json, name);
}
